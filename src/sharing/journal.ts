import { type GroupCommits, groupCommits } from '#database/group.ts'
import type { Database } from '#database/handles.ts'
import { APPENDED } from '#ledger/append.ts'
import { packEntries } from '#ledger/verify/bundle.ts'

interface Written {
  readonly id: string
  /** The entry as it is hashed into the log. */
  readonly bytes: Buffer
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
  return groupCommits(async (tenantId, lines) => {
    const rows = await database.callFunction<{ sluss_journal: string }>(
      tenantId,
      'sluss_journal',
      [
        database.nodeId,
        lines.map((line) => line.id),
        lines.map((line) => LENGTH_BYTES + line.bytes.length),
        packEntries(lines.map((line) => line.bytes)),
        lines.map((line) => ('version' in line ? line.version : null)),
        lines.map((line) => ('version' in line ? line.connectionId : null)),
        lines.map((line) => ('version' in line ? line.exchangeId : null)),
        lines.map((line) => ('closes' in line ? line.closes : null)),
      ],
      APPENDED,
    )
    const written = new Set(rows.map((row) => row.sluss_journal))
    return lines.map((line) => written.has(line.id))
  })
}
