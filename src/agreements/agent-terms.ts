import type { Catalog, PartyId, PurposeId } from '#catalog/catalog.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import { type AgentScope, type ScopeRecord, type WantedScope, toRecord } from './agent-scope.ts'

/** The categories of the published list of subprocessors. */
export const AGENT_CATEGORIES = ['technology', 'ancillary', 'contractStaff'] as const
export type AgentCategory = (typeof AGENT_CATEGORIES)[number]

/** What the operator says of an agent. */
export interface AgentTerms {
  /** Name of the company. */
  readonly name: string
  /** Where it has its seat. */
  readonly corporateLocation: string
  readonly category: AgentCategory
  /** Data categories of the catalog. */
  readonly dataCategories: readonly string[]
  readonly purposes: readonly PurposeId[]
  /** Where it processes. */
  readonly regions: readonly string[]
  /** Parts of the service that need it beside flows of the catalog, such as `notices.mail`. */
  readonly neededBy: readonly string[]
}

/** The terms as they stand in a row of the log of the list, with the end of each lead time. */
export interface TermsRecord {
  readonly name: string
  readonly corporateLocation: string
  readonly category: AgentCategory
  readonly scope: ScopeRecord
  readonly neededBy: readonly string[]
  /** Milliseconds since 1970. */
  readonly listedAt: number
}

/** Data categories that an agent can be listed for: all that the catalog has but those never collected. */
export function dataCategoriesOf(catalog: Catalog): ReadonlySet<string> {
  const items = [...catalog.items.values()].filter((item) => item.need !== 'never')
  return new Set(items.map((item) => item.category))
}

/**
 * Whether the terms can stand on the list at all.
 *
 * @returns `standing_none` for a party that nothing may go to, `purpose_forbidden`, `purpose_undeclared`,
 *   `item_unclassified` for a category that the catalog lacks
 */
export function checkTerms(
  catalog: Catalog,
  partyId: PartyId,
  terms: Pick<AgentTerms, 'dataCategories' | 'purposes'>,
): Refusal | undefined {
  if (catalog.parties.get(partyId)?.standing === 'none')
    return refuse('standing_none', { party: partyId })
  for (const id of terms.purposes) {
    const purpose = catalog.purposes.get(id)
    if (!purpose) return refuse('purpose_undeclared', { party: partyId, field: 'purposes' })
    if (purpose.forbidden) return refuse('purpose_forbidden', { party: partyId, purpose: id })
  }
  const known = dataCategoriesOf(catalog)
  const strange = terms.dataCategories.some((category) => !known.has(category))
  return strange ? refuse('item_unclassified', { field: 'dataCategories' }) : undefined
}

export function wantedScope(terms: AgentTerms): WantedScope {
  return { categories: terms.dataCategories, purposes: terms.purposes, regions: terms.regions }
}

/** The terms as an entry says them. */
export function termsForEntry(record: TermsRecord) {
  const { scope } = record
  return {
    name: record.name,
    corporateLocation: record.corporateLocation,
    category: record.category,
    dataCategories: dated(scope.categories),
    purposes: dated(scope.purposes),
    regions: dated(scope.regions),
    neededBy: record.neededBy,
    listedAt: toTimestamp(record.listedAt),
  }
}

function dated(times: Readonly<Record<string, number>>): Record<string, string> {
  return Object.fromEntries(Object.entries(times).map(([id, time]) => [id, toTimestamp(time)]))
}

export function termsOf(record: TermsRecord): AgentTerms {
  return {
    name: record.name,
    corporateLocation: record.corporateLocation,
    category: record.category,
    dataCategories: Object.keys(record.scope.categories),
    purposes: Object.keys(record.scope.purposes),
    regions: Object.keys(record.scope.regions),
    neededBy: record.neededBy,
  }
}

export function recordOf(terms: AgentTerms, scope: AgentScope, listedAt: number): TermsRecord {
  return {
    name: terms.name,
    corporateLocation: terms.corporateLocation,
    category: terms.category,
    scope: toRecord(scope),
    neededBy: [...new Set(terms.neededBy)].sort(),
    listedAt,
  }
}
