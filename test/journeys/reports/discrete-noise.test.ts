import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { discreteGaussian, discreteLaplace } from '#minimisation/discrete-noise.ts'
import { cryptographicBits, type RandomBits } from '#minimisation/random-bits.ts'
import { seededBits } from './seeded-bits.ts'

const DRAWS = 1_000_000
const SEED = 'noise of the tests'

/** How far the draws are from the exact distribution: chi-squared in standard deviations of its own distribution. */
function distance(draw: (bits: RandomBits) => number, weight: (x: number) => number): number {
  const counts = new Map<number, number>()
  const bits = seededBits(SEED)
  for (let i = 0; i < DRAWS; i++) {
    const drawn = draw(bits)
    counts.set(drawn, (counts.get(drawn) ?? 0) + 1)
  }
  const values = Array.from({ length: 2_001 }, (_, i) => i - 1_000)
  const total = values.reduce((sum, x) => sum + weight(x), 0)
  const cells = values.map((x) => ({ x, expected: (DRAWS * weight(x)) / total }))
  const large = cells.filter(({ expected }) => expected >= 20)
  const chi = large.reduce(
    (sum, { x, expected }) => sum + ((counts.get(x) ?? 0) - expected) ** 2 / expected,
    0,
  )
  return (chi - large.length) / Math.sqrt(2 * large.length)
}

const laplaceWeight = (scale: number) => (x: number) => Math.exp(-Math.abs(x) / scale)
const gaussWeight = (variance: number) => (x: number) => Math.exp(-(x * x) / (2 * variance))

describe('noise of whole numbers', () => {
  it('P14 a million draws follow the discrete Laplace distribution, whatever the fraction', () => {
    for (const [numerator, denominator] of [
      [10, 3],
      [1, 2],
    ] as const) {
      const off = distance(
        (bits) => discreteLaplace({ numerator, denominator }, bits),
        laplaceWeight(numerator / denominator),
      )
      assert.ok(Math.abs(off) < 4, `scale ${numerator}/${denominator}: ${off}`)
    }
  })
  it('P14 a million draws follow the discrete Gaussian distribution', () => {
    const off = distance(
      (bits) => discreteGaussian({ numerator: 25, denominator: 2 }, bits),
      gaussWeight(12.5),
    )
    assert.ok(Math.abs(off) < 4, `${off}`)
  })
  it('a sampler that rounds a continuous draw, and one that counts zero twice, are both found', () => {
    const uniform = (bits: RandomBits): number => (bits.below(2 ** 32) + 0.5) / 2 ** 32
    const rounded = (bits: RandomBits): number => {
      const size = -Math.log(uniform(bits)) * 2
      return Math.round(bits.bit() ? size : -size)
    }
    assert.ok(distance(rounded, laplaceWeight(2)) > 100)
    const zeroTwice = (bits: RandomBits): number => {
      const size = Math.floor(-Math.log(uniform(bits)) * 2)
      return bits.bit() ? size : -size
    }
    assert.ok(distance(zeroTwice, laplaceWeight(2)) > 100)
  })
  it('refuses a scale that would not stay exact', () => {
    for (const numerator of [0, -1, 1.5, 2 ** 26 + 1, Number.NaN, Number.POSITIVE_INFINITY])
      assert.throws(
        () => discreteLaplace({ numerator, denominator: 1 }, cryptographicBits()),
        RangeError,
      )
    assert.throws(() => cryptographicBits().below(0), RangeError)
  })
  it('two sources of the operating system never agree', () => {
    const [one, other] = [cryptographicBits(), cryptographicBits()].map((bits) =>
      Array.from({ length: 8 }, () => bits.below(2 ** 32)).join(),
    )
    assert.notEqual(one, other)
  })
})
