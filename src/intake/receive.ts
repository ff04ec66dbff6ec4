import type { Decider } from '#access/decide.ts'
import { readFlowFacts } from '#agreements/read-flow-facts.ts'
import type { Catalog, FlowId, ItemId, PurposeId } from '#catalog/catalog.ts'
import type { ObjectShape } from '#catalog/shape.ts'
import type { Transaction } from '#database/handles.ts'
import type { Keys } from '#keys/keys.ts'
import type { Plan } from '#minimisation/plan.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import { append, appendAll } from '#ledger/append.ts'
import { keepRecords } from '#records/keep.ts'
import { lockFactsVersion } from '#tenants/facts-version.ts'
import { planBatch } from './plan-batch.ts'
import { intakeEntries, refusalEntry } from './record-intake.ts'
import { toRecords } from './to-records.ts'

/** Records as they came from a source, before anything was done to them. */
export interface IntakeBatch {
  readonly connectionId: string
  readonly flow: FlowId
  readonly purpose: PurposeId
  readonly kind: 'device' | 'person'
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
  /** Which node takes it in. */
  readonly node?: string
}

export interface Received {
  readonly kept: number
  readonly withheld: Readonly<Record<ItemId, number>>
  readonly unknown: number
}

/**
 * The only way records come in. What is never collected, unknown, or switched off stops here, in memory, and is
 * counted (P12); the rest is kept sealed. Record, evidence and the caller's cursor share one commit, until which the
 * tenant's facts are held: a withdrawal is before it or after it (P5).
 *
 * @returns what was kept, or why nothing was: then that is what is recorded
 */
export async function receive(
  tx: Transaction,
  batch: IntakeBatch,
  parts: IntakeParts,
): Promise<Received | Refusal> {
  const { keys, catalog, now } = parts
  return takeIn(tx, batch, parts, (records) =>
    keepRecords(tx, keys, catalog, { ...batch, records, now }),
  )
}

/**
 * As `receive`, for records of any kind: whoever calls says how what is left of them is kept.
 *
 * @param keep answers the subjects whom the kept records are about; none where they are about nobody
 */
export async function takeIn(
  tx: Transaction,
  batch: Omit<IntakeBatch, 'kind'>,
  parts: IntakeParts,
  keep: (records: ReturnType<typeof toRecords>) => Promise<readonly string[]>,
): Promise<Received | Refusal> {
  await lockFactsVersion(tx)
  const facts = await readFlowFacts(tx, parts.catalog, batch.flow)
  const pseudonymKey = await parts.keys.pseudonymKey(tx, 'tenant')
  const { plan, project } = planBatch(facts, batch, parts, pseudonymKey)
  const refusal = whollyRefused(plan, batch)
  if (refusal) {
    const refused = { ...batch, records: batch.records.length }
    await append(tx, refusalEntry(refused, plan, refusal, parts))
    return refusal
  }
  const projected = project(JSON.stringify(batch.records))
  const records = toRecords(projected.json, batch)
  const subjects = await keep(records)
  await appendAll(tx, await intakeEntries(tx, batch, plan, projected, subjects, parts))
  return { kept: records.length, withheld: projected.withheld, unknown: projected.unknown }
}

/** Without the item that identifies a record nothing can be kept; its reason is the reason. */
export function whollyRefused(
  { items }: Plan,
  batch: Pick<IntakeBatch, 'flow' | 'subjectItem'>,
): Refusal | undefined {
  const subject = items.find((planned) => planned.item === batch.subjectItem)
  if (subject?.reason === 'permitted') return undefined
  return refuse((subject?.reason ?? 'item_unclassified') as Refusal['refused'], {
    flow: batch.flow,
    item: batch.subjectItem,
  })
}
