import type { RefusalCode } from '#foundation/refusal.ts'

const ENTRY_EVERY_IN_MS = 60_000
const MOST_IN_MEMORY = 10_000

export interface RefusedEvent {
  readonly tenantId: string
  readonly connectionId: string
  readonly reason: RefusalCode
}

export interface RefusedEvents {
  /** Counts one. The first of its kind is recorded at once; then at most one entry a minute tells how many there were. */
  add(refused: RefusedEvent, now: number): Promise<void>
  /** Records what is counted and not recorded yet. */
  flush(now: number): Promise<void>
}

/** Keeps those who knock without being let in from filling the ledger. Per node. */
export function createRefusedEvents(
  record: (refused: RefusedEvent, times: number, now: number) => Promise<void>,
): RefusedEvents {
  const counts = new Map<string, { refused: RefusedEvent; times: number; recordedAt: number }>()
  const write = async (name: string, now: number): Promise<void> => {
    const count = counts.get(name)
    if (!count || count.times === 0) return
    const { times } = count
    count.times = 0
    count.recordedAt = now
    try {
      await record(count.refused, times, now)
    } catch (fault) {
      count.times += times
      throw fault
    }
  }
  return {
    add: async (refused, now) => {
      const name = `${refused.tenantId}/${refused.connectionId}/${refused.reason}`
      const count = counts.get(name) ?? { refused, times: 0, recordedAt: Number.NEGATIVE_INFINITY }
      count.times++
      counts.set(name, count)
      if (counts.size > MOST_IN_MEMORY) {
        const [oldest = name] = counts.keys()
        await write(oldest, now)
        counts.delete(oldest)
      }
      if (now - count.recordedAt >= ENTRY_EVERY_IN_MS) await write(name, now)
    },
    flush: async (now) => {
      for (const name of counts.keys()) await write(name, now)
    },
  }
}
