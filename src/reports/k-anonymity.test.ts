import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { shippedCatalog } from '#catalog/shipped.ts'
import { QUASI_IDENTIFIER_SETS } from '#catalog/quasi-identifiers.ts'
import { isAtMost, isPrecision } from '#minimisation/precision.ts'
import { type Alike, type Ladder, MOST_COMBINATIONS, generalise } from './k-anonymity.ts'

const first: Ladder = [(value) => value, (value) => value.slice(0, 1), () => '']

/** Tries every combination with texts, and keeps the best by the same words. */
function byTrying(rows: readonly Alike[], ladders: readonly Ladder[], k: number) {
  let best: { steps: number[]; groups: number; smallest: number } | undefined
  const rank = (one: { steps: number[]; groups: number; smallest: number }) => [
    one.steps.reduce((sum, step) => sum + step, 0),
    -one.groups,
    -one.smallest,
    ...one.steps,
  ]
  const isBetter = (a: number[], b: number[]): boolean => {
    const i = a.findIndex((value, at) => value !== b[at])
    return i >= 0 && (a[i] ?? 0) < (b[i] ?? 0)
  }
  const walk = (steps: number[]): void => {
    if (steps.length < ladders.length) {
      ladders[steps.length]?.forEach((_, step) => walk([...steps, step]))
      return
    }
    const sizes = new Map<string, number>()
    for (const row of rows) {
      const name = JSON.stringify(row.values.map((v, i) => ladders[i]?.[steps[i] ?? 0]?.(v)))
      sizes.set(name, (sizes.get(name) ?? 0) + row.count)
    }
    const smallest = Math.min(...sizes.values())
    if (sizes.size === 0 || smallest < k) return
    const one = { steps, groups: sizes.size, smallest }
    if (!best || isBetter(rank(one), rank(best))) best = one
  }
  walk([])
  return best
}

describe('records that are like others', () => {
  it('P14 finds what trying every combination finds, and never a group under k', () => {
    const value = fc.constantFrom('aa', 'ab', 'ba', 'bb', 'bc')
    const row = fc.record({
      values: fc.tuple(value, value, value),
      count: fc.integer({ min: 1, max: 6 }),
    })
    fc.assert(
      fc.property(fc.array(row, { maxLength: 14 }), fc.integer({ min: 2, max: 12 }), (rows, k) => {
        const ladders = [first, first, first.slice(0, 2)]
        const found = generalise(rows, ladders, k)
        assert.deepEqual(found, byTrying(rows, ladders, k))
        if (found) assert.ok(found.smallest >= k)
      }),
      { numRuns: 300, seed: 5 },
    )
  })

  it('leaves what is already enough as it is, and says when it cannot be met', () => {
    const many = [{ values: ['aa'], count: 10 }]
    assert.deepEqual(generalise(many, [first], 10), { steps: [0], groups: 1, smallest: 10 })
    assert.equal(generalise(many, [first], 11), undefined)
    assert.equal(generalise([], [first], 2), undefined)
  })

  it('a wrong twin that looks at one item at a time is caught', () => {
    const rows = ['aa', 'bb'].flatMap((one) =>
      ['aa', 'bb'].map((other) => ({ values: [one, other], count: one === other ? 9 : 1 })),
    )
    const alone = [0, 1].map((i) =>
      generalise(
        rows.map((row) => ({ values: [row.values[i] ?? ''], count: row.count })),
        [first],
        10,
      ),
    )
    assert.deepEqual(
      alone.map((one) => one?.steps),
      [[0], [0]],
    )
    assert.deepEqual(generalise(rows, [first, first], 10)?.steps, [0, 2])
  })

  it('refuses more than it can look through, and rows of another width', () => {
    const ladder = Array.from({ length: MOST_COMBINATIONS + 1 }, () => (value: string) => value)
    assert.throws(() => generalise([], [ladder], 2), RangeError)
    assert.throws(() => generalise([{ values: [], count: 1 }], [first], 2), RangeError)
  })

  it('P6 every ladder of the catalog goes down from exact to withheld, over plain items', () => {
    for (const { items } of QUASI_IDENTIFIER_SETS) {
      assert.ok(items.reduce((product, one) => product * one.ladder.length, 1) <= MOST_COMBINATIONS)
      for (const { item, ladder } of items) {
        const known = shippedCatalog.items.get(item)
        assert.ok(known && !known.personal && !known.secret, item)
        assert.deepEqual([ladder[0], ladder.at(-1)], ['exact', 'withheld'])
        ladder.forEach((step, i) => {
          assert.ok(
            isPrecision(step) && isAtMost(step, ladder[Math.max(0, i - 1)] ?? step),
            `${item} ${step}`,
          )
        })
      }
    }
  })
})
