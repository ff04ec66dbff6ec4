import { type IncomingMessage, createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type OpenTunnel, recordTunnel, recordTunnelEnd } from '#connections/push-tunnel.ts'
import type { Database } from '#database/handles.ts'
import type { Clock } from '#foundation/clock.ts'
import { newId } from '#foundation/ids.ts'
import type { Log } from '#foundation/log.ts'
import { type RefusalCode, isRefusal, refuse } from '#foundation/refusal.ts'
import type { Connector, IncomingResponse } from '#sharing/exchange.ts'
import type { Sharing } from '#sharing/share.ts'
import type { GatewayListener } from './listener.ts'
import { type PushClients, holdsToken } from './push-clients.ts'

export interface TunnelParts {
  readonly tenantId: string
  readonly connectionId: string
  readonly connector: Connector
  readonly sharing: Pick<Sharing, 'share' | 'refuse' | 'gate'>
  readonly database: Database
  readonly lease: { held(): boolean }
  readonly clock: Clock
  readonly clients: () => PushClients
  /** `host:port` of Apple's push service: a tunnel leads nowhere else. */
  readonly destinations: ReadonlySet<string>
  /** The connection that the connector opened for the tunnel of this id. */
  readonly take: (id: string) => Socket | undefined
  readonly host: string
  readonly port: number
  readonly log: Log
}

interface Running {
  readonly tunnel: OpenTunnel
  readonly clients: PushClients
  end(reason: string): void
}

/** The tunnels of one gateway. */
interface Room {
  readonly running: Set<Running>
  /** Asked for, and neither open nor refused yet. */
  readonly opening: Set<Promise<void>>
  /** Ended, and the end not durable yet. */
  readonly recording: Set<Promise<void>>
  isClosing: boolean
}

const LOOK_EVERY_IN_MS = 200
const RECORD_AGAIN_IN_MS = 250
const MOST_TUNNELS = 64

/**
 * An HTTP CONNECT proxy to Apple's push service and nothing else, for a management server that keeps its own push
 * certificate. It needs consent to a flow of its own, says before anything passes that it is open, and afterwards for
 * how long and how much. What passes is *unseen*.
 */
export async function listenTunnel(parts: TunnelParts): Promise<GatewayListener> {
  const room: Room = {
    running: new Set(),
    opening: new Set(),
    recording: new Set(),
    isClosing: false,
  }
  const { running, opening, recording } = room
  const server = createServer((_, response) => {
    response.writeHead(405, { allow: 'CONNECT', 'content-type': 'text/plain' }).end('only CONNECT')
  })
  server.on('connect', (request: IncomingMessage, client: Duplex, head: Buffer) => {
    client.on('error', () => {
      // It went away; the end of the tunnel says how much had passed.
    })
    const opened = open(parts, request, client, head, room)
      .catch((fault: unknown) => {
        parts.log.error('a tunnel could not be opened', {
          tenantId: parts.tenantId,
          connectionId: parts.connectionId,
          code: fault instanceof Error ? fault.name : 'unknown',
        })
        client.destroy()
      })
      .finally(() => opening.delete(opened))
    opening.add(opened)
  })
  const looking = setInterval(() => void look(parts, running), LOOK_EVERY_IN_MS)
  looking.unref()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(parts.port, parts.host, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      clearInterval(looking)
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve())
      })
      room.isClosing = true
      for (const one of running) one.end('node_stopped')
      // One that is being opened ends as soon as it is.
      await Promise.all(opening)
      await closed
      await Promise.all(recording)
    },
  }
}

async function open(
  parts: TunnelParts,
  request: IncomingMessage,
  client: Duplex,
  head: Buffer,
  room: Room,
): Promise<void> {
  const { tenantId, connectionId, connector, sharing } = parts
  const clients = parts.clients()
  const no = (response: IncomingResponse): void => refuseTunnel(client, response)
  if (!holdsToken(request.headers['proxy-authorization'], clients))
    return no(connector.refusalResponse(refuse('client_unauthenticated')))
  const where = { tenantId, connectionId, actor: `client:${connectionId}` }
  const destination = (request.url ?? '').toLowerCase()
  if (!parts.destinations.has(destination))
    return no(connector.refusalResponse(await sharing.refuse(where, refuse('tunnel_destination'))))
  if (room.running.size + room.opening.size >= MOST_TUNNELS)
    return no(connector.refusalResponse(await sharing.refuse(where, refuse('limit_reached'))))
  const [exchange] = connector.exchanges
  if (!exchange) throw new Error('the tunnel has no exchange')
  const tunnelId = newId()
  const shared = await sharing.share({
    ...where,
    exchange,
    call: {
      method: 'POST',
      parameters: { destination },
      query: new URLSearchParams({ id: tunnelId }),
      body: undefined,
    },
  })
  if (isRefusal(shared)) return no(connector.refusalResponse(shared))
  const upstream = parts.take(tunnelId)
  if ('failed' in shared || !upstream)
    return no({ status: 502, headers: {}, body: Buffer.from('the push service cannot be reached') })
  const openedAt = sharing.gate.now()
  const tunnel = {
    tunnelId,
    connectionId,
    entryId: shared.entryId,
    destination,
    nodeId: parts.database.nodeId,
    openedAt,
  }
  try {
    await parts.database.write(tenantId, (tx) => recordTunnel(tx, tunnel))
  } catch {
    // What cannot be recorded does not pass.
    upstream.destroy()
    return no(connector.refusalResponse(refuse('evidence_unavailable')))
  }
  if (client.destroyed) upstream.destroy()
  else client.write('HTTP/1.1 200 Connection established\r\n\r\n')
  run(parts, { tunnel, clients, client, upstream, head }, room)
}

/** Joins both ends, and records once what was measured when either ends. */
function run(
  parts: TunnelParts,
  opened: {
    readonly tunnel: OpenTunnel
    readonly clients: PushClients
    readonly client: Duplex
    readonly upstream: Socket
    readonly head: Buffer
  },
  room: Room,
): void {
  const { running, recording } = room
  const { tunnel, clients, client, upstream, head } = opened
  let reason = 'closed'
  const one: Running = {
    tunnel,
    clients,
    end: (why) => {
      if (reason === 'closed') reason = why
      client.destroy()
      upstream.destroy()
    },
  }
  running.add(one)
  const over = (): void => {
    if (!running.delete(one)) return
    client.destroy()
    upstream.destroy()
    const end = { reason, sent: upstream.bytesWritten, received: upstream.bytesRead }
    const recorded = record(parts, tunnel, { ...end, at: parts.sharing.gate.now() }).finally(() =>
      recording.delete(recorded),
    )
    recording.add(recorded)
  }
  client.once('close', over)
  upstream.once('close', over)
  if (room.isClosing) one.end('node_stopped')
  if (client.destroyed || upstream.destroyed) return over()
  if (head.length > 0) upstream.write(head)
  client.pipe(upstream)
  upstream.pipe(client)
}

/** Tries until it is durable; a node that dies meanwhile leaves it to another, with the sizes unknown. */
async function record(
  { database, log, tenantId }: TunnelParts,
  { tunnelId, entryId }: OpenTunnel,
  end: Parameters<typeof recordTunnelEnd>[2],
): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await database.write(tenantId, (tx) => recordTunnelEnd(tx, tunnelId, end))
      return
    } catch {
      if (tries % 20 === 0)
        log.warn('the end of a tunnel could not be recorded yet', { tenantId, entryId })
      if (tries >= 240) return
      await new Promise((resolve) => setTimeout(resolve, RECORD_AGAIN_IN_MS))
    }
  }
}

/** P5: asks for every running tunnel whether it may still be there. */
async function look(parts: TunnelParts, running: ReadonlySet<Running>): Promise<void> {
  if (running.size === 0) return
  const ended = await whyEnded(parts)
  for (const one of running) {
    if (ended !== undefined) one.end(ended)
    else if (one.clients.token !== parts.clients().token) one.end('client_unauthenticated')
  }
}

async function whyEnded(parts: TunnelParts): Promise<RefusalCode | undefined> {
  if (!parts.lease.held()) return 'lease_expired'
  const [exchange] = parts.connector.exchanges
  if (!exchange) return 'exchange_unknown'
  try {
    const gate = await parts.sharing.gate.open(parts.tenantId, parts.connectionId, exchange)
    return isRefusal(gate) ? gate.refused : gate.refusal?.refused
  } catch {
    // The database is away: the lease, which ends by itself, says how long that may last.
    return undefined
  }
}

function refuseTunnel(client: Duplex, { status, headers, body }: IncomingResponse): void {
  const lines = Object.entries({
    ...headers,
    'content-length': String(body.length),
    connection: 'close',
  }).map(([name, value]) => `${name}: ${value}`)
  client.end(`HTTP/1.1 ${status} Refused\r\n${lines.join('\r\n')}\r\n\r\n${body.toString()}`)
}
