import type { RandomBits } from './random-bits.ts'

/** A positive fraction of whole numbers, so that no rounding stands between a guarantee and its noise. */
export interface Fraction {
  readonly numerator: number
  readonly denominator: number
}

/** Keeps every product below exact in a double. */
const LARGEST = 2 ** 26

/**
 * One draw of the discrete Laplace distribution: x with probability proportional to exp(-|x| / scale).
 * Added to a count that one person changes by at most `d`, it gives ε = d / scale.
 * Exact: only whole numbers and fair bits; a floating-point sampler leaks what it hides in its low bits.
 *
 * @throws RangeError for a scale that is no fraction of 1 … 2^26
 * @source Canonne, Kamath, Steinke: The Discrete Gaussian for Differential Privacy (2020), algorithm 2
 */
export function discreteLaplace(scale: Fraction, bits: RandomBits): number {
  const { numerator: t, denominator: s } = checked(scale)
  for (;;) {
    const within = bits.below(t)
    if (!decays(within, t, bits)) continue
    let whole = 0
    while (decaysByOne(bits)) whole++
    const size = Math.floor((within + t * whole) / s)
    const negative = bits.bit() === 1
    // Zero would otherwise come up with either sign, twice as often as it should.
    if (negative && size === 0) continue
    return negative ? -size : size
  }
}

/**
 * One draw of the discrete Gaussian distribution: x with probability proportional to exp(-x² / (2 variance)).
 * Added to a count that one person changes by at most `d`, it gives ρ = d² / (2 variance) of zero-concentrated
 * differential privacy.
 *
 * @throws RangeError for a variance that is no fraction of 1 … 2^26
 * @source Canonne, Kamath, Steinke (2020), algorithm 3
 */
export function discreteGaussian(variance: Fraction, bits: RandomBits): number {
  const { numerator: p, denominator: q } = checked(variance)
  const t = Math.floor(Math.sqrt(p / q)) + 1
  const [bigP, bigQ, bigT] = [BigInt(p), BigInt(q), BigInt(t)]
  const denominator = 2n * bigT * bigT * bigQ * bigP
  for (;;) {
    const drawn = discreteLaplace({ numerator: t, denominator: 1 }, bits)
    const distance = BigInt(Math.abs(drawn)) * bigT * bigQ - bigP
    if (decaysBy(distance * distance, denominator, bits)) return drawn
  }
}

function checked(fraction: Fraction): Fraction {
  const fits = (n: number): boolean => Number.isInteger(n) && n >= 1 && n <= LARGEST
  if (!fits(fraction.numerator) || !fits(fraction.denominator))
    throw new RangeError('expected a fraction of whole numbers of 1 … 2^26')
  return fraction
}

/** True with probability exp(-numerator / denominator), for any size. */
function decaysBy(numerator: bigint, denominator: bigint, bits: RandomBits): boolean {
  for (let whole = numerator / denominator; whole > 0n; whole--)
    if (!decaysByOne(bits)) return false
  const rest = numerator % denominator
  return decaysWith((bits) => happensBig(rest, denominator, bits), bits)
}

const decaysByOne = (bits: RandomBits): boolean => decaysWith(() => true, bits)

/** True with probability exp(-part / whole), part < whole. */
const decays = (part: number, whole: number, bits: RandomBits): boolean =>
  decaysWith((bits) => bits.below(whole) < part, bits)

/**
 * True with probability exp(-p), where `happens` is true with probability p: the run of successes of
 * probabilities p/1, p/2, p/3 … is even so often (algorithm 1).
 */
function decaysWith(happens: (bits: RandomBits) => boolean, bits: RandomBits): boolean {
  let run = 1
  while (bits.below(run) === 0 && happens(bits)) run++
  return run % 2 === 1
}

/** True with probability part / whole: compares a random fraction with it bit by bit, two bits on average. */
function happensBig(part: bigint, whole: bigint, bits: RandomBits): boolean {
  for (let rest = part; ; ) {
    rest *= 2n
    const digit = rest >= whole ? 1 : 0
    if (digit === 1) rest -= whole
    const drawn = bits.bit()
    if (drawn !== digit) return drawn < digit
    if (rest === 0n) return false
  }
}
