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
  batch: IntakeBatch,
  parts: { readonly catalog: Catalog; readonly decider: Decider; readonly now: number },
  pseudonymKey: Buffer,
): PlannedBatch {
  const { catalog, decider, now } = parts
  const plans = plansOf(decider, batch.shape)
  const name = `${facts.tenantId} ${batch.flow} ${batch.purpose} ${batch.merge === undefined}`
  const words = JSON.stringify(facts, (_, value: unknown) =>
    value instanceof Set || value instanceof Map ? [...(value as Iterable<unknown>)] : value,
  )
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

function plansOf(decider: Decider, shape: ObjectShape): BoundedCache<string, Planned> {
  const shapes = known.get(decider) ?? new WeakMap<ObjectShape, BoundedCache<string, Planned>>()
  known.set(decider, shapes)
  const plans = shapes.get(shape) ?? new BoundedCache<string, Planned>(PLANS_PER_SHAPE)
  shapes.set(shape, plans)
  return plans
}

/** What is merged with what other messages brought needs an answer for all that the flow may bring. */
function itemsToPlan({ shape, merge, flow }: IntakeBatch, catalog: Catalog): readonly ItemId[] {
  const items = itemsOf(shape)
  return merge ? [...new Set([...items, ...manifestOf(catalog, flow).items])] : items
}
