import type { Decider } from '#access/decide.ts'
import { readFlowFacts } from '#agreements/read-flow-facts.ts'
import type { Catalog, FlowId, ItemId, PurposeId } from '#catalog/catalog.ts'
import type { ObjectShape } from '#catalog/shape.ts'
import type { Transaction } from '#database/handles.ts'
import type { Keys } from '#keys/keys.ts'
import type { Plan } from '#minimisation/plan.ts'
import type { Projected } from '#minimisation/projection.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import { keepRecords } from '#records/keep.ts'
import { mergeRecords } from '#records/merge.ts'
import { planBatch } from './plan-batch.ts'
import { recordIntake, recordIntakeRefusal } from './record-intake.ts'
import { toRecords } from './to-records.ts'

/** Records as they came from a source, before anything was done to them. */
export interface IntakeBatch {
  readonly connectionId: string
  readonly flow: FlowId
  readonly purpose: PurposeId
  readonly kind: 'device'
  readonly records: readonly unknown[]
  /** Which item stands at which place of a record; one leaf names the subject. */
  readonly shape: ObjectShape
  readonly subjectItem: ItemId
  /** The item and word by which the source says that it has the record no longer. */
  readonly removal: { readonly item: ItemId; readonly word: string }
  /** For records that come in parts, by events: see `records/merge.ts`. Without it a record replaces the kept one. */
  readonly merge?: {
    /** Of each record, in their order. No two may be of one subject. */
    readonly events: readonly { readonly section: string; readonly at: number }[]
    readonly alsoKnownBy?: ItemId | undefined
  }
}

export interface IntakeParts {
  readonly catalog: Catalog
  readonly decider: Decider
  readonly keys: Keys
  readonly now: number
  readonly actor: string
}

export interface Received {
  readonly kept: number
  readonly withheld: Readonly<Record<ItemId, number>>
  readonly unknown: number
}

/**
 * The only way records come in. What is never collected, unknown, or switched off stops here, in memory, and is
 * counted (P12); the rest is kept sealed. Record, evidence and the caller's cursor share one commit.
 *
 * @returns what was kept, or why nothing was: then that is what is recorded
 */
export async function receive(
  tx: Transaction,
  batch: IntakeBatch,
  parts: IntakeParts,
): Promise<Received | Refusal> {
  const facts = await readFlowFacts(tx, parts.catalog, batch.flow)
  const pseudonymKey = await parts.keys.pseudonymKey(tx, 'tenant')
  const { plan, project } = planBatch(facts, batch, parts, pseudonymKey)
  const allowed = whollyRefused(plan.items, batch)
  if (isRefusal(allowed)) return recordIntakeRefusal(tx, batch, plan, allowed, parts)
  const projected = project(JSON.stringify(batch.records))
  if (batch.merge) return receiveParts(tx, batch, plan, projected, parts)
  const records = toRecords(projected.json, batch)
  const { keys, catalog, now } = parts
  const subjects = await keepRecords(tx, keys, catalog, { ...batch, records, now })
  await recordIntake(tx, batch, plan, projected, subjects, parts)
  return { kept: records.length, withheld: projected.withheld, unknown: projected.unknown }
}

/** Adds to what is kept. Evidence counts what the records got, which is less than what passed when some came late. */
async function receiveParts(
  tx: Transaction,
  batch: IntakeBatch,
  plan: Plan,
  projected: Projected,
  parts: IntakeParts,
): Promise<Received> {
  const { events = [], alsoKnownBy } = batch.merge ?? {}
  const allowed = new Map(
    plan.items.flatMap(({ item, precision }) =>
      precision === 'withheld' ? [] : [[item, precision] as const],
    ),
  )
  const records = toRecords(projected.json, batch).flatMap((record) => {
    const event = events[record.place]
    return event ? [{ ...record, ...event }] : []
  })
  const merge = { allowed, alsoKnownBy }
  const batchOf = { ...batch, records, now: parts.now, merge }
  const kept = await mergeRecords(tx, parts.keys, parts.catalog, batchOf)
  const passed: Record<ItemId, number> = {}
  for (const { items } of kept)
    for (const item of Object.keys(items)) passed[item] = (passed[item] ?? 0) + 1
  const subjects = kept.map(({ subject }) => subject)
  await recordIntake(tx, batch, plan, { ...projected, passed }, subjects, parts)
  return { kept: kept.length, withheld: projected.withheld, unknown: projected.unknown }
}

/** Without the item that identifies a record nothing can be kept; its reason is the reason. */
function whollyRefused(
  items: readonly { item: ItemId; reason: string }[],
  batch: IntakeBatch,
): Refusal | true {
  const subject = items.find((planned) => planned.item === batch.subjectItem)
  if (subject?.reason === 'permitted') return true
  return refuse((subject?.reason ?? 'item_unclassified') as Refusal['refused'], {
    flow: batch.flow,
    item: batch.subjectItem,
  })
}
