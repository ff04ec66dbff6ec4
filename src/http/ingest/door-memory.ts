import { BoundedCache } from '#foundation/bounded-cache.ts'

/** What was read at addresses, until facts of their tenant change. */
export interface DoorMemory<Door> {
  /** To be asked before reading: what is read then may tell of nothing later. */
  now(): number
  get(tenantId: string, address: string): { readonly door: Door } | undefined
  /** @param readAt answer of `now` from before it was read; what changed since makes it nothing to keep */
  keep(tenantId: string, address: string, door: Door, readAt: number): void
  /** What is known of one tenant. */
  forget(tenantId: string): void
  forgetAll(): void
}

/**
 * Time is counted in changes. Of each tenant only the last one is known, so that a change costs the same however many
 * doors there are; where those get too many, everything from before counts as forgotten.
 *
 * @param capacity most doors of all tenants together, and most tenants of which a change is known
 */
export function doorMemory<Door>(capacity: number): DoorMemory<Door> {
  const doors = new BoundedCache<string, { readonly door: Door; readonly readAt: number }>(capacity)
  const changes = new Map<string, number>()
  let now = 0
  let floor = 0
  const forgetAll = (): void => {
    floor = ++now
    changes.clear()
  }
  const holds = (tenantId: string, readAt: number): boolean =>
    readAt >= Math.max(floor, changes.get(tenantId) ?? 0)
  return {
    now: () => now,
    get: (tenantId, address) => {
      const known = doors.get(address)
      return known && holds(tenantId, known.readAt) ? known : undefined
    },
    keep: (tenantId, address, door, readAt) => {
      if (holds(tenantId, readAt)) doors.set(address, { door, readAt })
    },
    forget: (tenantId) => {
      changes.set(tenantId, ++now)
      if (changes.size > capacity) forgetAll()
    },
    forgetAll,
  }
}
