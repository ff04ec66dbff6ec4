import type { Reader } from '#database/handles.ts'
import { BoundedCache } from '#foundation/bounded-cache.ts'
import type { Keys } from '#keys/keys.ts'

const REMEMBERED = 50_000

/** Commitments of subjects, by subject id. */
export type Commitments = (
  reader: Reader,
  subjectIds: readonly string[],
) => Promise<ReadonlyMap<string, string>>

/**
 * Remembers commitments in memory only: a list that is looked at again need not hash a hundred keys again. Records of
 * an erased subject are gone, so what is remembered of it is never asked for.
 */
export function rememberCommitments(keys: Pick<Keys, 'subjectCommitments'>): Commitments {
  const remembered = new BoundedCache<string, string>(REMEMBERED)
  return async (reader, subjectIds) => {
    const found = new Map<string, string>()
    const missing: string[] = []
    for (const id of subjectIds) {
      const known = remembered.get(`${reader.tenantId} ${id}`)
      if (known === undefined) missing.push(id)
      else found.set(id, known)
    }
    if (missing.length === 0) return found
    for (const [id, commitment] of await keys.subjectCommitments(reader, missing)) {
      remembered.set(`${reader.tenantId} ${id}`, commitment)
      found.set(id, commitment)
    }
    return found
  }
}
