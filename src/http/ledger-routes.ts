import { Hono } from 'hono'
import type { Database } from '#database/handles.ts'
import { isTenantId, newId } from '#foundation/ids.ts'
import type { Refusal } from '#foundation/refusal.ts'
import { readBundle, readHead, readTile } from '#ledger/read.ts'
import { parseTilePath } from '#ledger/verify/tile.ts'
import { problem } from './problem.ts'

export interface LedgerRouteParts {
  readonly database: Database
  /** Who reads, when the bearer token opens this tenant's tiles and entries. */
  readonly reader: (tenantId: string, token: string | undefined) => Promise<string | undefined>
  /** Records that entries were read; undefined when nobody does. What cannot be recorded is not handed out. */
  readonly recordBundleRead?: RecordBundleRead | undefined
  /** The key that the log's checkpoints are signed with, as C2SP signed-note writes it. */
  readonly verifierKey: (tenantId: string) => string
}

export type RecordBundleRead = (
  tenantId: string,
  actor: string,
  bundle: { readonly index: number; readonly width: number },
) => Promise<Refusal | undefined>

/**
 * The logs in the layout of C2SP tlog-tiles: `/ledger/<tenant>/checkpoint` and `/ledger/<tenant>/verifier-key` for
 * everybody, and `/ledger/<tenant>/tile/...` for the tenant and the auditors it names. Full tiles never change and may
 * be cached for good.
 */
export function ledgerRoutes(parts: LedgerRouteParts): Hono {
  const { database, verifierKey } = parts
  const routes = new Hono()

  const publicText = (
    path: string,
    text: (tenantId: string, checkpoint: string) => string,
  ): void => {
    routes.get(`/ledger/:tenant/${path}`, async (context) => {
      const tenantId = context.req.param('tenant') ?? ''
      const head = isTenantId(tenantId) ? await database.read(tenantId, readHead) : undefined
      // A head is there before its first batch is: an empty one says nothing yet.
      if (!head?.checkpoint) {
        const message = 'there is no such log, or nothing in it yet'
        return problem(context, 404, 'ResourceNotFound', message, newId())
      }
      return context.body(text(tenantId, head.checkpoint), 200, {
        'content-type': 'text/plain; charset=utf-8',
        'cache-control': 'no-cache',
      })
    })
  }
  publicText('checkpoint', (_, checkpoint) => checkpoint)
  publicText('verifier-key', (tenantId) => `${verifierKey(tenantId)}\n`)

  routes.get('/ledger/:tenant/tile/*', async (context) => {
    const tenantId = context.req.param('tenant')
    const path = context.req.path.slice(`/ledger/${tenantId}/`.length)
    const wanted = isTenantId(tenantId) ? parseTilePath(path) : undefined
    if (!wanted)
      return problem(context, 404, 'ResourceNotFound', 'this is not the path of a tile', newId())
    const token = /^Bearer (\S+)$/.exec(context.req.header('authorization') ?? '')?.[1]
    const actor = await parts.reader(tenantId, token)
    if (actor === undefined) {
      return problem(
        context,
        401,
        'InvalidAuthenticationToken',
        'tiles and entries are for the tenant and its auditors',
        newId(),
      )
    }
    const { level, index, width } = wanted
    const bytes = await database.read(tenantId, (reader) =>
      level === 'entries'
        ? readBundle(reader, index, width)
        : readTile(reader, level, index, width),
    )
    if (!bytes)
      return problem(context, 404, 'ResourceNotFound', 'the log has no such tile yet', newId())
    if (level === 'entries' && (await parts.recordBundleRead?.(tenantId, actor, { index, width })))
      return problem(context, 503, 'serviceUnavailable', 'the look could not be recorded', newId())
    return context.body(new Uint8Array(bytes), 200, {
      'content-type': 'application/octet-stream',
      'cache-control': width === 256 ? 'private, max-age=31536000, immutable' : 'private, no-cache',
    })
  })
  return routes
}
