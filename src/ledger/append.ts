import type { Transaction } from '#database/handles.ts'
import { canonicalJson, type Json } from '#foundation/canonical-json.ts'
import { type Entry, MAX_ENTRY_BYTES } from './entry.ts'
import { packEntries } from './verify/bundle.ts'

/** Commits of this node that carry entries announce this topic; its sequencer listens. */
export const APPENDED = 'ledger.appended'

/** Writes the entry in the caller's commit: it is there exactly when what it tells of is. */
export function append(tx: Transaction, entry: Entry): Promise<void> {
  return appendAll(tx, [entry])
}

/**
 * Writes many entries in one statement, in order. They wait for their place as one row.
 *
 * @throws RangeError naming the kind of an entry that is larger than a bundle can hold
 */
export async function appendAll(tx: Transaction, entries: readonly Entry[]): Promise<void> {
  if (entries.length === 0) return
  const ids = entries.map((entry) => entry.id)
  await tx.rows('select sluss_append($1, $2)', [ids, packEntries(entries.map(entryBytes))])
  tx.announce(APPENDED)
}

/** The bytes that are hashed into the log: canonical JSON, so that anybody can make them again. */
export function entryBytes(entry: Entry): Buffer {
  const bytes = Buffer.from(canonicalJson({ v: 1, ...entry } as unknown as Json))
  if (bytes.length > MAX_ENTRY_BYTES)
    throw new RangeError(`an entry of kind ${entry.kind} is too large`)
  return bytes
}
