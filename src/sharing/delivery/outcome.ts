import { DatabaseFault } from '#database/fault.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { newOrderedId } from '#foundation/ids.ts'
import { entryTemplate } from '#ledger/prepare.ts'
import type { Outcome } from '../exchange.ts'
import type { Closing, Journal } from '../journal.ts'
import type { SharingParts } from '../parts.ts'

/** What became of a disclosure. */
export interface Conclusion {
  readonly entryId: string
  readonly outcome: Outcome
  readonly status?: number
  readonly code?: string
  readonly attempts?: number
  /** Values of each item that came back. */
  readonly received?: Readonly<Record<string, number>>
  readonly withheld?: Readonly<Record<string, number>>
  readonly unknown?: number
  readonly at: number
}

export interface Outcomes {
  /** Takes the conclusion and records it soon; keeps trying while the database is away. */
  conclude(tenantId: string, conclusion: Conclusion): void
  /** Records, as unknown, what the named nodes left open. Answers how many there were. */
  recover(nodeIds: readonly string[]): Promise<number>
  /** Resolves when every conclusion is durable. */
  idle(): Promise<void>
}

const RETRY_IN_MS = 250

const OF_THE_OUTCOME = [
  ...['of', 'outcome', 'status', 'code', 'attempts'],
  ...['received', 'withheld', 'unknown'],
]

export function createOutcomes(parts: SharingParts, journal: Journal, now: () => number): Outcomes {
  const closing = closer(parts.database.nodeId)
  let open = 0
  let idlers: (() => void)[] = []
  const done = (): void => {
    open--
    if (open > 0) return
    for (const resolve of idlers) resolve()
    idlers = []
  }
  const attempt = (tenantId: string, conclusion: Conclusion): void => {
    journal.submit(tenantId, closing(conclusion)).then(done, (fault: unknown) => {
      parts.log.warn('an outcome could not be recorded yet', {
        tenantId,
        entryId: conclusion.entryId,
        code: fault instanceof DatabaseFault ? fault.code : 'unknown',
      })
      setTimeout(attempt, RETRY_IN_MS, tenantId, conclusion).unref()
    })
  }
  return {
    conclude: (tenantId, conclusion) => {
      open++
      attempt(tenantId, conclusion)
    },
    recover: async (nodeIds) => {
      if (nodeIds.length === 0) return 0
      const left = await parts.database.read('installation', (reader) =>
        reader.rows<{ tenant_id: string; entry_id: string }>(
          'select tenant_id, entry_id from sluss_open_disclosures($1)',
          [nodeIds],
        ),
      )
      await Promise.all(
        left.map((row) =>
          journal.submit(
            row.tenant_id,
            closing({
              entryId: row.entry_id,
              outcome: 'unknown',
              code: 'node_died',
              at: now(),
            }),
          ),
        ),
      )
      return left.length
    },
    idle: () => (open === 0 ? Promise.resolve() : new Promise((resolve) => idlers.push(resolve))),
  }
}

/** A disclosure has one outcome: the line is written only while its disclosure is open. */
function closer(nodeId: string): (conclusion: Conclusion) => Closing {
  const actor = `node:${nodeId}`
  const prepare = entryTemplate('outcome', {}, OF_THE_OUTCOME)
  return ({ entryId, at, ...data }) => ({
    entry: prepare({
      id: newOrderedId(at),
      at: toTimestamp(at),
      actor,
      data: { of: entryId, ...data },
    }),
    closes: entryId,
  })
}
