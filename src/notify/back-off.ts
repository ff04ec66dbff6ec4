const FIRST_IN_MS = 60_000
const LONGEST_IN_MS = 6 * 3_600_000
/** After this long nobody waits for the message any more, and somebody has to be told another way. */
export const GIVE_UP_AFTER_IN_MS = 3 * 86_400_000

/**
 * When to try again after a number of attempts: 1 minute, then twice as long each time, at most 6 hours.
 *
 * @returns milliseconds since 1970, or undefined when three days since the first attempt are over
 */
export function nextAttempt(attempts: number, firstAt: number, now: number): number | undefined {
  const wait = Math.min(FIRST_IN_MS * 2 ** Math.max(0, attempts - 1), LONGEST_IN_MS)
  return now + wait > firstAt + GIVE_UP_AFTER_IN_MS ? undefined : now + wait
}
