import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Precision } from '#catalog/precision.ts'
import { keyedHash } from '#foundation/hashing.ts'
import { type Value, coarsen, coarsener } from './coarsen.ts'

const hash = keyedHash(Buffer.alloc(32, 7), 18)

describe('coarsen', () => {
  const cases: [Precision, Value, Value | undefined][] = [
    ['exact', 'as it is', 'as it is'],
    ['withheld', 'anything', undefined],
    ['truncate:4', '+1-555-0100', '+1-5'],
    ['truncate:2', '😀é漢', '😀é'],
    ['truncate:1', 'a\u0301\u0302\u0303', 'a'],
    ['truncate:4', 5550100, undefined],
    ['domain', 'anna.example@School.Example.org', 'school.example.org'],
    ['domain', 'å.ö@växjö.example.org', 'växjö.example.org'],
    ['domain', 'https://user@mdm.example.org:8443/enrol?x=1', 'mdm.example.org'],
    ['domain', 'no address', undefined],
    ['domain', 'anna.example', undefined],
    ['domain', 'call anna @example.org', undefined],
    ['domain', 'anna@example..org', undefined],
    ['domain', 'anna@-example.org', undefined],
    ['domain', 'anna@localhost', undefined],
    ['domain', 'anna@192.0.2.1', undefined],
    ['domain', 'https://192.0.2.1/anna', undefined],
    ['domain', 'https://example.org\\@anna.example.org/', undefined],
    ['domain', 7, undefined],
    ['day', '2030-05-17T23:30:00-02:00', '2030-05-18'],
    ['day', '2030-01-01T00:30:00+0100', '2029-12-31'],
    ['day', '2030-05-17', '2030-05-17'],
    ['day', '2030-05-17T23:59:60Z', '2030-05-17'],
    ['month', '2030-05-17T10:00:00.123Z', '2030-05'],
    ['month', '2030-05', undefined],
    ['day', '2030-02-30', undefined],
    ['day', '2030-13-01', undefined],
    ['day', '2030-05-17T24:00:00Z', undefined],
    ['day', '2030-05-17T10:00:00', undefined],
    ['day', '2030-05-17 Anna came', undefined],
    ['day', '9999-12-31T23:59:00-01:00', undefined],
    ['day', 'yesterday', undefined],
    ['network', '192.0.2.77', '192.0.2.0/24'],
    ['network', '2001:db8:1:2::5', '2001:db8:1::/48'],
    ['network', '2001:0DB8:0001:2:3:4:5:6', '2001:db8:1::/48'],
    ['network', '::1', '0:0:0::/48'],
    ['network', '::ffff:192.0.2.77', '192.0.2.0/24'],
    ['network', 'fe80::1%eth0', undefined],
    ['network', '1::2::3', undefined],
    ['network', '192.0.2.077', undefined],
    ['network', '300.1.1.1', undefined],
    ['round:10', 14, 10],
    ['round:10', 15, 20],
    ['round:10', -15, -10],
    ['round:10', -4, 0],
    ['round:999999999', 2 ** 52, 4503599995496400],
    ['round:10', 1.5, undefined],
    ['round:10', 2 ** 53, undefined],
    ['round:10', '14', undefined],
    ['bucket:0,10,100', 42, '10-99'],
    ['bucket:0,10,100', 100, '>=100'],
    ['bucket:0,10,100', -1, '<0'],
    ['threshold:100', 99, false],
    ['threshold:100', 100, true],
    ['threshold:100', 99.5, undefined],
    ['pseudonym', true, undefined],
    ['pseudonym', 'half \ud83d', undefined],
  ]
  for (const [how, input, expected] of cases) {
    it(`${how} of ${input} is ${expected}`, () =>
      assert.deepEqual(coarsen(input, how, hash), expected))
  }

  it('rounds every whole number to a nearest multiple, halves upward', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -(2 ** 52), max: 2 ** 52 }),
        fc.integer({ min: 1, max: 999_999_999 }),
        (value, step) => {
          const rounded = BigInt(coarsen(value, `round:${step}`, hash) as number)
          const off = rounded - BigInt(value)
          assert.equal(rounded % BigInt(step), 0n)
          assert.ok(2n * off <= BigInt(step) && 2n * off > -BigInt(step))
        },
      ),
      { numRuns: 2_000 },
    )
  })

  it('is the same again where its own answer still fits', () => {
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.integer(), fc.constant('2030-05-17'))
    const again = fc.constantFrom<Precision>('exact', 'truncate:3', 'round:7', 'day')
    fc.assert(
      fc.property(again, text, (how, value) => {
        const once = coarsen(value, how, hash)
        if (once !== undefined) assert.equal(coarsen(once, how, hash), once)
      }),
    )
  })

  it('P10 pseudonyms of two recipients do not join; one recipient sees the same person as the same', () => {
    const apple = coarsener('pseudonym', keyedHash(Buffer.alloc(32, 1), 18))
    const google = coarsener('pseudonym', keyedHash(Buffer.alloc(32, 2), 18))
    const given = new Map<Value | undefined, string>()
    fc.assert(
      fc.property(fc.string(), (text) => {
        assert.match(String(apple(text)), /^[\w-]{24}$/)
        assert.equal(apple(text), apple(text))
        assert.notEqual(apple(text), google(text))
        assert.equal(given.get(apple(text)) ?? text, text)
        given.set(apple(text), text)
      }),
    )
  })

  it('refuses what is no precision', () => {
    assert.throws(() => coarsener('nearly' as Precision, hash), RangeError)
  })
})
