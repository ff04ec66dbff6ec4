import { randomUUID } from 'node:crypto'
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Log } from '#foundation/log.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import type { Connector, Exchange, IncomingResponse } from '#sharing/exchange.ts'
import type { Shared, Sharing } from '#sharing/share.ts'
import { PLAIN_ERRORS } from '#sharing/error-form.ts'
import type { ClientDoor } from './client-door.ts'
import { readBody } from './read-body.ts'
import { routesOf } from './routes.ts'

export interface GatewayParts {
  readonly tenantId: string
  readonly connectionId: string
  readonly connector: Connector
  readonly sharing: Sharing
  readonly door: ClientDoor
  readonly port: number
  readonly host?: string
  readonly log: Log
}

export interface GatewayListener {
  readonly port: number
  close(): Promise<void>
}

/**
 * The address that the tenant's own client calls instead of the party: one for each connection, since clients
 * drop the path of a base URL. Raw `node:http`, because this is the data path.
 */
export async function listenGateway(parts: GatewayParts): Promise<GatewayListener> {
  const { connector } = parts
  let known = { exchanges: connector.exchanges, routes: routesOf(connector.exchanges) }
  /** Anew where the party's description has changed. */
  const routes: ReturnType<typeof routesOf> = (method, path) => {
    const { exchanges } = connector
    if (exchanges !== known.exchanges) known = { exchanges, routes: routesOf(exchanges) }
    return known.routes(method, path)
  }
  const form = parts.connector.errorForm ?? PLAIN_ERRORS
  const server = createServer(
    { requestTimeout: 60_000, maxHeaderSize: 32 * 1024 },
    (request, response) => {
      const requestId = randomUUID()
      answer(parts, routes, request)
        .catch((fault: unknown): IncomingResponse => {
          // Something we did not foresee: say nothing of it to the caller, and its kind only to the log.
          parts.log.error('a gateway call failed', {
            tenantId: parts.tenantId,
            requestId,
            code: fault instanceof Error ? fault.name : 'unknown',
          })
          const { type, body } = form.render(500, 'INTERNAL_SERVER_ERROR')
          return { status: 500, headers: { 'content-type': type }, body }
        })
        .then((answered) => send(response, request, answered, requestId))
        .catch(() => response.destroy())
    },
  )
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(parts.port, parts.host ?? '127.0.0.1', resolve)
  })
  return { port: (server.address() as AddressInfo).port, close: () => close(server) }
}

async function answer(
  parts: GatewayParts,
  routes: ReturnType<typeof routesOf>,
  request: IncomingMessage,
): Promise<IncomingResponse> {
  const { connector, sharing, tenantId, connectionId } = parts
  const url = request.url ?? '/'
  const mark = url.indexOf('?')
  const path = mark < 0 ? url : url.slice(0, mark)
  const opening = parts.door.openSession(request, path)
  if (opening) return rendered(connector, await opening)
  if (!parts.door.isClient(request))
    return connector.refusalResponse(refuse('client_unauthenticated'))
  const where = { tenantId, connectionId, actor: `client:${connectionId}` }
  const route = routes(request.method ?? '', path)
  if (!route)
    return connector.refusalResponse(await sharing.refuse(where, refuse('exchange_unknown')))
  const { exchange, parameters } = route
  const body = await readBody(request)
  if (isRefusal(body)) return connector.refusalResponse(await sharing.refuse(where, body))
  const untyped = connector.untypedBodies && request.headers['content-type'] === undefined
  if (exchange.request && !untyped && !isJson(request)) {
    return connector.refusalResponse(
      await sharing.refuse(
        where,
        refuse('content_type_unsupported', { expected: 'application/json' }),
      ),
    )
  }
  const shared = await sharing.share({
    ...where,
    exchange,
    call: {
      method: request.method as Exchange['methods'][number],
      parameters,
      query: new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1)),
      body: body.length > 0 ? body : undefined,
    },
  })
  return renderShared(connector, shared)
}

function renderShared(connector: Connector, shared: Shared): IncomingResponse {
  if (isRefusal(shared)) return connector.refusalResponse(shared)
  if ('failed' in shared) {
    const status = shared.failed === 'timeout' ? 504 : 502
    const { type, body } = (connector.errorForm ?? PLAIN_ERRORS).render(
      status,
      status === 504 ? 'GATEWAY_TIMEOUT' : 'BAD_GATEWAY',
    )
    return {
      status,
      headers: {
        'content-type': type,
        'sluss-entry': shared.entryId,
        'sluss-outcome': shared.outcome,
      },
      body,
    }
  }
  const { response } = shared.admitted
  return { ...response, headers: { ...response.headers, 'sluss-entry': shared.entryId } }
}

function rendered(connector: Connector, result: IncomingResponse | Refusal): IncomingResponse {
  return isRefusal(result) ? connector.refusalResponse(result) : result
}

function isJson(request: IncomingMessage): boolean {
  return /^application\/json\s*(?:;|$)/i.test(request.headers['content-type'] ?? '')
}

function send(
  response: ServerResponse,
  request: IncomingMessage,
  { status, headers, body }: IncomingResponse,
  requestId: string,
): void {
  const unread = !request.complete
  response.writeHead(status, {
    ...headers,
    'content-length': body.length,
    'request-id': requestId,
    // A body that was refused unread must not be taken for the next request.
    ...(unread ? { connection: 'close' } : {}),
  })
  response.end(body)
  if (unread) request.resume()
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeIdleConnections()
  })
}
