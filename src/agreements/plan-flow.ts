import type { Decider, ItemDecision, ItemQuestion } from '#access/decide.ts'
import type { Catalog, DataItem, ItemId } from '#catalog/catalog.ts'
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
  const planned = answers.map((answer, i): PlannedItem => {
    const precision = answer.allowed ? precisionOf(known[i], facts) : 'withheld'
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

/** The flow's purpose allows the exact value; the tenant may have chosen less. A required item cannot be `off`. */
function precisionOf(item: DataItem | undefined, facts: FlowFacts): PlannedItem['precision'] {
  if (!item) return 'withheld'
  return choosePrecision(item, 'exact', facts.collection.get(item.id)?.precision)
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
