import type { KeyedHash } from '#foundation/hashing.ts'

/** Group sizes a tenant may choose. Each doubles the one before, so that a coarser number is worked out of a finer. */
export const GROUP_SIZES = [10, 20, 40, 80, 160, 320, 640] as const
export type GroupSize = (typeof GROUP_SIZES)[number]
const WIDEST = 640

/** The places of a 48-bit number that begin with this are too few for an even choice. */
const BITS = 2 ** 48
const EVEN = BITS - (BITS % WIDEST)

/**
 * Where the steps of one cell begin: secret, evenly spread over 0 … 639, and for ever the same. So the same count is
 * always shown as the same number, and asking again, in another report or on another day, gives no second draw.
 */
export function startOf(hash: KeyedHash, cell: string): number {
  for (let again = 0; ; again++) {
    const drawn = Buffer.from(hash(`${again}/${cell}`), 'base64url').readUIntBE(0, 6)
    if (drawn < EVEN) return drawn % WIDEST
  }
}

/**
 * A count as one of the steps of its cell, k apart: every number and every difference of two is a multiple of k, right on
 * average, less than k away from the count, and moved by one device more in one case of k.
 *
 * @returns at least k for a count of at least k
 */
export function roundToStep(count: number, k: GroupSize, start: number): number {
  return k * (Math.floor((count + start) / k) - Math.floor(start / k))
}
