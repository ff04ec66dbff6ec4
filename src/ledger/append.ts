import type { Transaction } from '#database/handles.ts'
import type { Entry } from './entry.ts'
import { prepareEntry, segmentValues } from './prepare.ts'
import { TILE_WIDTH } from './verify/tile.ts'

/** Commits of this node that carry entries announce this topic; its sequencer listens. */
export const APPENDED = 'ledger.appended'

/** Writes the entry in the caller's commit: it is there exactly when what it tells of is. */
export function append(tx: Transaction, entry: Entry): Promise<void> {
  return appendAll(tx, [entry])
}

/**
 * Writes many entries, in order, as segments that are no longer than a bundle.
 *
 * @throws RangeError naming the kind of an entry that is larger than a bundle can hold
 */
export async function appendAll(tx: Transaction, entries: readonly Entry[]): Promise<void> {
  if (entries.length === 0) return
  const prepared = entries.map(prepareEntry)
  for (let from = 0; from < prepared.length; from += TILE_WIDTH) {
    await tx.rows(
      'select sluss_append($1, $2, $3, $4, $5, $6, $7, $8, $9)',
      segmentValues(prepared.slice(from, from + TILE_WIDTH)),
    )
  }
  tx.announce(APPENDED)
}

/** The bytes that are hashed into the log: canonical JSON, so that anybody can make them again. */
export function entryBytes(entry: Entry): Buffer {
  return prepareEntry(entry).bytes
}
