import { type Fraction, discreteGaussian, discreteLaplace } from '#minimisation/discrete-noise.ts'
import type { RandomBits } from '#minimisation/random-bits.ts'
import type { ReportSettings } from './settings.ts'

const MILLION = 1_000_000

/** One release with noise: how it is drawn and what it costs, in whole millionths. */
export interface NoisePlan {
  readonly kind: 'laplace' | 'gaussian'
  /** Scale of Laplace, variance of Gaussian noise. */
  readonly parameter: Fraction
  /** Devices that one person adds or takes away at most. */
  readonly bound: number
  readonly microEpsilon: number
  readonly microRho: number
  /** Groups that are only there when somebody is in them are left out below this; undefined where there are none. */
  readonly leastFound: number | undefined
}

/** Chance, in 10^-9, that a group which only one person makes is named at all. */
export const DELTA_IN_BILLIONTHS = 1

/**
 * Plans noise that hides all devices of a person, up to the bound, in one table: each device is in one cell.
 *
 * - Laplace: scale bound / ε gives ε. It counts as ρ = ε² / 2 too (Bun and Steinke 2016, proposition 3.3), rounded up.
 * - Gaussian: variance bound² / (2 ρ) gives ρ.
 *
 * @param open  whether groups are what is found, not a list that is the same everywhere
 */
export function planNoise(
  settings: ReportSettings,
  open: boolean,
): NoisePlan | 'none' | 'notNoised' {
  const { noise, devicesOfAPerson: bound } = settings
  if (noise === 'none') return 'none'
  if (noise === 'gaussian') {
    if (open) return 'notNoised'
    const microRho = settings.releaseMicroRho
    const parameter = fraction(bound * bound * MILLION, 2 * microRho)
    return { kind: noise, parameter, bound, microEpsilon: 0, microRho, leastFound: undefined }
  }
  const microEpsilon = settings.releaseMicroEpsilon
  const parameter = fraction(bound * MILLION, microEpsilon)
  return {
    kind: noise,
    parameter,
    bound,
    microEpsilon,
    microRho: laplaceMicroRho(microEpsilon),
    leastFound: open ? leastFound(parameter, bound) : undefined,
  }
}

/** ε² / 2 in millionths, from ε in millionths, rounded up. */
export function laplaceMicroRho(microEpsilon: number): number {
  const square = BigInt(microEpsilon) * BigInt(microEpsilon)
  const divisor = 2n * BigInt(MILLION)
  return Number((square + divisor - 1n) / divisor)
}

/** ε of (ε, δ) that ρ amounts to, for words only: ρ + 2 √(ρ ln 1/δ) (Bun and Steinke 2016, proposition 1.3). */
export function epsilonOfRho(microRho: number, delta = 1e-9): number {
  const rho = microRho / MILLION
  return rho + 2 * Math.sqrt(rho * Math.log(1 / delta))
}

/** True counts with noise; a group that is found only by somebody being in it must be large enough to be named. */
export function addNoise<Cell extends { readonly count: number }>(
  cells: readonly Cell[],
  plan: NoisePlan,
  bits: RandomBits,
): readonly Cell[] {
  const draw = plan.kind === 'laplace' ? discreteLaplace : discreteGaussian
  const noisy = cells.map((cell) => ({ ...cell, count: cell.count + draw(plan.parameter, bits) }))
  const { leastFound: least } = plan
  return least === undefined ? noisy : noisy.filter(({ count }) => count >= least)
}

/**
 * A group of one person counts at most `bound`, in at most `bound` groups; with noise it reaches bound + m with a chance
 * under exp(-m / scale) each. So m = scale × ln(bound / δ), and one more for the rounding of the logarithm.
 */
function leastFound({ numerator, denominator }: Fraction, bound: number): number {
  const steps = (numerator / denominator) * Math.log((bound * 1e9) / DELTA_IN_BILLIONTHS)
  return bound + Math.ceil(steps) + 1
}

function fraction(numerator: number, denominator: number): Fraction {
  const divisor = greatestCommonDivisor(numerator, denominator)
  return { numerator: numerator / divisor, denominator: denominator / divisor }
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}
