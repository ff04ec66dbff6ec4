import { type Database, INSTALLATION } from '#database/handles.ts'
import { type Clock, toTimestamp } from '#foundation/clock.ts'
import { newOrderedId } from '#foundation/ids.ts'
import type { Log } from '#foundation/log.ts'
import type { RefusalCode } from '#foundation/refusal.ts'
import { append } from '#ledger/append.ts'

/** A call that was refused before its handler: whose log it goes to, who, what, why. */
export interface RefusedAccess {
  readonly tenantId: string
  readonly actor: string
  readonly endpoint: string
  readonly reason: RefusalCode
}

export interface RefusedAccessLog {
  /** Resolves when the entry is committed, or at once for one that joins a burst. */
  record(refused: RefusedAccess): Promise<void>
  /** Writes what has been counted and not yet written. */
  flush(): Promise<void>
  close(): Promise<void>
}

/** A burst of the same refusal is one entry at its start and one with the count at its end. */
export const BURST_IN_MS = 60_000
const FLUSH_EVERY_IN_MS = 5_000
/** Different refusals that are counted at a time; beyond it they share one count for each tenant. */
const MOST_GROUPS = 5_000

interface Group {
  readonly refused: RefusedAccess
  since: number
  /** Refused since the entry at the start. */
  more: number
}

/**
 * Records refused calls so that nobody can fill a ledger by asking for what they may not have: the first of its kind
 * at once, the others of that minute as one entry with their number.
 */
export function createRefusedAccessLog(parts: {
  database: Database
  clock: Clock
  log: Log
}): RefusedAccessLog {
  const { database, clock, log } = parts
  const groups = new Map<string, Group>()

  const write = ({ tenantId, actor, endpoint, reason }: RefusedAccess, count: number) => {
    const at = clock.now()
    return database.write(tenantId, (tx) =>
      append(tx, {
        id: newOrderedId(at),
        at: toTimestamp(at),
        kind: 'access.refused',
        actor,
        data: { endpoint, reason, count },
      }),
    )
  }

  const flush = async (all: boolean): Promise<void> => {
    const now = clock.elapsed()
    for (const [name, group] of groups) {
      if (!all && now - group.since < BURST_IN_MS) continue
      groups.delete(name)
      if (group.more > 0) await write(group.refused, group.more)
    }
  }

  const timer = setInterval(() => {
    flush(false).catch(() => log.warn('refused calls could not be recorded'))
  }, FLUSH_EVERY_IN_MS)
  timer.unref()

  return {
    record: async (refused) => {
      const one = groups.size < MOST_GROUPS ? refused : { ...refused, actor: 'many', endpoint: '*' }
      const name = `${one.tenantId} ${one.actor} ${one.endpoint} ${one.reason}`
      const group = groups.get(name)
      const now = clock.elapsed()
      if (group && now - group.since < BURST_IN_MS) {
        group.more++
        return
      }
      groups.set(name, { refused: one, since: now, more: 0 })
      await write(one, 1 + (group?.more ?? 0))
    },
    flush: () => flush(true),
    close: async () => {
      clearInterval(timer)
      await flush(true).catch(() => log.warn('refused calls could not be recorded'))
    },
  }
}

/** Where refusals go whose caller belongs to no tenant that we know of. */
export const UNKNOWN_CALLER = { tenantId: INSTALLATION, actor: 'unknown' } as const
