import type { Decider } from '#access/decide.ts'
import type { ViewFacts } from '#access/view-facts.ts'
import type { Catalog, DataItem, ItemId } from '#catalog/catalog.ts'
import type { Precision } from '#catalog/precision.ts'
import { type Json, canonicalJson } from '#foundation/canonical-json.ts'
import { sha256Hex } from '#foundation/hashing.ts'
import type { RefusalCode } from '#foundation/refusal.ts'

/** How one item is shown. `reason` is `permitted` for the exact value, and otherwise why it is less. */
export interface ViewedItem {
  readonly item: ItemId
  readonly show: 'exact' | 'masked' | 'withheld'
  readonly precision: Precision
  readonly reason: 'permitted' | RefusalCode
}

/** The answer of the door for one kind of viewer, as frozen data without any personal value. */
export interface ViewPlan {
  readonly door: 'look'
  readonly tenantId: string
  readonly viewer: ViewFacts['viewer']['kind']
  readonly grantId: string | undefined
  readonly purpose: string
  /** SHA-256 of the policies that decided. */
  readonly policies: string
  /** Sorted by id; what is not here is withheld. */
  readonly items: readonly ViewedItem[]
  /** SHA-256 of the canonical JSON of all the above, hex. */
  readonly hash: string
}

/** Asks Cedar once per item and freezes what it says. */
export function planView(
  parts: { catalog: Catalog; decider: Pick<Decider, 'decideView' | 'policyHash'> },
  facts: ViewFacts,
  about: { grantId: string | undefined; purpose: string },
): ViewPlan {
  const items = [...parts.catalog.items.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1))
  const decisions = parts.decider.decideView(facts, items)
  const planned = decisions.map(({ show, reason }, i): ViewedItem => {
    const item = items[i] as DataItem
    const precision = show === 'exact' ? 'exact' : show === 'masked' ? maskOf(item) : 'withheld'
    const shown = precision === 'withheld' ? 'withheld' : show
    return Object.freeze({ item: item.id, show: shown, precision, reason })
  })
  const plan = {
    door: 'look' as const,
    tenantId: facts.tenantId,
    viewer: facts.viewer.kind,
    grantId: about.grantId,
    purpose: about.purpose,
    policies: parts.decider.policyHash,
    items: Object.freeze(planned),
  }
  return Object.freeze({ ...plan, hash: sha256Hex(canonicalJson(plan as unknown as Json)) })
}

/** The coarsest precision that still says something; free text and the like have none and are withheld. */
export function maskOf(item: Pick<DataItem, 'precisions'>): Precision {
  const coarsest = item.precisions.at(-1)
  return coarsest === undefined || coarsest === 'exact' ? 'withheld' : coarsest
}

/** Why nothing at all may be shown, if so. */
export function planRefusal(plan: ViewPlan): RefusalCode | undefined {
  if (plan.items.some((item) => item.show !== 'withheld')) return undefined
  // What holds for the plain facts holds for the viewer; a secret or a never item has its own reason besides.
  const common = plan.items.find(
    ({ reason }) => reason !== 'item_never' && reason !== 'item_secret' && reason !== 'permitted',
  )
  return common && common.reason !== 'permitted' ? common.reason : 'nothing_allowed'
}
