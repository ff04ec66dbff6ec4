/** Provider: from declaration, not from detection. Controller: from awareness (GDPR Art. 33(1)). */
export const NOTICE_IN_MS = 72 * 3_600_000

/** A stretch of time in which the operator's clock stands still. */
export interface Pause {
  readonly from: number
  readonly until: number
}

export interface ClockReading {
  /** Milliseconds since 1970 (UTC). */
  readonly startedAt: number
  readonly dueAt: number
  readonly pausedMs: number
  readonly remainingMs: number
  readonly state: 'running' | 'paused' | 'over'
}

/**
 * The operator's 72 hours. Pauses that overlap count once, and only what of them lies before the time was up.
 *
 * @param now  a time before the start, by a clock that was set back, reads as the start
 */
export function declarationClock(
  declaredAt: number,
  pauses: readonly Pause[],
  now: number,
): ClockReading {
  const at = Math.max(now, declaredAt)
  let dueAt = declaredAt + NOTICE_IN_MS
  let counted = declaredAt
  let pausedMs = 0
  for (const { from, until } of pauses.toSorted((a, b) => a.from - b.from)) {
    const begin = Math.max(from, counted)
    // What begins when the time is up comes too late; what has not come yet is not counted.
    if (begin >= dueAt || begin > at) continue
    const length = Math.max(0, until - begin)
    pausedMs += length
    dueAt += length
    counted = Math.max(counted, until)
  }
  const isPaused = pauses.some(({ from, until }) => from <= at && at < until) && at < dueAt
  return {
    startedAt: declaredAt,
    dueAt,
    pausedMs,
    remainingMs: Math.max(0, dueAt - at),
    state: at >= dueAt ? 'over' : isPaused ? 'paused' : 'running',
  }
}

/** The tenant's own 72 hours. Nothing stops them. */
export function awarenessClock(awareAt: number, now: number): ClockReading {
  return declarationClock(awareAt, [], now)
}

/**
 * A time as the clocks on the wall say it in a zone, with the offset, so that an hour that comes twice is told apart:
 * `2030-10-27T02:30:00+01:00`. Inside everything is UTC.
 *
 * @throws RangeError for a zone that is not an IANA name
 */
export function inZone(time: number, timeZone: string): string {
  const parts = new Intl.DateTimeFormat('en-CA', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    timeZoneName: 'longOffset',
  }).formatToParts(time)
  const part = (type: string): string => parts.find((one) => one.type === type)?.value ?? ''
  const offset = part('timeZoneName').replace('GMT', '') || '+00:00'
  return `${part('year')}-${part('month')}-${part('day')}T${part('hour')}:${part('minute')}:${part('second')}${offset}`
}
