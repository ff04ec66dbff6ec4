import type { Clock } from '#foundation/clock.ts'

/**
 * A time of day that never runs backwards, and never slower than time passes: it follows a clock that is set
 * forward, and goes on by itself when the clock is set back. Otherwise setting a clock back would lengthen access.
 */
export function steadyClock(clock: Clock): Clock {
  let time = clock.now()
  let elapsed = clock.elapsed()
  return {
    now: () => {
      const next = clock.elapsed()
      time = Math.max(clock.now(), time + (next - elapsed))
      elapsed = next
      return Math.floor(time)
    },
    elapsed: clock.elapsed,
  }
}
