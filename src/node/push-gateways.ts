import { readFile } from 'node:fs/promises'
import type { GatewayAddress } from '#connections/connection.ts'
import { openClientCredentials } from '#connections/credentials.ts'
import { recoverTunnels } from '#connections/push-tunnel.ts'
import { applePush } from '#connectors/apple-push/client.ts'
import { APNS_DESTINATIONS, applePushTunnel } from '#connectors/apple-push/tunnel.ts'
import { type WireOptions, createWire } from '#connectors/apple-push/wire.ts'
import type { Clock } from '#foundation/clock.ts'
import type { GatewayListener } from '#http/gateway/listener.ts'
import type { PushClients } from '#http/gateway/push-clients.ts'
import { listenPushGateway } from '#http/gateway/push-listener.ts'
import { listenTunnel } from '#http/gateway/tunnel-listener.ts'
import type { Connector } from '#sharing/exchange.ts'
import type { SharingParts } from '#sharing/parts.ts'
import type { Sharing } from '#sharing/share.ts'
import { followFacts } from './follow-facts.ts'
import type { Settings } from '../settings.ts'

/** What of Apple's push service is somewhere else, for a node that is pointed at a stand-in. */
export interface PushOptions extends WireOptions {
  /** `host:port` of the push service, for tunnels. */
  readonly destinations?: readonly string[]
}

export interface PushGateways {
  readonly connectors: readonly Connector[]
  /** Opens the gateway of a connection for pushes or for a tunnel; undefined for any other connection. */
  listen(
    parts: SharingParts,
    sharing: Sharing,
    address: GatewayAddress,
    settings: Pick<Settings, 'host' | 'gatewayTls'>,
  ): Promise<GatewayListener> | undefined
  /** Records the ends of tunnels that the named nodes left open. */
  recover(parts: SharingParts, nodeIds: readonly string[]): Promise<number>
  close(): Promise<void>
}

/** Apple's push service: the connectors, and the gateways that are none of plain HTTP. */
export function openPush(clock: Clock, options: PushOptions = {}): PushGateways {
  const wire = createWire(clock, options)
  const push = applePush(wire.send, clock.elapsed)
  const tunnel = applePushTunnel()
  return {
    connectors: [push, tunnel.connector],
    recover: (parts, nodeIds) => recoverTunnels(parts.database, nodeIds, clock.now()),
    close: wire.close,
    listen: (parts, sharing, address, settings) => {
      if (address.connectorId !== push.id && address.connectorId !== tunnel.connector.id)
        return undefined
      return openOne(parts, address, async (clients) => {
        const base = { ...address, sharing, clients, host: settings.host, log: parts.log }
        if (address.connectorId === push.id)
          return listenPushGateway({
            ...base,
            connector: push,
            tls: await pem(settings.gatewayTls),
          })
        const destinations = new Set(options.destinations ?? APNS_DESTINATIONS)
        const { database, lease } = parts
        const { take, connector } = tunnel
        return listenTunnel({ ...base, connector, take, destinations, database, lease, clock })
      })
    },
  }
}

/** Keeps what the gateway knows of its client as it stands in the database: a token that was replaced ends at once. */
async function openOne(
  { database, keys, log }: SharingParts,
  { tenantId, connectionId }: GatewayAddress,
  listen: (clients: () => PushClients) => Promise<GatewayListener>,
): Promise<GatewayListener> {
  const nobody: PushClients = { token: undefined, fingerprint: undefined }
  let clients = nobody
  const load = async (): Promise<void> => {
    const kept = await database.read(tenantId, (reader) =>
      openClientCredentials(reader, keys, connectionId),
    )
    const { token, fingerprint } = { ...nobody, ...kept }
    if (token !== clients.token || fingerprint !== clients.fingerprint)
      clients = { token, fingerprint }
  }
  const stop = await followFacts({ database, log }, { tenantId, connectionId }, load)
  try {
    const gateway = await listen(() => clients)
    return {
      port: gateway.port,
      close: async () => {
        await stop()
        await gateway.close()
      },
    }
  } catch (fault) {
    await stop()
    throw fault
  }
}

async function pem(files: Settings['gatewayTls']) {
  return files && { key: await readFile(files.keyFile), cert: await readFile(files.certFile) }
}
