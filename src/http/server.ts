import { type ServerType, serve } from '@hono/node-server'
import { Hono } from 'hono'
import { isClientSession, issueClientSession } from '#connections/client-session.ts'
import { type Database, INSTALLATION } from '#database/handles.ts'
import type { Lease } from '#database/lease.ts'
import type { Clock } from '#foundation/clock.ts'
import { newId } from '#foundation/ids.ts'
import type { Log } from '#foundation/log.ts'
import type { Keys } from '#keys/keys.ts'
import { readHead } from '#ledger/read.ts'
import { logKey } from '#ledger/sequence.ts'
import { formatVerifierKey } from '#ledger/verify/note.ts'
import { ledgerRoutes } from './ledger-routes.ts'
import { problem } from './problem.ts'

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
}

const AUDITOR = 'auditor'
const auditorHash = (database: Database, keys: Keys, tenantId: string) =>
  database.read(tenantId, (reader) => keys.blindIndex(reader, 'auditor-token'))

/** A token for one auditor of the tenant: it opens tiles and entries of its log for half an hour. */
export async function issueAuditorToken(
  parts: { database: Database; keys: Keys; clock: Clock },
  tenantId: string,
): Promise<string> {
  return issueClientSession(
    await auditorHash(parts.database, parts.keys, tenantId),
    AUDITOR,
    parts.clock.now(),
  )
}

/** What is public and what auditors need, on the installation's one port. */
export async function startServer(
  parts: ServerParts,
): Promise<{ port: number; close(): Promise<void> }> {
  const { database, keys, clock, log } = parts
  const signer = await keys.signer('ledger')
  const app = new Hono()
  app.route(
    '/',
    ledgerRoutes({
      database,
      verifierKey: (tenantId) =>
        formatVerifierKey(logKey(parts.ledgerName, tenantId, signer.publicKey)),
      mayRead: async (tenantId, token) => {
        if (token === undefined) return false
        const hash = await auditorHash(database, keys, tenantId).catch(() => undefined)
        return hash !== undefined && isClientSession(hash, AUDITOR, token, clock.now())
      },
    }),
  )
  app.get('/healthz', async (context) => {
    const head = await database.read(INSTALLATION, readHead)
    const healthy = parts.lease.held()
    return context.json(
      { status: healthy ? 'ok' : 'cut off from the database', logSize: head?.size ?? 0 },
      healthy ? 200 : 503,
    )
  })
  app.get('/readyz', (context) =>
    context.json(
      { status: parts.lease.held() ? 'ready' : 'not ready' },
      parts.lease.held() ? 200 : 503,
    ),
  )
  app.notFound((context) =>
    problem(context, 404, 'ResourceNotFound', 'there is nothing at this address', newId()),
  )
  app.onError((fault, context) => {
    const requestId = newId()
    log.error('a request failed', { requestId, code: fault.name })
    return problem(
      context,
      500,
      'InternalServerError',
      'something went wrong; the request id leads to it',
      requestId,
    )
  })
  const server = await new Promise<ServerType>((resolve, reject) => {
    const made = serve({ fetch: app.fetch, hostname: parts.host, port: parts.port }, () =>
      resolve(made),
    )
    made.once('error', reject)
  })
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : parts.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        if ('closeIdleConnections' in server) server.closeIdleConnections()
      }),
  }
}
