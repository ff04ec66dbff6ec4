import { arrayLiteral } from '#database/array-literal.ts'
import { type GroupCommits, groupCommits } from '#database/group.ts'
import type { Database } from '#database/handles.ts'
import { APPENDED } from '#ledger/append.ts'
import { type PreparedEntry, segmentValues } from '#ledger/prepare.ts'

interface Written {
  readonly entry: PreparedEntry
}

/** A disclosure that opens, decided from the tenant's facts at `version`. */
export interface Opening extends Written {
  readonly version: number
  readonly connectionId: string
  readonly exchangeId: string
}

/** An outcome, and the disclosure it closes. */
export interface Closing extends Written {
  readonly closes: string
}

export type Line = Opening | Closing

/**
 * Makes lines durable: those that wait at the same time, of both kinds, share one commit per tenant. Answers whether
 * a line was written: an opening is not when the facts moved since, a closing when another has closed it.
 */
export type Journal = GroupCommits<Line, boolean>

/** An entry bundle has each entry's length before it. */
const LENGTH_BYTES = 2

export function createJournal(database: Database): Journal {
  const write = async (tenantId: string, lines: readonly Line[]): Promise<readonly boolean[]> => {
    const [answer] = await database.callFunction<{ sluss_journal: readonly number[] }>(
      tenantId,
      'sluss_journal',
      [
        database.nodeId,
        ...segmentValues(lines.map((line) => line.entry)),
        arrayLiteral(lines.map((line) => LENGTH_BYTES + line.entry.bytes.length)),
        arrayLiteral(lines.map((line) => ('version' in line ? line.version : null))),
        arrayLiteral(lines.map((line) => ('version' in line ? line.connectionId : null))),
        arrayLiteral(lines.map((line) => ('version' in line ? line.exchangeId : null))),
        arrayLiteral(lines.map((line) => ('closes' in line ? line.closes : null))),
      ],
      APPENDED,
    )
    const unwritten = new Set(answer?.sluss_journal)
    return lines.map((_, i) => !unwritten.has(i + 1))
  }
  return groupCommits(write)
}
