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
  const bytes = entries.map(entryBytes)
  let end = 1
  const starts = bytes.map((one) => {
    const start = end
    end += one.length
    return start
  })
  // One binary parameter for all: an array of byte strings would travel, and be parsed, as quoted hexadecimal.
  await tx.change(
    `insert into ledger_queue (tenant_id, entry_id, entry)
     select $1, n.id, substring($3::bytea from n.start for n.length)
       from unnest($2::uuid[], $4::int[], $5::int[]) with ordinality as n (id, start, length, place)
      order by n.place`,
    [
      tx.tenantId,
      entries.map((entry) => entry.id),
      Buffer.concat(bytes),
      starts,
      bytes.map((one) => one.length),
    ],
  )
  tx.announce(APPENDED)
}

/** The bytes that are hashed into the log: canonical JSON, so that anybody can make them again. */
export function entryBytes(entry: Entry): Buffer {
  const bytes = Buffer.from(canonicalJson({ v: 1, ...entry } as unknown as Json))
  if (bytes.length > MAX_ENTRY_BYTES)
    throw new RangeError(`an entry of kind ${entry.kind} is too large`)
  return bytes
}
