import { type Grant, useGrant } from '#access/grants.ts'
import { type Principal, realmOf } from '#access/principal.ts'
import type { DataItem, ItemId } from '#catalog/catalog.ts'
import type { Transaction } from '#database/handles.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import type { RecordKind } from '#records/keep.ts'
import { type SealedRecord, openRecords, readRecordsByIds } from '#records/list-records.ts'
import { lockFactsVersion } from '#tenants/facts-version.ts'
import { unlessUnrecorded } from './evidence-first.ts'
import type { ViewingParts } from './parts.ts'
import { readViewFacts } from './plans.ts'
import { recordRefusedLook, recordReveal } from './record-view.ts'
import { isReason, keepReason } from './reveal-reasons.ts'
import { planView } from './view-plan.ts'
import { type Viewer, tagsOf, viewerRefusal } from './viewer.ts'

export interface RevealRequest {
  readonly kind: RecordKind
  readonly recordId: string
  readonly item: ItemId
  /** Why the exact value is needed; kept sealed. */
  readonly reason: string
}

export interface Revealed {
  readonly recordId: string
  readonly item: ItemId
  /** Undefined where the record holds none. */
  readonly value: string | number | boolean | undefined
  readonly entryId: string
}

/**
 * One exact value of one record, for a stated reason, as an entry of its own.
 *
 * @returns `reveal_reason_missing`, `role_missing`, `out_of_scope`, `record_unknown`, `item_masked` and what else
 *   the policies answer, or the refusals of a list
 */
export type Reveal = (viewer: Viewer, request: RevealRequest) => Promise<Revealed | Refusal>

export function createReveal(parts: ViewingParts): Reveal {
  return (viewer, request) =>
    unlessUnrecorded(parts, viewer, async (tx) => {
      const now = parts.clock.now()
      const decided = await decide(parts, tx, viewer, request, now)
      if (isRefusal(decided)) return recordRefusedLook(tx, viewer, decided, now)
      await parts.reached?.('read')
      const { record, plan } = decided
      const { kind, item, reason } = request
      const node = parts.database.nodeId
      const about = { viewer, plan, record, kind, item, reason, node, now }
      const entryId = await recordReveal(tx, parts.keys, about)
      await keepReason(tx, parts.keys, entryId, record.subjectId, reason)
      const [opened] = await openRecords(tx, parts.keys, [record])
      await parts.reached?.('recorded')
      return { recordId: record.recordId, item, value: opened?.items[item], entryId }
    })
}

async function decide(
  parts: ViewingParts,
  tx: Transaction,
  viewer: Viewer,
  request: RevealRequest,
  now: number,
) {
  const item = parts.catalog.items.get(request.item)
  if (!item) return refuse('item_unclassified')
  const refusal = viewerRefusal(viewer, request.kind)
  if (refusal) return refusal
  const grant = await grantFor(tx, viewer, request, now)
  if (isRefusal(grant)) return grant
  await lockFactsVersion(tx)
  const facts = await readViewFacts(parts, tx, viewer, grant, now, {
    purposeStated: isReason(request.reason),
  })
  const one = { items: new Map([[item.id, item]]) }
  const plan = planView({ ...parts, catalog: { ...parts.catalog, ...one } }, facts, {
    grantId: grant?.grantId,
    purpose: grant?.purpose ?? 'device-management',
  })
  const planned = plan.items[0]
  if (planned?.show !== 'exact') {
    const reason = planned?.reason ?? 'policy_denied'
    return refuse(reason === 'permitted' ? 'item_masked' : reason, { item: item.id })
  }
  const record = await findRecord(parts, tx, viewer, request, item)
  return isRefusal(record) ? record : { record, plan }
}

async function grantFor(
  tx: Transaction,
  viewer: Viewer,
  request: RevealRequest,
  now: number,
): Promise<Grant | undefined | Refusal> {
  if (viewer.grantId === undefined) return undefined
  const grant = await useGrant(tx, viewer.grantId, viewer.principal.accountId, now)
  if (isRefusal(grant) || grant.records.includes(request.recordId)) return grant
  return refuse('grant_missing', { record: request.recordId })
}

async function findRecord(
  parts: ViewingParts,
  tx: Transaction,
  viewer: Viewer,
  { kind, recordId }: RevealRequest,
  item: DataItem,
): Promise<SealedRecord | Refusal> {
  const bounds = { kind, tags: tagsOf(viewer, kind) }
  const [record] = await readRecordsByIds(tx, parts.keys, bounds, [recordId])
  if (!record) return refuse('record_unknown', { record: recordId })
  const tags = revealTags(viewer.principal, viewer, item)
  const inScope = tags === 'all' || record.row.scope_tags.some((tag) => tags.has(tag))
  return inScope ? record : refuse('out_of_scope', { record: recordId, item: item.id })
}

/** To see a record is one right, to see an exact value of it another, and each has its own scope. */
function revealTags(
  principal: Principal,
  { access }: Viewer,
  item: DataItem,
): 'all' | ReadonlySet<string> {
  if (realmOf(principal) === 'operator') return 'all'
  return access.tagsFor(item.secret ? 'Secrets/Reveal' : 'Personal data/Reveal')
}
