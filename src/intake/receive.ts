import type { Decider } from '#access/decide.ts'
import { planFlow } from '#agreements/plan-flow.ts'
import { readFlowFacts } from '#agreements/read-flow-facts.ts'
import type { Catalog, FlowId, ItemId, PurposeId } from '#catalog/catalog.ts'
import { type ObjectShape, array, itemsOf } from '#catalog/shape.ts'
import type { Transaction } from '#database/handles.ts'
import type { Keys } from '#keys/keys.ts'
import { compileProjection } from '#minimisation/compile.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import { keepRecords } from '#records/keep.ts'
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
  const call = { purpose: batch.purpose, permanent: false, approved: false }
  const plan = planFlow(parts, facts, call, itemsOf(batch.shape), parts.now)
  const allowed = whollyRefused(plan.items, batch)
  if (isRefusal(allowed)) return recordIntakeRefusal(tx, batch, plan, allowed, parts)
  const project = compileProjection(plan, array(batch.shape), {
    pseudonymKey: await parts.keys.pseudonymKey(tx, 'tenant'),
  })
  const projected = project(JSON.stringify(batch.records))
  const records = toRecords(projected.json, batch)
  const subjects = await keepRecords(tx, parts.keys, parts.catalog, {
    ...batch,
    records,
    now: parts.now,
  })
  await recordIntake(tx, batch, plan, projected, subjects, parts)
  return { kept: records.length, withheld: projected.withheld, unknown: projected.unknown }
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
