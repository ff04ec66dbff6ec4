import type { Transaction } from '#database/handles.ts'
import { type Json, canonicalJson } from '#foundation/canonical-json.ts'
import { type Entry, MAX_ENTRY_BYTES } from './entry.ts'

/** Commits of this node that carry entries announce this topic; its sequencer listens. */
export const APPENDED = 'ledger.appended'

/** Writes the entry in the caller's commit: it is there exactly when what it tells of is. */
export function append(tx: Transaction, entry: Entry): Promise<void> {
  return appendAll(tx, [entry])
}

/**
 * Writes many entries in one statement, in order.
 *
 * @throws RangeError naming the kind of an entry that is larger than a bundle can hold
 */
export async function appendAll(tx: Transaction, entries: readonly Entry[]): Promise<void> {
  if (entries.length === 0) return
  const { starts, lengths, bytes } = packed(entries.map(entryBytes))
  const ids = entries.map((entry) => entry.id)
  await tx.rows('select sluss_append($1, $2, $3, $4)', [ids, starts, lengths, bytes])
  tx.announce(APPENDED)
}

/** Many byte strings as one, and where each of them starts (from 1) and how long it is: as `sluss_append` takes them. */
export function packed(parts: readonly Buffer[]): {
  starts: number[]
  lengths: number[]
  bytes: Buffer
} {
  let end = 1
  const starts = parts.map((part) => {
    const start = end
    end += part.length
    return start
  })
  return { starts, lengths: parts.map((part) => part.length), bytes: Buffer.concat(parts) }
}

/** The bytes that are hashed into the log: canonical JSON, so that anybody can make them again. */
export function entryBytes(entry: Entry): Buffer {
  const bytes = Buffer.from(canonicalJson({ v: 1, ...entry } as unknown as Json))
  if (bytes.length > MAX_ENTRY_BYTES)
    throw new RangeError(`an entry of kind ${entry.kind} is too large`)
  return bytes
}
