import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { DataItem } from '#catalog/catalog.ts'
import type { Precision } from '#catalog/precision.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { keyedHash } from '#foundation/hashing.ts'
import { coarsener } from './coarsen.ts'
import { choosePrecision, isAtMost, parsePrecision } from './precision.ts'

const PRECISIONS: readonly Precision[] = [
  'exact',
  'truncate:1',
  'truncate:4',
  'truncate:9',
  'round:1',
  'round:5',
  'round:10',
  'round:15',
  'round:30',
  'bucket:3,8',
  'bucket:5,15',
  'threshold:8',
  'threshold:15',
  'bucket:0,10,100',
  'bucket:0,100',
  'domain',
  'day',
  'month',
  'network',
  'pseudonym',
  'threshold:100',
  'withheld',
]
const precision = fc.constantFrom(...PRECISIONS)
const hash = keyedHash(Buffer.alloc(32, 7), 18)
const time = fc
  .date({ noInvalidDate: true, min: new Date('2000-01-01'), max: new Date('2000-03-01') })
  .map((date) => date.toISOString())
const value = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.integer({ min: -40, max: 40 }),
  fc.double(),
  fc.boolean(),
  fc.emailAddress(),
  fc.webUrl(),
  fc.ipV4(),
  fc.ipV6(),
  time,
  time.map((text) => text.slice(0, 7)),
)
/** Two values that often look the same once they are less exact. */
const pair = fc.oneof(
  fc.tuple(value, value),
  fc.tuple(fc.integer({ min: -40, max: 40 }), fc.integer({ min: -40, max: 40 })),
  fc.tuple(time, time),
  fc.tuple(fc.string(), fc.string(), fc.string()).map(([a, b, c]) => [a + b, a + c] as const),
)

describe('precision', () => {
  it('P6 is a partial order with exact above and withheld below all', () => {
    fc.assert(
      fc.property(precision, precision, precision, (a, b, c) => {
        assert.ok(isAtMost(a, a))
        assert.ok(isAtMost(a, 'exact') && isAtMost('withheld', a))
        if (isAtMost(a, b) && isAtMost(b, a)) assert.equal(a, b)
        if (isAtMost(a, b) && isAtMost(b, c)) assert.ok(isAtMost(a, c))
      }),
    )
  })

  it(
    'P6 going down only loses: what looks the same finer looks the same coarser',
    goingDownOnlyLoses(),
  )

  it('P6 what a tenant chooses is never more exact than the purpose allows, nor than the tenant said', () => {
    const items = [...shippedCatalog.items.values()]
    fc.assert(
      fc.property(
        fc.constantFrom(...items),
        precision,
        fc.option(fc.oneof(precision, fc.string()), { nil: undefined }),
        (item, most, chosen) => {
          const result = choosePrecision(item, most, chosen)
          assert.ok(isAtMost(result, most))
          if (chosen !== undefined && parsePrecision(chosen))
            assert.ok(isAtMost(result, chosen as Precision))
          assert.ok(result === 'withheld' || item.precisions.includes(result))
        },
      ),
      { numRuns: 2_000 },
    )
  })

  it('P6 a rounding is above its odd multiples only', () => {
    assert.ok(isAtMost('round:15', 'round:5'))
    assert.ok(!isAtMost('round:10', 'round:5'))
    assert.ok(isAtMost('threshold:15', 'round:10') && !isAtMost('threshold:10', 'round:10'))
    assert.ok(isAtMost('bucket:3,8', 'round:5') && !isAtMost('bucket:3,10', 'round:5'))
  })

  it('P6 of whole numbers, nothing below tells apart what looks the same above', () =>
    assert.deepEqual(brokenClaims(isAtMost), []))

  it('P6 the same search finds a claim of order that does not hold', () => {
    const twin = (low: Precision, high: Precision) =>
      isAtMost(low, high) || (low === 'round:10' && high === 'round:5')
    assert.deepEqual(brokenClaims(twin), ['round:10 <= round:5'])
  })

  it('P6 a choice that the item does not offer is no choice: the item is withheld', () => {
    const email = shippedItem((item) => item.precisions.includes('domain'))
    assert.equal(choosePrecision(email, 'exact', undefined), 'exact')
    assert.equal(choosePrecision(email, 'exact', 'domain'), 'domain')
    assert.equal(choosePrecision(email, 'domain', 'exact'), 'domain')
    assert.equal(choosePrecision(email, 'domain', 'pseudonym'), 'withheld')
    assert.equal(choosePrecision(email, 'exact', 'truncate:3'), 'withheld')
    assert.equal(choosePrecision(email, 'exact', 'EXACT'), 'withheld')
    assert.equal(choosePrecision(email, 'exactly' as Precision, undefined), 'withheld')
  })

  it('reads one spelling of each precision only', () => {
    for (const text of PRECISIONS) assert.ok(parsePrecision(text), text)
    for (const text of BAD) assert.equal(parsePrecision(text), undefined, text)
  })
})

const BAD = [
  '',
  'Exact',
  'exact ',
  'truncate:0',
  'truncate:04',
  'truncate:1.5',
  'truncate:-1',
  'round:0',
  'round:1e3',
  'bucket:5',
  'bucket:5,5',
  'bucket:9,5',
  'bucket:05,9',
  'threshold:',
  'domain:1',
]

function shippedItem(which: (item: DataItem) => boolean): DataItem {
  const found = [...shippedCatalog.items.values()].find(which)
  assert.ok(found)
  return found
}

/** Every claim of an order about numbers that some two numbers near zero refute. */
function brokenClaims(order: typeof isAtMost): readonly string[] {
  const numeric = PRECISIONS.filter((one) => /^(?:round|bucket|threshold)/.test(one))
  const numbers = Array.from({ length: 121 }, (_, i) => i - 60)
  const claims = numeric.flatMap((low) =>
    numeric.filter((high) => order(low, high)).map((high) => [low, high] as const),
  )
  return claims
    .filter(([low, high]) => {
      const seen = new Map<unknown, unknown>()
      return numbers.some((n) => {
        const above = coarsener(high, hash)(n)
        const below = coarsener(low, hash)(n)
        const before = seen.has(above) ? seen.get(above) : below
        seen.set(above, before)
        return before !== below
      })
    })
    .map(([low, high]) => `${low} <= ${high}`)
}

function goingDownOnlyLoses() {
  const coarsenings = new Map(PRECISIONS.map((one) => [one, coarsener(one, hash)]))
  return () =>
    fc.assert(
      fc.property(precision, precision, pair, (low, high, [x, y]) => {
        fc.pre(isAtMost(low, high))
        const finer = coarsenings.get(high)
        const coarser = coarsenings.get(low)
        assert.ok(finer && coarser)
        if (Object.is(finer(x), finer(y))) assert.deepEqual(coarser(x), coarser(y))
      }),
      { numRuns: 10_000 },
    )
}
