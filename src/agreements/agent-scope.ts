import type { PurposeId } from '#catalog/catalog.ts'
import { leadTimeOver } from './agent-lead-time.ts'

/** What an agent may get, and from when on: for each part the end of its lead time, in milliseconds since 1970. */
export interface AgentScope {
  readonly categories: ReadonlyMap<string, number>
  readonly purposes: ReadonlyMap<PurposeId, number>
  readonly regions: ReadonlyMap<string, number>
}

/** The same as it stands in rows and entries. */
export interface ScopeRecord {
  readonly categories: Readonly<Record<string, number>>
  readonly purposes: Readonly<Record<string, number>>
  readonly regions: Readonly<Record<string, number>>
}

export interface WantedScope {
  readonly categories: readonly string[]
  readonly purposes: readonly PurposeId[]
  readonly regions: readonly string[]
}

export const NO_SCOPE: AgentScope = {
  categories: new Map(),
  purposes: new Map(),
  regions: new Map(),
}

/**
 * The scope after a change at `at`. What was there keeps its date, so that no edit shortens a wait; what is new
 * begins its own, and what was taken away and comes back is new. A new purpose or region waits as long as the
 * category that waits longest. `notBefore` can only put dates off.
 */
export function nextScope(
  before: AgentScope,
  wanted: WantedScope,
  at: number,
  notBefore = 0,
): AgentScope {
  // A first day that has passed says nothing: dates that are over stay as they are.
  const floor = notBefore > at ? notBefore : 0
  const longest = Math.max(at, ...wanted.categories.map((category) => leadTimeOver(category, at)))
  const dated = (
    ids: readonly string[],
    known: ReadonlyMap<string, number>,
    fresh: (id: string) => number,
  ): ReadonlyMap<string, number> =>
    new Map(
      [...new Set(ids)]
        .sort()
        .map((id) => [id, Math.max(known.get(id) ?? fresh(id), floor)] as const),
    )
  return {
    categories: dated(wanted.categories, before.categories, (id) => leadTimeOver(id, at)),
    purposes: dated(wanted.purposes, before.purposes, () => longest),
    regions: dated(wanted.regions, before.regions, () => longest),
  }
}

/** Whether one category may go to the agent for one purpose at `now`. */
export function scopeState(
  scope: AgentScope,
  use: { readonly category: string; readonly purpose: PurposeId },
  now: number,
): 'listed' | 'leadTime' | 'notListed' {
  const category = scope.categories.get(use.category)
  const purpose = scope.purposes.get(use.purpose)
  if (category === undefined || purpose === undefined) return 'notListed'
  return Math.max(category, purpose) > now ? 'leadTime' : 'listed'
}

/** The first time at which anything at all may go. */
export function firstUse(scope: AgentScope): number {
  return Math.max(Math.min(...scope.categories.values()), Math.min(...scope.purposes.values()))
}

export function scopeTimes(scope: AgentScope | undefined): number[] {
  return scope ? [...scope.categories.values(), ...scope.purposes.values()] : []
}

export function toRecord(scope: AgentScope): ScopeRecord {
  return {
    categories: Object.fromEntries(scope.categories),
    purposes: Object.fromEntries(scope.purposes),
    regions: Object.fromEntries(scope.regions),
  }
}

export function fromRecord(record: ScopeRecord): AgentScope {
  return {
    categories: new Map(Object.entries(record.categories)),
    purposes: new Map(Object.entries(record.purposes)),
    regions: new Map(Object.entries(record.regions)),
  }
}
