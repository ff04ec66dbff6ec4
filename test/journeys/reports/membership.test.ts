import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { keyedHash } from '#foundation/hashing.ts'
import { discreteGaussian, discreteLaplace } from '#minimisation/discrete-noise.ts'
import { reportOf } from '#reports/definition.ts'
import { noisedFigures, steppedFigures } from '#reports/figures.ts'
import { addNoise, epsilonOfRho, laplaceMicroRho, planNoise } from '#reports/noise.ts'
import { DEFAULT_SETTINGS } from '#reports/settings.ts'
import { statementOf } from '#reports/statement.ts'
import { seededBits } from './seeded-bits.ts'

const RELEASES = 10_000
const OTHERS = 500

const report = reportOf('devicesByPlatform') ?? assert.fail()
const cellsOf = (count: number) => [{ row: 'Android', column: '', count, rest: 0 }]

/**
 * An attacker who knows all other devices, and guesses from the number whether one person with `bound` devices is in it.
 * Both noises are symmetric and fall off on both sides, so the best guess is whichever of the two counts is nearer.
 *
 * @returns how often the guess is right
 */
function attack(release: (count: number, turn: number) => number, bound: number): number {
  const bits = seededBits('who is in it')
  let right = 0
  for (let turn = 0; turn < RELEASES; turn++) {
    const isIn = bits.bit() === 1
    const seen = release(OTHERS + (isIn ? bound : 0), turn)
    const middle = OTHERS + bound / 2
    const guess = seen === middle ? bits.bit() === 1 : seen > middle
    if (guess === isIn) right++
  }
  return right / RELEASES
}

const FOUR_DEVIATIONS = 4 * Math.sqrt(0.25 / RELEASES)

describe('an attacker who knows everybody else', () => {
  it('P14 guesses no better over 10,000 releases than the budget of one allows', () => {
    for (const microEpsilon of [100_000, 20_000]) {
      const settings = {
        ...DEFAULT_SETTINGS,
        noise: 'laplace',
        releaseMicroEpsilon: microEpsilon,
      } as const
      const plan = planNoise(settings, false)
      assert.ok(typeof plan === 'object')
      const bits = seededBits('laplace')
      const right = attack(
        (count) => noisedFigures(report, cellsOf(count), 10, plan, bits).total ?? 0,
        plan.bound,
      )
      const allowed = 1 / (1 + Math.exp(-microEpsilon / 1e6))
      assert.ok(right <= allowed + FOUR_DEVIATIONS, `${right} of ${allowed}`)
    }
  })

  it('P14 nor with Gaussian noise, nor over ten days of a month', () => {
    const plan = planNoise({ ...DEFAULT_SETTINGS, noise: 'gaussian' }, false)
    assert.ok(typeof plan === 'object')
    const bits = seededBits('gaussian')
    const once = (count: number) => noisedFigures(report, cellsOf(count), 10, plan, bits).total ?? 0
    // Two distributions of which one has ρ to the other lie at most √(ρ / 2) apart (Pinsker).
    const allowed = (microRho: number) => 0.5 + Math.sqrt(microRho / 1e6 / 2) / 2
    assert.ok(attack(once, plan.bound) <= allowed(5_000) + FOUR_DEVIATIONS)
    const month = (count: number) =>
      Array.from({ length: 10 }, () => once(count)).reduce((a, b) => a + b) / 10
    const right = attack(month, plan.bound)
    assert.ok(right <= allowed(50_000) + FOUR_DEVIATIONS, `${right}`)
    // And more than one release tells: the bound is not met because nothing is told.
    assert.ok(right > 0.55, `${right}`)
  })

  it('P14 finds somebody with less noise than is paid for: the test sees it', () => {
    const plan = planNoise({ ...DEFAULT_SETTINGS, noise: 'laplace' }, false)
    assert.ok(typeof plan === 'object')
    const tooLittle = { ...plan, parameter: { numerator: 3, denominator: 1 } }
    const bits = seededBits('too little')
    const right = attack(
      (count) => noisedFigures(report, cellsOf(count), 10, tooLittle, bits).total ?? 0,
      plan.bound,
    )
    assert.ok(right > 1 / (1 + Math.exp(-0.1)) + FOUR_DEVIATIONS, `${right}`)
  })

  it('P14 who asks a thousand times gets one answer; of fresh noise each time the mean is the count', () => {
    const hash = keyedHash(Buffer.alloc(32, 9))
    const asked = Array.from(
      { length: 1_000 },
      () => steppedFigures(report, '*', cellsOf(437), 10, hash).total,
    )
    assert.equal(new Set(asked).size, 1)
    const plan = planNoise({ ...DEFAULT_SETTINGS, noise: 'laplace' }, false)
    assert.ok(typeof plan === 'object')
    const bits = seededBits('fresh')
    let sum = 0
    for (let i = 0; i < RELEASES; i++) sum += addNoise(cellsOf(437), plan, bits)[0]?.count ?? 0
    assert.equal(Math.round(sum / RELEASES), 437)
  })

  it('P14 day after day, and with and without one device, all differences of stepped numbers are multiples of k; of bare ones they are one', () => {
    const model = reportOf('devicesByModel') ?? assert.fail()
    const hash = keyedHash(Buffer.alloc(32, 3))
    const fleet = (day: number) => [
      { row: 'Android', column: 'A', count: 60 - day, rest: 0 },
      { row: 'Android', column: 'B', count: 31, rest: 0 },
      { row: 'macOS', column: 'C', count: 17 + (day % 2), rest: 0 },
    ]
    const numbers = (day: number) => {
      const { total, rows, cells } = steppedFigures(model, '*', fleet(day), 10, hash)
      return [total ?? 0, ...rows.map(({ count }) => count), ...cells.map(({ count }) => count)]
    }
    let smallestBare = Number.MAX_SAFE_INTEGER
    for (let day = 0; day < 30; day++) {
      for (const number of [...numbers(day), ...numbers(day + 1)]) assert.equal(number % 10, 0)
      const bare = (on: number) => fleet(on).reduce((sum, cell) => sum + cell.count, 0)
      const difference = Math.abs(bare(day) - bare(day + 1))
      if (difference > 0) smallestBare = Math.min(smallestBare, difference)
    }
    assert.equal(smallestBare, 2)
    assert.equal(fleet(0)[0]?.count, (fleet(1)[0]?.count ?? 0) + 1)
  })
})

describe('noise, value by value', () => {
  it('P14 the sampler has the exact probabilities of its definition, value by value', () => {
    const exact = (scale: number, x: number) => {
      const a = Math.exp(-1 / scale)
      return ((1 - a) / (1 + a)) * a ** Math.abs(x)
    }
    const DRAWS = 2_000_000
    for (const [numerator, denominator] of [
      [1, 1],
      [30, 1],
      [7, 3],
    ] as const) {
      const bits = seededBits(`value ${numerator}`)
      const counts = new Map<number, number>()
      for (let i = 0; i < DRAWS; i++) {
        const x = discreteLaplace({ numerator, denominator }, bits)
        counts.set(x, (counts.get(x) ?? 0) + 1)
      }
      for (const [x, count] of counts) {
        const p = exact(numerator / denominator, x)
        if (p * DRAWS < 30) continue
        const off = Math.abs(count - p * DRAWS) / Math.sqrt(p * (1 - p) * DRAWS)
        assert.ok(off < 5, `${numerator}/${denominator}: ${x} is ${off} deviations off`)
      }
    }
  })

  it('P14 a sampler of floating-point numbers that is rounded differs at zero', () => {
    const DRAWS = 1_000_000
    const bits = seededBits('floating point')
    let zeros = 0
    for (let i = 0; i < DRAWS; i++) {
      const size = -Math.log((bits.below(2 ** 32) + 0.5) / 2 ** 32)
      if (Math.round(size) === 0) zeros++
    }
    const a = Math.exp(-1)
    const p = (1 - a) / (1 + a)
    assert.ok(Math.abs(zeros - p * DRAWS) / Math.sqrt(p * (1 - p) * DRAWS) > 50)
  })

  it('P14 Gaussian draws have the exact probabilities, value by value', () => {
    const DRAWS = 500_000
    const bits = seededBits('gauss')
    const weight = (x: number) => Math.exp(-(x * x) / 20)
    const total = Array.from({ length: 401 }, (_, i) => weight(i - 200)).reduce((s, w) => s + w, 0)
    const counts = new Map<number, number>()
    for (let i = 0; i < DRAWS; i++) {
      const x = discreteGaussian({ numerator: 10, denominator: 1 }, bits)
      counts.set(x, (counts.get(x) ?? 0) + 1)
    }
    for (const [x, count] of counts) {
      const p = weight(x) / total
      if (p * DRAWS < 30) continue
      assert.ok(Math.abs(count - p * DRAWS) / Math.sqrt(p * (1 - p) * DRAWS) < 5, `${x}`)
    }
  })
})

describe('what a release costs and says', () => {
  it('is planned in whole millionths', () => {
    const plan = planNoise({ ...DEFAULT_SETTINGS, noise: 'laplace' }, true)
    assert.deepEqual(plan, {
      kind: 'laplace',
      parameter: { numerator: 30, denominator: 1 },
      bound: 3,
      microEpsilon: 100_000,
      microRho: 5_000,
      // 3 + 30 × ln(3 × 10^9), rounded up, and one more.
      leastFound: 659,
    })
    assert.equal(laplaceMicroRho(1), 1)
    assert.equal(laplaceMicroRho(1_000_000), 500_000)
    assert.ok(Math.abs(epsilonOfRho(50_000) - 2.086) < 0.001)
    const most = {
      ...DEFAULT_SETTINGS,
      noise: 'gaussian',
      releaseMicroRho: 1,
      devicesOfAPerson: 8,
    } as const
    const gaussian = planNoise(most, false)
    assert.ok(typeof gaussian === 'object')
    discreteGaussian(gaussian.parameter, seededBits('largest'))
    const laplace = planNoise({ ...most, noise: 'laplace', releaseMicroEpsilon: 1 }, false)
    assert.ok(typeof laplace === 'object')
    discreteLaplace(laplace.parameter, seededBits('largest'))
  })

  it('is said in English and Swedish with the same numbers', () => {
    const plan = planNoise({ ...DEFAULT_SETTINGS, noise: 'laplace' }, false)
    assert.ok(typeof plan === 'object')
    const guarantee = {
      kind: plan.kind,
      groupSize: 10,
      microEpsilon: plan.microEpsilon,
      microRho: plan.microRho,
      parameter: plan.parameter,
      devicesOfAPerson: 3,
      leastFound: null,
    }
    assert.match(
      statementOf(guarantee, 'devices', 'en'),
      /Laplace noise \(scale 30 ≈ 30\.0\).*ε = 0\.1 for/,
    )
    assert.match(
      statementOf(guarantee, 'devices', 'sv'),
      /Laplace-brus \(skala 30 ≈ 30,0\).*ε = 0,1 för/,
    )
    const gaussian = {
      ...guarantee,
      kind: 'gaussian' as const,
      parameter: { numerator: 900, denominator: 1 },
    }
    assert.match(statementOf(gaussian, 'devices', 'en'), /variance 900.*ρ = 0\.005 \(ε ≈ 0\.65/)
    assert.match(
      statementOf({ kind: 'steps', groupSize: 20 }, 'events', 'sv'),
      /färre än 20 händelser/,
    )
  })
})
