import { BoundedCache } from '#foundation/bounded-cache.ts'

/** How many calls one account may make: at once, and in the long run. */
export interface Rate {
  readonly burst: number
  readonly perSecond: number
}

export const USUAL_RATE: Rate = { burst: 300, perSecond: 30 }

const ACCOUNTS_IN_MEMORY = 20_000

/**
 * A token bucket for each account, on this node.
 *
 * @param elapsed milliseconds on a scale that never runs backwards
 * @returns a function that takes one call of the account, and answers in how many seconds to come again, or 0
 */
export function createRateLimit(rate: Rate, elapsed: () => number): (account: string) => number {
  const buckets = new BoundedCache<string, { tokens: number; at: number }>(ACCOUNTS_IN_MEMORY)
  return (account) => {
    const now = elapsed()
    const bucket = buckets.get(account) ?? { tokens: rate.burst, at: now }
    const gained = ((now - bucket.at) / 1_000) * rate.perSecond
    const tokens = Math.min(rate.burst, bucket.tokens + gained)
    const taken = tokens >= 1
    buckets.set(account, { tokens: taken ? tokens - 1 : tokens, at: now })
    return taken ? 0 : Math.max(1, Math.ceil((1 - tokens) / rate.perSecond))
  }
}
