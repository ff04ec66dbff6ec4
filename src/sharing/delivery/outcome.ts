import type { Transaction } from '#database/handles.ts'
import { groupCommits } from '#database/group.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { newOrderedId } from '#foundation/ids.ts'
import { appendAll } from '#ledger/append.ts'
import type { Outcome } from '../exchange.ts'
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

export function createOutcomes(parts: SharingParts, now: () => number): Outcomes {
  const commits = groupCommits(parts.database, (tx, conclusions: readonly Conclusion[]) =>
    record(tx, parts, conclusions),
  )
  let open = 0
  let idlers: (() => void)[] = []
  const done = (): void => {
    open--
    if (open > 0) return
    for (const resolve of idlers) resolve()
    idlers = []
  }
  const attempt = (tenantId: string, conclusion: Conclusion): void => {
    commits.submit(tenantId, conclusion).then(done, () => {
      parts.log.warn('an outcome could not be recorded yet', {
        tenantId,
        entryId: conclusion.entryId,
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
          commits.submit(row.tenant_id, {
            entryId: row.entry_id,
            outcome: 'unknown',
            code: 'node_died',
            at: now(),
          }),
        ),
      )
      return left.length
    },
    idle: () => (open === 0 ? Promise.resolve() : new Promise((resolve) => idlers.push(resolve))),
  }
}

/** Closes the outbox rows that are still there, each with its outcome entry: a disclosure has one outcome. */
async function record(
  tx: Transaction,
  parts: SharingParts,
  conclusions: readonly Conclusion[],
): Promise<readonly true[]> {
  const rows = await tx.rows<{ entry_id: string }>(
    'delete from outbox where tenant_id = $1 and entry_id = any($2::uuid[]) returning entry_id',
    [tx.tenantId, conclusions.map((conclusion) => conclusion.entryId)],
  )
  const closed = new Set(rows.map((row) => row.entry_id))
  const first = new Map(
    conclusions.map((conclusion) => [conclusion.entryId, conclusion]).toReversed() as [
      string,
      Conclusion,
    ][],
  )
  await appendAll(
    tx,
    [...first.values()]
      .filter((conclusion) => closed.has(conclusion.entryId))
      .map(({ entryId, at, ...data }) => ({
        id: newOrderedId(at),
        at: toTimestamp(at),
        kind: 'outcome' as const,
        actor: `node:${parts.database.nodeId}`,
        data: { of: entryId, ...data },
      })),
  )
  return conclusions.map(() => true)
}
