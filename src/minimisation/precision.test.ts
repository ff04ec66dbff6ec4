import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Precision } from '#catalog/precision.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { keyedHash } from '#foundation/hashing.ts'
import { choosePrecision, coarsener, isAtMost, parsePrecision } from './precision.ts'

const PRECISIONS: readonly Precision[] = [
  'exact',
  'truncate:1',
  'truncate:4',
  'truncate:9',
  'round:10',
  'round:7',
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
const hash = keyedHash(Buffer.alloc(32, 7), 16)
const value = fc.oneof(
  fc.string(),
  fc.integer(),
  fc.boolean(),
  fc.emailAddress(),
  fc.ipV4(),
  fc.ipV6(),
  fc
    .date({ noInvalidDate: true, min: new Date('2000-01-01'), max: new Date('2050-01-01') })
    .map((d) => d.toISOString()),
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

  it('P6 going down only loses: what looks the same finer looks the same coarser', () => {
    const coarsenings = new Map(PRECISIONS.map((one) => [one, coarsener(one, hash)]))
    fc.assert(
      fc.property(precision, precision, value, value, (low, high, x, y) => {
        fc.pre(isAtMost(low, high))
        const finer = coarsenings.get(high)
        const coarser = coarsenings.get(low)
        assert.ok(finer && coarser)
        if (finer(x) !== undefined && Object.is(finer(x), finer(y)))
          assert.deepEqual(coarser(x), coarser(y))
      }),
      { numRuns: 5_000 },
    )
  })

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

  const cases: [Precision, string | number, unknown][] = [
    ['truncate:4', '+1-555-0100', '+1-5'],
    ['truncate:2', '😀é漢', '😀é'],
    ['domain', 'anna.example@School.Example.org', 'school.example.org'],
    ['domain', 'https://user@mdm.example.org:8443/enrol?x=1', 'mdm.example.org'],
    ['domain', 'no address', undefined],
    ['day', '2030-05-17T23:30:00-02:00', '2030-05-18'],
    ['month', '2030-05-17T10:00:00Z', '2030-05'],
    ['day', 'yesterday', undefined],
    ['network', '192.0.2.77', '192.0.2.0/24'],
    ['network', '2001:db8:1:2::5', '2001:db8:1::/48'],
    ['network', '300.1.1.1', undefined],
    ['round:10', 14, 10],
    ['bucket:0,10,100', 42, '10-99'],
    ['bucket:0,10,100', 100, '>=100'],
    ['bucket:0,10,100', -1, '<0'],
    ['threshold:100', 99, false],
  ]
  for (const [how, input, expected] of cases) {
    it(`${how} of ${input} is ${expected}`, () =>
      assert.deepEqual(coarsener(how, hash)(input), expected))
  }

  it('P10 pseudonyms of two recipients do not join, and one recipient sees the same person as the same', () => {
    const apple = coarsener('pseudonym', keyedHash(Buffer.alloc(32, 1), 16))
    const google = coarsener('pseudonym', keyedHash(Buffer.alloc(32, 2), 16))
    fc.assert(
      fc.property(fc.string(), (text) => {
        assert.equal(apple(text), apple(text))
        assert.notEqual(apple(text), google(text))
      }),
    )
  })
})
