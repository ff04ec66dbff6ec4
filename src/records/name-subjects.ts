import type { ItemId } from '#catalog/catalog.ts'
import type { Transaction } from '#database/handles.ts'
import { BoundedCache } from '#foundation/bounded-cache.ts'
import type { Keys } from '#keys/keys.ts'
import { ensureSubjects } from './subjects.ts'

const REMEMBERED = 50_000

/** Names subjects in ledger entries by commitments that die with the subject's key. */
export interface SubjectNames {
  /** Commitments for values of an identifying item, in order; subjects are made where there are none. */
  name(tx: Transaction, item: ItemId, values: readonly string[]): Promise<readonly string[]>
  /** To be called once the transaction that named them stands: a name that was rolled back must not live on in memory. */
  remember(
    tenantId: string,
    item: ItemId,
    values: readonly string[],
    commitments: readonly string[],
  ): void
  /** The same for values that are all remembered, without asking the database; undefined otherwise. */
  known(tenantId: string, item: ItemId, values: readonly string[]): readonly string[] | undefined
  /** Forgets all that is remembered, after keys were destroyed. */
  forget(): void
}

/** Remembers commitments in memory only, so that a call does not hash what the last call hashed. */
export function createSubjectNames(keys: Keys): SubjectNames {
  const remembered = new BoundedCache<string, string>(REMEMBERED)
  const known = (tenantId: string, item: ItemId, values: readonly string[]) => {
    const found: string[] = []
    for (const value of values) {
      const commitment = remembered.get(`${tenantId} ${item} ${value}`)
      if (commitment === undefined) return undefined
      found.push(commitment)
    }
    return found
  }
  return {
    known,
    name: async (tx, item, values) => {
      if (values.length === 0) return []
      const places = values.map((value) => `${tx.tenantId} ${item} ${value}`)
      const known = places.map((place) => remembered.get(place))
      const unknown = values.filter((_, i) => known[i] === undefined)
      if (unknown.length === 0) return known.map(String)
      const subjects = await ensureSubjects(tx, keys, item, unknown)
      const commitments = await keys.subjectCommitments(tx, subjects)
      let next = 0
      return known.map((commitment) => {
        if (commitment !== undefined) return commitment
        return commitments.get(subjects[next++] ?? '') ?? ''
      })
    },
    remember: (tenantId, item, values, commitments) => {
      for (const [i, value] of values.entries())
        remembered.set(`${tenantId} ${item} ${value}`, commitments[i] ?? '')
    },
    forget: () => remembered.clear(),
  }
}
