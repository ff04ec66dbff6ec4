import type { FlowId, ItemId, PurposeId } from '#catalog/catalog.ts'
import type { Precision } from '#catalog/precision.ts'
import { canonicalJson, type Json } from '#foundation/canonical-json.ts'
import { sha256Hex } from '#foundation/hashing.ts'
import type { RefusalCode } from '#foundation/refusal.ts'

/** What a door was answered for one item: how exactly it may pass and why, or why it may not. */
export interface PlannedItem {
  readonly item: ItemId
  readonly precision: Precision
  /** `permitted`, or for a withheld item the refusal that keeps it back. */
  readonly reason: 'permitted' | RefusalCode
  /** The policies that decided, by name. */
  readonly policies: readonly string[]
}

/**
 * The answer of a door as frozen data: it can be shown before it runs, hashed into the ledger, cached and
 * compared. It holds no personal value.
 */
export interface Plan {
  readonly door: 'in' | 'look' | 'out'
  readonly tenantId: string
  readonly flow: FlowId
  /** A party id, or `tenant` where the tenant's own people or systems receive. */
  readonly recipient: string
  readonly purpose: PurposeId
  readonly manifestHash: string
  readonly items: readonly PlannedItem[]
  /** SHA-256 of the canonical JSON of all the above, hex. */
  readonly hash: string
}

/** Freezes the decisions of a door into a plan, items sorted by id. An item decided twice is a fault. */
export function makePlan(parts: Omit<Plan, 'hash'>): Plan {
  const items = [...parts.items].sort((a, b) => (a.item < b.item ? -1 : 1))
  const twice = items.find((item, i) => item.item === items[i + 1]?.item)
  if (twice) throw new Error(`item decided twice: ${twice.item}`)
  const plan = { ...parts, items: Object.freeze(items.map((item) => Object.freeze({ ...item }))) }
  return Object.freeze({ ...plan, hash: sha256Hex(canonicalJson(plan as unknown as Json)) })
}
