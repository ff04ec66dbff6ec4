import { readGrant } from '#access/grants.ts'
import type { PermissionId } from '#access/permission.ts'
import { actorOf } from '#access/principal.ts'
import type { Transaction } from '#database/handles.ts'
import type { ListQuery, Page } from '#database/list.ts'
import type { Json } from '#foundation/canonical-json.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { newOrderedId, isUuid } from '#foundation/ids.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import { append } from '#ledger/append.ts'
import { type PlacedEntry, listEntries, readEntriesById } from '#ledger/list-entries.ts'
import { unlessUnrecorded } from './evidence-first.ts'
import { fieldsOf } from './fields.ts'
import type { ViewingParts } from './parts.ts'
import { recordRefusedLook } from './record-view.ts'
import { listGrantViews } from './grant-views.table.ts'
import { type GrantView, resolveViews } from './replay.ts'
import type { Viewer } from './viewer.ts'

/** Reading the evidence itself: each time is an entry of kind `ledger.read` in the log that was read. */
export interface LedgerDoor {
  /**
   * One page of the log; fields are `id`, `index`, `at`, `kind` and `actor`.
   *
   * @returns `role_missing`, `wrong_realm`, `lease_expired`, `evidence_unavailable`
   */
  readLedger(viewer: Viewer, query: ListQuery): Promise<Page<PlacedEntry> | Refusal>
  /** One entry; undefined when there is none, or none that has its place yet. */
  readLedgerEntry(viewer: Viewer, entryId: string): Promise<PlacedEntry | undefined | Refusal>
  /** What was looked at under a grant, again: for the tenant whose records they were. */
  replayGrant(viewer: Viewer, grantId: string, query: ListQuery): Promise<Page<GrantView> | Refusal>
  /**
   * An auditor fetches a bundle of entries from the log's public address. Called before it is handed out.
   *
   * @param actor who, as entries name people
   * @returns the refusal when it could not be recorded: then the bundle is not handed out
   */
  recordBundleRead(
    tenantId: string,
    actor: string,
    bundle: { readonly index: number; readonly width: number },
  ): Promise<Refusal | undefined>
}

const READ_LOG: PermissionId = 'Audit data/Read'
const READ_REPLAY: PermissionId = 'Support requests/Read'

export function createLedgerDoor(parts: ViewingParts): LedgerDoor {
  /** Asks for the right, reads, and records that it was read, in one commit. */
  const look = <Result>(
    viewer: Viewer,
    permission: PermissionId,
    read: (
      tx: Transaction,
    ) => Promise<{ result: Result; told: { readonly [key: string]: Json } } | Refusal>,
  ): Promise<Result | Refusal> =>
    unlessUnrecorded(parts, viewer, async (tx) => {
      const now = parts.clock.now()
      const refusal = refusalOf(viewer, permission)
      if (refusal) return recordRefusedLook(tx, viewer, refusal, now)
      const answer = await read(tx)
      if (isRefusal(answer)) return recordRefusedLook(tx, viewer, answer, now)
      await append(tx, {
        id: newOrderedId(now),
        at: toTimestamp(now),
        kind: 'ledger.read',
        actor: actorOf(viewer.principal),
        data: answer.told,
      })
      await parts.reached?.('recorded')
      return answer.result
    })

  return {
    readLedger: (viewer, query) =>
      look(viewer, READ_LOG, async (tx) => {
        const page = await listEntries(tx, query)
        return { result: page, told: { ...placesOf(page.rows), chosenBy: fieldsOf(query) } }
      }),
    readLedgerEntry: (viewer, entryId) =>
      look(viewer, READ_LOG, async (tx) => {
        const entries = isUuid(entryId) ? await readEntriesById(tx, [entryId]) : []
        return { result: entries[0], told: { ...placesOf(entries), chosenBy: ['id'] } }
      }),
    replayGrant: (viewer, grantId, query) =>
      look(viewer, READ_REPLAY, async (tx) => {
        const grant = isUuid(grantId) ? await readGrant(tx, grantId) : undefined
        if (!grant) return refuse('grant_missing')
        const page = await listGrantViews(tx, grantId, query)
        const entries = await readEntriesById(tx, page.rows)
        const rows = await resolveViews(tx, parts.keys, grant, entries)
        return {
          result: { ...page, rows },
          told: { ...placesOf(entries), grant: grantId, chosenBy: fieldsOf(query) },
        }
      }),
    recordBundleRead: async (tenantId, actor, { index, width }) => {
      const recorded = await unlessUnrecorded(parts, { tenantId }, async (tx) => {
        const now = parts.clock.now()
        await append(tx, {
          id: newOrderedId(now),
          at: toTimestamp(now),
          kind: 'ledger.read',
          actor,
          data: { bundle: index, count: width },
        })
        return true
      })
      return isRefusal(recorded) ? recorded : undefined
    },
  }
}

/** A log is read by its own tenant's people; the installation's by the operator's. */
function refusalOf(viewer: Viewer, permission: PermissionId): Refusal | undefined {
  if (viewer.principal.tenantId !== viewer.tenantId) return refuse('wrong_realm')
  return viewer.access.may(permission) ? undefined : refuse('role_missing', { permission })
}

function placesOf(entries: readonly PlacedEntry[]): { readonly [key: string]: Json } {
  const places = entries.map((entry) => entry.index)
  return {
    count: places.length,
    ...(places.length > 0
      ? {
          first: places.reduce((a, b) => Math.min(a, b)),
          last: places.reduce((a, b) => Math.max(a, b)),
        }
      : {}),
  }
}
