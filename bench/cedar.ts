import { join } from 'node:path'
import { createDecider } from '#access/create-decider.ts'
import type { DecisionFacts } from '#access/decide.ts'
import { loadPolicies } from '#access/policies.ts'
import { manifestOf } from '#catalog/manifest.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { type BenchResult, printResults, spread } from './result.ts'

const FLOW = 'apple-device-enrollment/outbound'
const ROUNDS = 15
const LOOK_UPS = 200_000

/** Planning cold against a check written by hand, and looking up a plan that is remembered. */
export async function run(): Promise<BenchResult[]> {
  const decider = createDecider(await loadPolicies(join(import.meta.dirname, '..', 'policies')))
  const manifest = manifestOf(shippedCatalog, FLOW)
  const items = new Set(manifest.items)
  const facts: DecisionFacts = {
    door: 'out',
    tenantId: 'bench',
    party: { id: 'apple', kind: 'thirdParty' },
    tenantOpen: true,
    featureOn: true,
    consentState: 'inForce',
    consentedItems: items,
    flowItems: items,
    agentState: 'notAgent',
    permissionState: 'given',
    contractState: 'inForce',
    purposeDeclared: true,
    purposeForbidden: false,
    permanentCall: false,
    approvalInForce: false,
  }
  const questions = manifest.items
    .map((id) => ({ item: shippedCatalog.items.get(id), switchedOn: false }))
    .filter((one) => one.item !== undefined)
  const byHand = (): number =>
    questions.filter(
      ({ item }) =>
        item &&
        item.need !== 'never' &&
        facts.featureOn &&
        facts.consentState === 'inForce' &&
        facts.flowItems.has(item.id) &&
        facts.consentedItems.has(item.id),
    ).length
  const cold: number[] = []
  const hand: number[] = []
  const look: number[] = []
  const plans = new Map(
    Array.from({ length: 1_000 }, (_, i) => [
      `tenant-${i}`,
      new Map([[`apple exchange-${i}`, { until: i }]]),
    ]),
  )
  for (let round = -2; round < ROUNDS; round++) {
    const decided = time(() => decider.decide(facts, questions as never))
    const handed = time(byHand)
    const looked = time(() => {
      for (let i = 0; i < LOOK_UPS; i++)
        plans.get(`tenant-${i % 1_000}`)?.get(`apple exchange-${i % 1_000}`)
    })
    if (round < 0) continue
    cold.push(decided)
    hand.push(handed)
    look.push((looked / LOOK_UPS) * 1_000)
  }
  return [
    {
      name: `planning ${questions.length} items, cold`,
      unit: 'ms',
      ours: spread(cold),
      reference: 'a check written by hand (how many times slower)',
      ratio: spread(cold.map((value, i) => value / (hand[i] ?? 1))),
    },
    {
      name: 'remembered plan, look-up',
      unit: 'µs',
      ours: spread(look),
      reference: 'two microseconds (more is better)',
      ratio: spread(look.map((value) => 2 / value)),
      bar: 1,
    },
  ]
}

function time(work: () => unknown): number {
  const began = performance.now()
  work()
  return performance.now() - began
}

if (import.meta.main) printResults(await run())
