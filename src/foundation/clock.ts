/** Where every room gets the time from. Nothing else in Sluss reads the system clock. */
export interface Clock {
  /** The time of day, in milliseconds since 1970-01-01T00:00:00Z. May be set back by an operator. */
  now(): number
  /** Milliseconds on a scale that never runs backwards; only differences mean anything. */
  elapsed(): number
}

export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
}

/** A clock that a test moves by hand. */
export interface ManualClock extends Clock {
  set(time: number | string): void
  advance(milliseconds: number): void
}

/** Starts at `start`; both scales move together with `advance`, and only `now` follows `set`. */
export function manualClock(start: number | string = '2030-01-01T00:00:00Z'): ManualClock {
  let now = toMilliseconds(start)
  let elapsed = 0
  return {
    now: () => now,
    elapsed: () => elapsed,
    set: (time) => {
      now = toMilliseconds(time)
    },
    advance: (milliseconds) => {
      now += milliseconds
      elapsed += milliseconds
    },
  }
}

/** RFC 3339 in UTC with milliseconds: the one form of time in entries, manifests and answers. */
export function toTimestamp(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}

function toMilliseconds(time: number | string): number {
  return typeof time === 'number' ? time : Date.parse(time)
}
