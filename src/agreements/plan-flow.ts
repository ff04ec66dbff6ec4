import type { Decider, ItemDecision, ItemQuestion } from '#access/decide.ts'
import type { Catalog, DataItem, FlowId, ItemId } from '#catalog/catalog.ts'
import type { Precision } from '#catalog/precision.ts'
import { refuse } from '#foundation/refusal.ts'
import { type Plan, type PlannedItem, makePlan } from '#minimisation/plan.ts'
import { choosePrecision } from '#minimisation/precision.ts'
import { type Call, decisionFacts } from './decision-facts.ts'
import type { FlowFacts } from './facts.ts'

/**
 * The answer of a door for some items of a flow at one time: asks Cedar once per item, then chooses the precision.
 * An item that the catalog does not have is withheld (P4).
 */
export function planFlow(
  parts: { catalog: Catalog; decider: Decider },
  facts: FlowFacts,
  call: Call,
  itemIds: readonly ItemId[],
  now: number,
): Plan {
  const { catalog } = parts
  const known = itemIds.map((id) => catalog.items.get(id)).filter((item) => item !== undefined)
  const questions = known.map((item) => ({
    item,
    switchedOn: facts.collection.get(item.id)?.on ?? false,
  }))
  const answers = decideAll(parts, facts, call, questions, now)
  const defaults = defaultPrecisions(catalog, facts.flow)
  const planned = answers.map((answer, i): PlannedItem => {
    const precision = answer.allowed ? precisionOf(known[i], facts, defaults) : 'withheld'
    return { item: answer.item, precision, reason: answer.reason, policies: answer.policies }
  })
  const strangers = itemIds.filter((id) => !catalog.items.has(id))
  return makePlan({
    door: facts.direction === 'outbound' ? 'out' : 'in',
    tenantId: facts.tenantId,
    flow: facts.flow,
    recipient: facts.direction === 'outbound' ? facts.party.id : 'tenant',
    purpose: call.purpose,
    manifestHash: facts.manifestHash,
    items: [
      ...planned,
      ...strangers.map(
        (item): PlannedItem => ({
          item,
          precision: 'withheld',
          reason: refuse('item_unclassified').refused,
          policies: [],
        }),
      ),
    ],
  })
}

/** How exactly items go in a flow while the tenant chose nothing, where that is not exactly. */
export function defaultPrecisions(
  catalog: Catalog,
  flowId: FlowId,
): ReadonlyMap<ItemId, Precision> {
  return new Map(
    (catalog.flows.get(flowId)?.items ?? []).flatMap(({ item, defaultPrecision }) =>
      defaultPrecision === undefined ? [] : [[item, defaultPrecision] as const],
    ),
  )
}

/**
 * The flow's purpose allows the exact value; the tenant may have chosen less, and where it chose nothing the flow's
 * default counts. A required item cannot be `off`.
 */
function precisionOf(
  item: DataItem | undefined,
  facts: FlowFacts,
  defaults: ReadonlyMap<ItemId, Precision>,
): PlannedItem['precision'] {
  if (!item) return 'withheld'
  const chosen = facts.collection.get(item.id)?.precision ?? defaults.get(item.id)
  return choosePrecision(item, 'exact', chosen)
}

/** One answer per item, in order. An agent with terms is asked about category by category, as it is listed. */
function decideAll(
  { catalog, decider }: { catalog: Catalog; decider: Decider },
  facts: FlowFacts,
  call: Call,
  questions: readonly ItemQuestion[],
  now: number,
): readonly ItemDecision[] {
  if (!facts.party.scope) return decider.decide(decisionFacts(facts, catalog, call, now), questions)
  const answers = new Map<string, ItemDecision>()
  for (const [category, group] of Map.groupBy(questions, ({ item }) => item.category)) {
    const words = decisionFacts(facts, catalog, call, now, category)
    for (const answer of decider.decide(words, group)) answers.set(answer.item, answer)
  }
  return questions.flatMap(({ item }) => answers.get(item.id) ?? [])
}
