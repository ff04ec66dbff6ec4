import { steadyClock } from '#access/grant-clock.ts'
import { type Grant, useGrant } from '#access/grants.ts'
import type { ItemId } from '#catalog/catalog.ts'
import type { Transaction } from '#database/handles.ts'
import type { ListQuery, Page } from '#database/list.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import type { RecordKind } from '#records/keep.ts'
import {
  type RecordBounds,
  type SealedRecord,
  listSealedRecords,
  openRecords,
  readRecordsByIds,
} from '#records/list-records.ts'
import { rememberCommitments } from './commitments.ts'
import { unlessUnrecorded, whileCommitting } from './evidence-first.ts'
import { fieldsOf } from './fields.ts'
import type { ViewingParts } from './parts.ts'
import { type OpenPlan, createPlans } from './plans.ts'
import type { ViewedRecord } from './project.ts'
import { type LedgerDoor, createLedgerDoor } from './read-ledger.ts'
import { recordRead, recordRefusedLook } from './record-view.ts'
import { type Reveal, createReveal } from './reveal.ts'
import { type StreamRecords, createStream } from './stream.ts'
import { planRefusal } from './view-plan.ts'
import { type Viewer, tagsOf, viewerRefusal } from './viewer.ts'

/** What is asked of a list: its fields are ids of items, `id`, `connection`, `firstSeen` and `lastSeen`. */
export interface RecordsRequest {
  readonly kind: RecordKind
  readonly query: ListQuery
  /** Items that are wanted; undefined is all. Others are neither shown nor recorded as shown. */
  readonly only?: ReadonlySet<ItemId>
}

/** An answer, and the ids of the entries that tell of it. */
export interface ViewedPage extends Page<ViewedRecord> {
  readonly entryIds: readonly string[]
}

export interface Viewing extends LedgerDoor {
  /**
   * One page of the records that this viewer may see, as exactly as they may.
   *
   * @returns `role_missing`, `wrong_realm`, `grant_missing`, `grant_ended`, `grant_lapsed`, `tenant_closed`,
   *   `filter_unserved`, `lease_expired`, `evidence_unavailable`
   */
  listRecords(viewer: Viewer, request: RecordsRequest): Promise<ViewedPage | Refusal>
  /** One record. @returns the refusals of a list but `filter_unserved`, or `record_unknown` */
  readRecord(
    viewer: Viewer,
    asked: { kind: RecordKind; recordId: string; only?: ReadonlySet<ItemId> },
  ): Promise<ViewedRecord | Refusal>
  /** One exact value, with the reason for it. */
  readonly reveal: Reveal
  /** Batch after batch, each recorded before it is handed over; see `stream.ts`. */
  readonly streamRecords: StreamRecords
  close(): Promise<void>
}

/** What one look asks for, and how its records are found within the bounds of its viewer. */
interface Asked {
  readonly kind: RecordKind
  readonly only: ReadonlySet<ItemId> | undefined
  readonly chosenBy: readonly string[]
  read(tx: Transaction, bounds: RecordBounds): Promise<Page<SealedRecord> | Refusal>
}

/** The only door through which people see records. */
export async function createViewing(given: ViewingParts): Promise<Viewing> {
  const parts = { ...given, clock: steadyClock(given.clock) }
  const plans = await createPlans(parts)
  const commitments = rememberCommitments(parts.keys)

  /** The five steps of the door: facts, decision, plan, evidence in the commit that reads, projection. */
  const look = async (
    viewer: Viewer,
    { kind, only, chosenBy, read }: Asked,
  ): Promise<ViewedPage | Refusal> => {
    const seen = await unlessUnrecorded(parts, viewer, async (tx) => {
      const now = parts.clock.now()
      const grant = await grantOf(tx, viewer, kind, now)
      if (isRefusal(grant)) return recordRefusedLook(tx, viewer, grant, now)
      const { plan, show, project } = await plans.open(tx, viewer, grant, now)
      const refusal = planRefusal(plan)
      if (refusal) return recordRefusedLook(tx, viewer, refuse(refusal), now)
      await parts.reached?.('planned')

      const page = await read(tx, boundsOf(viewer, kind, show, grant))
      if (isRefusal(page))
        return page.refused === 'filter_unserved' ? page : recordRefusedLook(tx, viewer, page, now)
      await parts.reached?.('read')

      const records = page.rows
      const node = parts.database.nodeId
      const about = { viewer, plan, kind, records, only, chosenBy, node, now }
      const entryIds = await recordRead(tx, commitments, about)
      await parts.reached?.('recorded')

      const shown = whileCommitting(async () =>
        (await openRecords(tx, parts.keys, records)).map((record) => project(record, only)),
      )
      return { next: page.next, count: page.count, entryIds, shown }
    })
    if (isRefusal(seen)) return seen
    const { shown, ...page } = seen
    return { ...page, rows: await shown }
  }

  const list: Viewing['listRecords'] = (viewer, { kind, query, only }) =>
    look(viewer, {
      kind,
      only,
      chosenBy: fieldsOf(query),
      read: (tx, bounds) => listSealedRecords(tx, parts, bounds, query),
    })
  const reveal = createReveal(parts)
  return {
    listRecords: list,
    readRecord: async (viewer, { kind, recordId, only }) => {
      const page = await look(viewer, {
        kind,
        only,
        chosenBy: ['id'],
        read: async (tx, bounds) => {
          if (bounds.recordIds && !bounds.recordIds.includes(recordId))
            return refuse('grant_missing', { record: recordId })
          const rows = await readRecordsByIds(tx, parts.keys, bounds, [recordId])
          if (rows.length === 0) return refuse('record_unknown', { record: recordId })
          return { rows, next: undefined, count: undefined }
        },
      })
      if (isRefusal(page)) return page
      const [record] = page.rows
      if (!record) throw new Error('a record was read but not shown')
      return record
    },
    reveal,
    streamRecords: createStream(parts, list),
    ...createLedgerDoor(parts),
    close: plans.close,
  }
}

/** The facts of the viewer: may they look at all, and for the operator's staff, under which grant in force. */
export async function grantOf(
  tx: Transaction,
  viewer: Viewer,
  kind: RecordKind,
  now: number,
): Promise<Grant | undefined | Refusal> {
  const refusal = viewerRefusal(viewer, kind)
  if (refusal) return refusal
  if (viewer.grantId === undefined) return undefined
  return useGrant(tx, viewer.grantId, viewer.principal.accountId, now)
}

function boundsOf(
  viewer: Viewer,
  kind: RecordKind,
  show: OpenPlan['show'],
  grant: Grant | undefined,
): RecordBounds {
  return {
    kind,
    tags: tagsOf(viewer, kind),
    ...(grant ? { recordIds: grant.records } : {}),
    // What is withheld cannot be asked after by a condition either.
    mayFilter: (item) => (show.get(item.id) ?? 'withheld') !== 'withheld',
  }
}
