import { randomFillSync } from 'node:crypto'

/** A source of independent fair bits. */
export interface RandomBits {
  /** 0 or 1, each with probability one half. */
  bit(): 0 | 1
  /** A uniform integer of 0 … `bound` - 1. `bound`: an integer of 1 … 2^32. */
  below(bound: number): number
}

const BYTES = 8_192
const WORD = 32

/**
 * Bits of the operating system's cryptographic source, fetched in blocks.
 *
 * @param fill  fills a block with random bytes; only tests hand in another, to have the same draws again
 */
export function cryptographicBits(
  fill: (block: Uint8Array) => unknown = (block) => randomFillSync(block),
): RandomBits {
  const block = new Uint32Array(BYTES / 4)
  const bytes = new Uint8Array(block.buffer)
  let next = block.length
  let word = 0
  let left = 0

  const drawWord = (): number => {
    if (next === block.length) {
      fill(bytes)
      next = 0
    }
    const drawn = block[next] ?? 0
    // A word is used once: what was drawn does not stay in memory longer than it must.
    block[next++] = 0
    return drawn
  }
  const bit = (): 0 | 1 => {
    if (left === 0) {
      word = drawWord()
      left = WORD
    }
    left--
    const drawn = (word & 1) as 0 | 1
    word >>>= 1
    return drawn
  }
  const below = (bound: number): number => {
    if (!Number.isInteger(bound) || bound < 1 || bound > 2 ** WORD)
      throw new RangeError(`no bound for a uniform integer: ${bound}`)
    if (bound === 1) return 0
    // Rejecting the odd rest keeps every value equally likely.
    const limit = 2 ** WORD - (2 ** WORD % bound)
    let drawn = drawWord()
    while (drawn >= limit) drawn = drawWord()
    return drawn % bound
  }
  return { bit, below }
}
