/** Calls under one token, as far as this node makes them. */
export interface Lane {
  /** Seconds until calls may be made again, because Apple asked to wait; 0 when they may. */
  waitFor(): number
  /** No call before then. */
  holdFor(seconds: number): void
  /** Waits for a turn; undefined when too many wait already. Answers how the turn is given back. */
  enter(): Promise<(() => void) | undefined>
}

const AT_ONCE = 4
const MOST_WAITING = 256
const LONGEST_WAIT_IN_S = 3_600

/** @param seconds the time of day, in seconds since 1970 */
export function createLane(seconds: () => number): Lane {
  let under = 0
  let heldUntil = 0
  const waiting: (() => void)[] = []
  const leave = (): void => {
    const next = waiting.shift()
    if (next) next()
    else under--
  }
  return {
    waitFor: () => Math.max(0, Math.ceil(heldUntil - seconds())),
    holdFor: (length) => {
      heldUntil = Math.max(heldUntil, seconds() + Math.min(length, LONGEST_WAIT_IN_S))
    },
    enter: async () => {
      if (under < AT_ONCE) under++
      else {
        if (waiting.length >= MOST_WAITING) return undefined
        await new Promise<void>((resolve) => waiting.push(resolve))
      }
      return leave
    },
  }
}
