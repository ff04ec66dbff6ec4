import { readFile } from 'node:fs/promises'
import {
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
  createServer,
} from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type HttpBindings, getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { type Database, INSTALLATION } from '#database/handles.ts'
import type { Lease } from '#database/lease.ts'
import type { Clock } from '#foundation/clock.ts'
import { newId } from '#foundation/ids.ts'
import type { Log } from '#foundation/log.ts'
import type { Keys } from '#keys/keys.ts'
import { readHead } from '#ledger/read.ts'
import { logKey } from '#ledger/sequence.ts'
import { formatVerifierKey } from '#ledger/verify/note.ts'
import { subprocessorRoutes } from './api/agents/subprocessor-routes.ts'
import type { Api } from './api/create-api.ts'
import { type Rate, createRateLimit } from './api/rate-limit.ts'
import { auditorOf, isAuditorToken } from './auditor-token.ts'
import { type RecordBundleRead, ledgerRoutes } from './ledger-routes.ts'
import { problem } from './problem.ts'

export { issueAuditorToken } from './auditor-token.ts'

export interface ServerParts {
  readonly database: Database
  readonly keys: Keys
  readonly lease: Lease
  readonly clock: Clock
  readonly log: Log
  /** First part of the name of every log. */
  readonly ledgerName: string
  readonly host: string
  readonly port: number
  /** `/v1.0` and `/openapi.json`; closed with the server. */
  readonly api?: Api | undefined
  readonly recordBundleRead?: RecordBundleRead | undefined
  /** Where events of the tenants' own servers come in. */
  readonly ingest?: Hono | undefined
  /** Where the tenants' directories say who comes and goes. */
  readonly scim?: Hono | undefined
  /** Where people fetch the archive of what is held about them. */
  readonly rightsArchive?: Hono | undefined
  /** Pages and calls of signing in. */
  readonly signIn?: Hono<{ Bindings: HttpBindings }> | undefined
  /** How much signing in one address may try. */
  readonly signInRate?: Rate | undefined
  /** What stands behind `prefix` answers on the bare server, and sees the path as it came. */
  readonly issuer?: Issuer | undefined
  /** Files in PEM. With them the port speaks https only. */
  readonly tls?: { readonly keyFile: string; readonly certFile: string } | undefined
}

export interface Issuer {
  readonly prefix: string
  readonly callback: (request: IncomingMessage, response: ServerResponse) => unknown
}

export interface RunningServer {
  readonly port: number
  /** Answers what is under way, then closes. */
  close(): Promise<void>
}

/** Everything on the installation's one port: logs, API, sign-in, health. */
export async function startServer(parts: ServerParts): Promise<RunningServer> {
  const app = new Hono()
  app.route('/', await ledgerOf(parts))
  app.route('/', subprocessorRoutes(parts))
  addHealth(app, parts)
  if (parts.api) app.route('/', parts.api.app)
  if (parts.ingest) app.route('/', parts.ingest)
  if (parts.scim) app.route('/', parts.scim)
  if (parts.rightsArchive) app.route('/', parts.rightsArchive)
  if (parts.signIn) app.route('/', parts.signIn)
  app.notFound((context) =>
    problem(context, 404, 'ResourceNotFound', 'there is nothing at this address', newId()),
  )
  app.onError((fault, context) => {
    const requestId = newId()
    parts.log.error('a request failed', { requestId, code: fault.name })
    const message = 'something went wrong; the request id leads to it'
    return problem(context, 500, 'InternalServerError', message, requestId)
  })
  const server = await listen(parts, listenerOf(app, parts))
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : parts.port,
    close: async () => {
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeIdleConnections()
      })
      await parts.api?.close()
    },
  }
}

async function ledgerOf(parts: ServerParts): Promise<Hono> {
  const { database, keys, clock } = parts
  const signer = await keys.signer('ledger')
  return ledgerRoutes({
    database,
    verifierKey: (tenantId) =>
      formatVerifierKey(logKey(parts.ledgerName, tenantId, signer.publicKey)),
    reader: async (tenantId, token) =>
      token !== undefined && (await isAuditorToken({ database, keys, clock }, tenantId, token))
        ? auditorOf(token)
        : undefined,
    recordBundleRead: parts.recordBundleRead,
  })
}

function addHealth(app: Hono, { database, lease, api }: ServerParts): void {
  app.get('/healthz', async (context) => {
    const head = await database.read(INSTALLATION, readHead)
    const healthy = lease.held()
    return context.json(
      { status: healthy ? 'ok' : 'cut off from the database', logSize: head?.size ?? 0 },
      healthy ? 200 : 503,
    )
  })
  app.get('/readyz', (context) =>
    context.json({ status: lease.held() ? 'ready' : 'not ready' }, lease.held() ? 200 : 503),
  )
  if (api)
    app.get('/metrics', (context) =>
      context.body(api.metrics.text(), 200, { 'content-type': 'text/plain; version=0.0.4' }),
    )
}

/** Signing in needs no token, so it is the address that is limited: several people behind one may sign in at once. */
const SIGN_IN_RATE: Rate = { burst: 300, perSecond: 10 }
const SIGN_IN_PATH = '/sign-in'

/** The issuer is a server of its own kind and is asked first, before anything reads the request. */
function listenerOf(app: Hono, { issuer, clock, signInRate }: ServerParts): RequestListener {
  const rest = getRequestListener(app.fetch)
  const limit = createRateLimit(signInRate ?? SIGN_IN_RATE, () => clock.elapsed())
  return (request, response) => {
    const path = request.url ?? ''
    const toIssuer = issuer !== undefined && standsBelow(issuer.prefix, path)
    if (toIssuer || standsBelow(SIGN_IN_PATH, path)) {
      const wait = limit(request.socket.remoteAddress ?? '')
      if (wait > 0) {
        response.writeHead(429, { 'retry-after': String(wait) }).end()
        return
      }
    }
    if (toIssuer) issuer.callback(request, response)
    else void rest(request, response)
  }
}

function standsBelow(prefix: string, path: string): boolean {
  const end = path.startsWith(prefix) ? path[prefix.length] : 'none'
  return end === undefined || end === '/' || end === '?'
}

async function listen(
  { tls, host, port }: ServerParts,
  listener: RequestListener,
): Promise<Server> {
  const server = tls
    ? createTlsServer(
        {
          key: await readFile(tls.keyFile),
          cert: await readFile(tls.certFile),
          minVersion: 'TLSv1.2',
        },
        listener,
      )
    : createServer(listener)
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => resolve(server))
  })
}
