import { actorOf } from '#access/principal.ts'
import type { ItemId } from '#catalog/catalog.ts'
import type { Transaction } from '#database/handles.ts'
import type { Json } from '#foundation/canonical-json.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { newOrderedId, isUuid } from '#foundation/ids.ts'
import type { Refusal } from '#foundation/refusal.ts'
import type { Keys } from '#keys/keys.ts'
import { append, appendAll } from '#ledger/append.ts'
import type { Entry } from '#ledger/entry.ts'
import type { RecordKind } from '#records/keep.ts'
import type { SealedRecord } from '#records/list-records.ts'
import type { Commitments } from './commitments.ts'
import { keepGrantViews } from './grant-views.table.ts'
import type { ViewPlan } from './view-plan.ts'
import type { Viewer } from './viewer.ts'

/** A commitment takes 27 bytes of an entry, which holds 65,535. */
const RECORDS_IN_ONE_ENTRY = 1_500

/** One look, as it is about to be answered. */
export interface Look {
  readonly viewer: Viewer
  readonly plan: ViewPlan
  readonly kind: RecordKind
  readonly records: readonly SealedRecord[]
  /** Items that were asked for; undefined is all. */
  readonly only: ReadonlySet<ItemId> | undefined
  /** Fields that the records were chosen by. */
  readonly chosenBy: readonly string[]
  /** Which node answers. */
  readonly node: string
  readonly now: number
}

/**
 * Writes the entries of kind `read` in the caller's commit: who, which records by commitment, which items at which
 * precision. A look that found nothing is one too, since that is an answer.
 *
 * @returns ids of the entries
 */
export async function recordRead(
  tx: Transaction,
  commit: Commitments,
  look: Look,
): Promise<readonly string[]> {
  const { viewer, plan, records, now } = look
  const commitments = await commit(
    tx,
    records.map((record) => record.subjectId),
  )
  const chunks = Math.max(1, Math.ceil(records.length / RECORDS_IN_ONE_ENTRY))
  const shown = shownItems(look)
  const entries = Array.from({ length: chunks }, (_, i): Entry => {
    const part = records.slice(i * RECORDS_IN_ONE_ENTRY, (i + 1) * RECORDS_IN_ONE_ENTRY)
    return {
      id: newOrderedId(now),
      at: toTimestamp(now),
      kind: 'read',
      actor: actorOf(viewer.principal),
      data: {
        ...aboutPlan(plan),
        node: look.node,
        kind: look.kind,
        part: [i + 1, chunks],
        count: part.length,
        chosenBy: look.chosenBy,
        records: byConnection(part, commitments),
        shown,
      },
    }
  })
  await appendAll(tx, entries)
  const ids = entries.map((entry) => entry.id)
  if (plan.grantId !== undefined) await keepGrantViews(tx, plan.grantId, ids)
  return ids
}

/** One exact value, with a keyed commitment to the reason that was given. */
export async function recordReveal(
  tx: Transaction,
  keys: Keys,
  reveal: {
    readonly viewer: Viewer
    readonly plan: ViewPlan
    readonly record: SealedRecord
    readonly kind: RecordKind
    readonly item: ItemId
    readonly reason: string
    readonly node: string
    readonly now: number
  },
): Promise<string> {
  const { viewer, plan, record, kind, item, reason, node, now } = reveal
  const commitments = await keys.subjectCommitments(tx, [record.subjectId])
  const commit = await keys.payloadCommitment(tx)
  const id = newOrderedId(now)
  await append(tx, {
    id,
    at: toTimestamp(now),
    kind: 'reveal',
    actor: actorOf(viewer.principal),
    data: {
      ...aboutPlan(plan),
      node,
      kind,
      count: 1,
      records: byConnection([record], commitments),
      shown: { exact: [item], masked: {} },
      // With the entry's own id, so that equal reasons do not look equal.
      reason: commit(`reveal/${id}/${reason}`),
    },
  })
  if (plan.grantId !== undefined) await keepGrantViews(tx, plan.grantId, [id])
  return id
}

/** Somebody was stopped at this door. Answers the refusal, so that its entry commits. */
export async function recordRefusedLook(
  tx: Transaction,
  viewer: Viewer,
  refusal: Refusal,
  now: number,
): Promise<Refusal> {
  await append(tx, {
    id: newOrderedId(now),
    at: toTimestamp(now),
    kind: 'access.refused',
    actor: actorOf(viewer.principal),
    data: {
      door: 'look',
      reason: refusal.refused,
      ...(viewer.grantId !== undefined && isId(viewer.grantId) ? { grant: viewer.grantId } : {}),
      // What was asked for is named only where it is an identifier: a caller may put anything there.
      ...(isId(refusal.about.record) ? { record: refusal.about.record } : {}),
      ...(typeof refusal.about.item === 'string' ? { item: refusal.about.item } : {}),
    },
  })
  return refusal
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && isUuid(value)
}

function aboutPlan(plan: ViewPlan): { readonly [key: string]: Json } {
  return {
    viewer: plan.viewer,
    plan: plan.hash,
    policies: plan.policies,
    purpose: plan.purpose,
    ...(plan.grantId === undefined ? {} : { grant: plan.grantId }),
  }
}

/** Connection, kind and subject say exactly which record; a commitment dies with its subject's key. */
function byConnection(
  records: readonly SealedRecord[],
  commitments: ReadonlyMap<string, string>,
): Json {
  const groups = new Map<string, string[]>()
  for (const { connectionId, subjectId } of records) {
    const group = groups.get(connectionId) ?? []
    groups.set(connectionId, group)
    group.push(commitments.get(subjectId) ?? '')
  }
  return [...groups].map(([connection, subjects]) => ({ connection, subjects }))
}

/** Items of which these records have a value, and how exactly the plan lets it be seen at most. */
function shownItems({ plan, records, only }: Pick<Look, 'plan' | 'records' | 'only'>): Json {
  const held = new Set(records.flatMap((record) => record.itemIds))
  const exact: ItemId[] = []
  const masked: Record<ItemId, string> = {}
  for (const { item, show, precision } of plan.items) {
    if (show === 'withheld' || !held.has(item) || (only && !only.has(item))) continue
    if (show === 'exact') exact.push(item)
    else masked[item] = precision
  }
  return { exact, masked }
}
