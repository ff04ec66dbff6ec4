import type { Decider } from '#access/decide.ts'
import { validUntil } from '#agreements/decision-facts.ts'
import type { FlowFacts } from '#agreements/facts.ts'
import { planFlow } from '#agreements/plan-flow.ts'
import type { Catalog, ItemId } from '#catalog/catalog.ts'
import { manifestOf } from '#catalog/manifest.ts'
import { type ObjectShape, array, itemsOf } from '#catalog/shape.ts'
import { BoundedCache } from '#foundation/bounded-cache.ts'
import { compileProjection } from '#minimisation/compile.ts'
import type { Plan } from '#minimisation/plan.ts'
import type { Projection } from '#minimisation/projection.ts'
import type { IntakeBatch } from './receive.ts'

/** What a plan is for. `inParts`: records are put together from what comes at several times. */
export interface PlannedFor extends Pick<IntakeBatch, 'flow' | 'purpose' | 'shape'> {
  readonly inParts?: boolean
}

export interface PlannedBatch {
  readonly plan: Plan
  readonly project: Projection
}

interface Planned extends PlannedBatch {
  /** All that the answer came from, in words that are equal exactly when it is. */
  readonly facts: string
  readonly catalog: Catalog
  readonly pseudonymKey: Buffer
  readonly from: number
  readonly until: number
}

const PLANS_PER_SHAPE = 2_000
const known = new WeakMap<Decider, WeakMap<ObjectShape, BoundedCache<string, Planned>>>()

/**
 * The plan of a batch and its projection. An event has one record, so the answer of the policies is kept and used again;
 * not for a time but as long as the facts, which the caller has just read in its transaction, are the very same, and no
 * date among them has passed.
 */
export function planBatch(
  facts: FlowFacts,
  batch: PlannedFor,
  parts: { readonly catalog: Catalog; readonly decider: Decider; readonly now: number },
  pseudonymKey: Buffer,
): PlannedBatch {
  const { catalog, decider, now } = parts
  const plans = plansOf(decider, batch.shape)
  const name = `${facts.tenantId} ${batch.flow} ${batch.purpose} ${batch.inParts === true}`
  const words = wordsOf(facts)
  const kept = plans.get(name)
  if (
    kept?.facts === words &&
    kept.catalog === catalog &&
    kept.from <= now &&
    now < kept.until &&
    kept.pseudonymKey.equals(pseudonymKey)
  )
    return kept
  const call = { purpose: batch.purpose, permanent: false, approved: false }
  const plan = planFlow(parts, facts, call, itemsToPlan(batch, catalog), now)
  const project = compileProjection(plan, array(batch.shape), { pseudonymKey })
  const until = validUntil(facts, now)
  plans.set(name, { plan, project, facts: words, catalog, pseudonymKey, from: now, until })
  return { plan, project }
}

/** Facts that are remembered are the very same object from one batch to the next. */
const inWords = new WeakMap<FlowFacts, string>()

function wordsOf(facts: FlowFacts): string {
  const known = inWords.get(facts)
  if (known !== undefined) return known
  const words = JSON.stringify(facts, (_, value: unknown) =>
    value instanceof Set || value instanceof Map ? [...(value as Iterable<unknown>)] : value,
  )
  inWords.set(facts, words)
  return words
}

function plansOf(decider: Decider, shape: ObjectShape): BoundedCache<string, Planned> {
  const shapes = known.get(decider) ?? new WeakMap<ObjectShape, BoundedCache<string, Planned>>()
  known.set(decider, shapes)
  const plans = shapes.get(shape) ?? new BoundedCache<string, Planned>(PLANS_PER_SHAPE)
  shapes.set(shape, plans)
  return plans
}

/** What is merged with what other messages brought needs an answer for all that the flow may bring. */
function itemsToPlan({ shape, inParts, flow }: PlannedFor, catalog: Catalog): readonly ItemId[] {
  const items = itemsOf(shape)
  return inParts ? [...new Set([...items, ...manifestOf(catalog, flow).items])] : items
}
