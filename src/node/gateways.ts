import { type GatewayAddress, listGateways } from '#connections/connection.ts'
import { openClientCredentials } from '#connections/credentials.ts'
import { verifySession } from '#connectors/apple-device-enrollment/sign.ts'
import { INSTALLATION } from '#database/handles.ts'
import { type KeyedHash, sha256Hex } from '#foundation/hashing.ts'
import { appleClientDoor } from '#http/gateway/apple-client-door.ts'
import { bearerClientDoor } from '#http/gateway/bearer-client-door.ts'
import type { ClientDoor } from '#http/gateway/client-door.ts'
import { type GatewayListener, listenGateway } from '#http/gateway/listener.ts'
import { tokenClientDoor } from '#http/gateway/token-client-door.ts'
import type { Connector } from '#sharing/exchange.ts'
import type { SharingParts } from '#sharing/parts.ts'
import type { Sharing } from '#sharing/share.ts'
import { FACTS_CHANNEL } from '#tenants/facts-version.ts'
import { followFacts } from './follow-facts.ts'
import type { PushGateways } from './push-gateways.ts'
import type { Settings } from '../settings.ts'

export interface Gateways {
  /** Opens the gateway of one connection, unless it is open; it stays until the node stops. */
  open(address: GatewayAddress): Promise<GatewayListener>
  /**
   * Opens the gateways of all connections that have a port, and from then on follows: one that gets a port is opened,
   * one that gets another or none is closed, on every node as soon as that commits. One that cannot be opened is
   * logged and tried again with the next change, and keeps no other from opening.
   */
  follow(): Promise<readonly GatewayListener[]>
  close(): Promise<void>
}

interface Opened {
  readonly listener: GatewayListener
  readonly port: number
}

const AGAIN_IN_MS = 5_000

export function createGateways(
  parts: SharingParts,
  sharing: Sharing,
  push: PushGateways,
  settings: Pick<Settings, 'host' | 'gatewayTls'>,
): Gateways {
  const fixed = new Map<string, Promise<GatewayListener>>()
  const followed = new Map<string, Opened>()
  const listenOne = (address: GatewayAddress): Promise<GatewayListener> =>
    push.listen(parts, sharing, address, settings) ?? listen(parts, sharing, address, settings.host)
  let stopListening: (() => Promise<void>) | undefined
  let retry: NodeJS.Timeout | undefined
  let isClosed = false
  let running: Promise<void> = Promise.resolve()
  let isWaiting = false

  const round = async (): Promise<void> => {
    isWaiting = false
    if (isClosed) return
    const addresses = await parts.database.read(INSTALLATION, listGateways)
    const wanted = new Map(addresses.map((address) => [nameOf(address), address]))
    for (const [name, { listener, port }] of followed) {
      if (wanted.get(name)?.port === port) continue
      followed.delete(name)
      await listener.close()
    }
    let failed = false
    for (const [name, address] of wanted) {
      if (fixed.has(name) || followed.has(name)) continue
      try {
        followed.set(name, { listener: await listenOne(address), port: address.port })
      } catch (fault) {
        failed = true
        parts.log.warn('a gateway could not be opened and is tried again', {
          tenantId: address.tenantId,
          connectionId: address.connectionId,
          port: address.port,
          code: codeOf(fault),
        })
      }
    }
    if (failed) tryAgain()
  }
  /** One round at a time, and one more for what changed while it ran. */
  const follow = (): Promise<void> => {
    if (isWaiting) return running
    isWaiting = true
    running = running.then(round).catch((fault: unknown) => {
      parts.log.warn('the gateways could not be looked up and are looked up again', {
        code: codeOf(fault),
      })
      tryAgain()
    })
    return running
  }
  const tryAgain = (): void => {
    clearTimeout(retry)
    if (isClosed) return
    retry = setTimeout(() => void follow(), AGAIN_IN_MS)
    retry.unref()
  }
  return {
    open: (address) => {
      const name = nameOf(address)
      const opened = fixed.get(name) ?? listenOne(address)
      fixed.set(name, opened)
      opened.catch(() => fixed.delete(name))
      return opened
    },
    follow: async () => {
      stopListening ??= await parts.database.listen(
        FACTS_CHANNEL,
        () => void follow(),
        () => void follow(),
      )
      await follow()
      return [...followed.values()].map(({ listener }) => listener)
    },
    close: async () => {
      isClosed = true
      clearTimeout(retry)
      await stopListening?.()
      await running
      const open = await Promise.allSettled(fixed.values())
      await Promise.all([
        ...[...followed.values()].map(({ listener }) => listener.close()),
        ...open.map((one) => (one.status === 'fulfilled' ? one.value.close() : undefined)),
      ])
    },
  }
}

function nameOf({ tenantId, connectionId }: GatewayAddress): string {
  return `${tenantId}/${connectionId}`
}

/** Such as `EADDRINUSE`: never a message. */
function codeOf(fault: unknown): string {
  return (fault as NodeJS.ErrnoException).code ?? (fault as Error).name
}

async function listen(
  parts: SharingParts,
  sharing: Sharing,
  address: GatewayAddress,
  host: string,
): Promise<GatewayListener> {
  const { tenantId, connectionId, connectorId, port } = address
  const connector = parts.connectors.get(connectorId)
  if (!connector) throw new Error(`no connector ${connectorId}`)
  const { door, close } = await followingDoor(parts, sharing, address, connector)
  try {
    const opened = await listenGateway({
      tenantId,
      connectionId,
      connector,
      sharing,
      port,
      host,
      log: parts.log,
      door,
    })
    return {
      port: opened.port,
      close: async () => {
        await close()
        await opened.close()
      },
    }
  } catch (fault) {
    await close()
    throw fault
  }
}

/** A client whose credentials were replaced is not let in with the old ones, on any node. */
async function followingDoor(
  parts: SharingParts,
  sharing: Sharing,
  address: GatewayAddress,
  connector: Connector,
): Promise<{ door: ClientDoor; close(): Promise<void> }> {
  const { tenantId, connectionId } = address
  const load = () =>
    parts.database.read(tenantId, (reader) =>
      openClientCredentials(reader, parts.keys, connectionId),
    )
  let known = ''
  let current: ClientDoor = NOBODY
  const take = async (): Promise<void> => {
    const client = await load()
    const now = JSON.stringify(client)
    if (now === known) return
    current = client ? await clientDoor(parts, sharing, address, connector, client) : NOBODY
    known = now
  }
  const close = await followFacts(parts, address, take)
  return {
    close,
    door: {
      openSession: (request, path) => current.openSession(request, path),
      isClient: (request) => current.isClient(request),
    },
  }
}

/** Before the client has credentials nobody is it. */
const NOBODY: ClientDoor = { openSession: () => undefined, isClient: () => false }

/** How the gateway knows the tenant's own client, in the way that the party's protocol has. */
async function clientDoor(
  parts: SharingParts,
  sharing: Sharing,
  { tenantId, connectionId }: GatewayAddress,
  connector: Connector,
  client: Readonly<Record<string, string>>,
): Promise<ClientDoor> {
  const keyed = await parts.database.read(tenantId, (reader) =>
    parts.keys.blindIndex(reader, 'gateway-session'),
  )
  // A session is of the credentials that opened it: it ends with them.
  const of = sha256Hex(JSON.stringify(client))
  const hash: KeyedHash = (text) => keyed(`${of} ${text.toString()}`)
  if (connector.clientDoor === 'bearer') {
    if (!client.token) throw new Error(`the connection ${connectionId} has no token for its client`)
    return bearerClientDoor(client.token)
  }
  if (connector.clientDoor === 'client-credentials') {
    const { client_id: id, client_secret: secret } = client
    if (!id || !secret) throw new Error(`the connection ${connectionId} has no client of its own`)
    return tokenClientDoor({ connectionId, client: { id, secret }, hash, now: sharing.gate.now })
  }
  const { consumer_key = '', consumer_secret = '', access_token = '', access_secret = '' } = client
  const secrets = { consumer_key, consumer_secret, access_token, access_secret }
  return appleClientDoor({
    connectionId,
    verify: (request) => verifySession(secrets, request),
    hash,
    origins: (request) => [`http://${request.headers.host}`, `https://${request.headers.host}`],
    write: (work) => parts.database.write(tenantId, work),
    now: sharing.gate.now,
  })
}
