import { randomUUID } from 'node:crypto'
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http'
import {
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
  createSecureServer,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import type { Log } from '#foundation/log.ts'
import { isRefusal, refuse } from '#foundation/refusal.ts'
import type { Connector, IncomingResponse } from '#sharing/exchange.ts'
import type { Shared, Sharing } from '#sharing/share.ts'
import type { GatewayListener } from './listener.ts'
import { type PushClients, holdsCertificate, holdsToken } from './push-clients.ts'
import { LARGEST_PAYLOAD, type PushCall, readPush } from './push-request.ts'

export interface PushGatewayParts {
  readonly tenantId: string
  readonly connectionId: string
  readonly connector: Connector
  readonly sharing: Pick<Sharing, 'share' | 'refuse'>
  /** As they are now: they may be issued anew while the gateway is open. */
  readonly clients: () => PushClients
  /** PEM. With it the gateway speaks HTTP/2 and HTTP/1.1 over TLS, and asks for a client certificate; without it HTTP/1.1. */
  readonly tls: { readonly key: Buffer | string; readonly cert: Buffer | string } | undefined
  readonly host: string
  readonly port: number
  readonly log: Log
}

/** A client that says nothing for so long is asked to come again. */
const IDLE_IN_MS = 10 * 60_000

type Request = IncomingMessage | Http2ServerRequest
type Response = ServerResponse | Http2ServerResponse

/**
 * The address that a management server pushes to instead of Apple: `POST /3/device/<token>`, in Apple's own form, with
 * or without any header of APNs. The push certificate is not here: Sluss itself pushes to Apple.
 */
export async function listenPushGateway(parts: PushGatewayParts): Promise<GatewayListener> {
  const sessions = new Set<ServerHttp2Session>()
  const handle = (request: Request, response: Response): void => {
    const requestId = randomUUID()
    answer(parts, request)
      .catch((fault: unknown) => {
        parts.log.error('a push failed inside', {
          tenantId: parts.tenantId,
          requestId,
          code: fault instanceof Error ? fault.name : 'unknown',
        })
        return said(parts, 500, 'InternalServerError')
      })
      .then((answered) => reply(request, response, answered, requestId))
      .catch(() => response.destroy())
  }
  const server = parts.tls
    ? createSecureServer(
        {
          ...parts.tls,
          allowHTTP1: true,
          requestCert: true,
          // Whoever it was issued by: the certificate is known by itself, or the client by its token.
          rejectUnauthorized: false,
          settings: { maxConcurrentStreams: 1_000 },
        },
        handle,
      )
    : createServer({ requestTimeout: 60_000, maxHeaderSize: 16 * 1024 }, handle)
  server.on('session', (session: ServerHttp2Session) => {
    sessions.add(session)
    session.setTimeout(IDLE_IN_MS, () => session.close())
    session.on('error', () => {
      // A client that breaks the protocol loses its connection; there is nobody to tell.
    })
    session.once('close', () => sessions.delete(session))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(parts.port, parts.host, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const session of sessions) session.close()
        if ('closeIdleConnections' in server) server.closeIdleConnections()
      }),
  }
}

async function answer(parts: PushGatewayParts, request: Request): Promise<IncomingResponse> {
  const { connector, sharing, tenantId, connectionId } = parts
  if (!isClient(parts, request)) return connector.refusalResponse(refuse('client_unauthenticated'))
  const where = { tenantId, connectionId, actor: `client:${connectionId}` }
  const [exchange] = connector.exchanges
  if (!exchange) throw new Error(`the connector ${connector.id} has no exchange`)
  const body = await collect(request)
  const read = readPush(request.method ?? '', request.url ?? '/', request.headers, body)
  if ('refusal' in read) {
    await sharing.refuse(where, read.refusal)
    return read.reason === undefined
      ? connector.refusalResponse(read.refusal)
      : said(parts, 400, read.reason, { 'sluss-refusal': read.refusal.refused })
  }
  return rendered(parts, await sharing.share({ ...where, exchange, call: callOf(read) }))
}

function callOf({ token, query, body }: PushCall) {
  return { method: 'POST' as const, parameters: { token }, query, body }
}

const known = new WeakMap<object, { readonly clients: PushClients; readonly is: boolean }>()

/** Who is at the other end of a connection does not change while it lasts: looked at once, unless the credentials change. */
function isClient(parts: PushGatewayParts, request: Request): boolean {
  const clients = parts.clients()
  const header = request.headers.authorization
  if (header !== undefined) return holdsToken(header, clients)
  const session = 'stream' in request ? request.stream.session : undefined
  const end = session ?? request.socket
  const before = known.get(end)
  if (before?.clients === clients) return before.is
  const is = holdsCertificate(session?.socket ?? request.socket, clients)
  known.set(end, { clients, is })
  return is
}

function rendered(parts: PushGatewayParts, shared: Shared): IncomingResponse {
  if (isRefusal(shared)) return parts.connector.refusalResponse(shared)
  const evidence = { 'sluss-entry': shared.entryId }
  if ('failed' in shared)
    return said(parts, 503, 'ServiceUnavailable', {
      ...evidence,
      'sluss-outcome': shared.outcome,
      'retry-after': '5',
    })
  const { response } = shared.admitted
  if (response.status !== 200) return { ...response, headers: { ...response.headers, ...evidence } }
  const { 'apns-id': id } = JSON.parse(response.body.toString()) as { 'apns-id'?: string }
  return {
    status: 200,
    headers: { ...evidence, ...(id === undefined ? {} : { 'apns-id': id }) },
    body: Buffer.alloc(0),
  }
}

function said(
  { connector }: PushGatewayParts,
  status: number,
  reason: string,
  headers: Readonly<Record<string, string>> = {},
): IncomingResponse {
  const form = connector.errorForm?.render(status, reason)
  return {
    status,
    headers: { ...headers, 'content-type': form?.type ?? 'application/json' },
    body: form?.body ?? Buffer.alloc(0),
  }
}

/** The body, cut off right behind the largest that may come: what is longer is refused for its length alone. */
function collect(request: Request): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = []
    let size = 0
    request.on('data', (part: Buffer) => {
      if (size > LARGEST_PAYLOAD) return
      size += part.length
      parts.push(part)
      if (size > LARGEST_PAYLOAD) resolve(Buffer.concat(parts))
    })
    request.once('end', () =>
      resolve(parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts)),
    )
    request.once('error', reject)
    request.once('aborted', () => reject(new Error('aborted')))
  })
}

function reply(
  request: Request,
  response: Response,
  { status, headers, body }: IncomingResponse,
  requestId: string,
): void {
  const isOne = request.httpVersionMajor === 1
  const head = {
    ...headers,
    'request-id': requestId,
    ...(isOne ? { 'content-length': String(body.length) } : {}),
    // A body that was refused unread must not be taken for the next request.
    ...(isOne && !request.complete ? { connection: 'close' } : {}),
  }
  ;(response as ServerResponse).writeHead(status, head)
  ;(response as ServerResponse).end(body)
  if (!request.complete) request.resume()
}
