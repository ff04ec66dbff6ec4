import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { keyedHash } from '#foundation/hashing.ts'
import { type CountedCell, OTHER, isSmall, sumOf, sumsBy } from './counted.ts'
import { GROUP_SIZES, roundToStep, startOf } from './round.ts'
import { type ShownTable, suppress } from './suppress.ts'
import { widthOf } from './width.ts'

const K = 3
type Suppress = (cells: readonly CountedCell[]) => ShownTable
const ours =
  (crossed: boolean): Suppress =>
  (cells) =>
    suppress(cells, K, { crossed })

/** Hides small groups and stops there, as many a report does. */
const withoutComplement: Suppress = (cells) => ({
  total: sumOf(cells).count,
  rows: new Map([...sumsBy(cells, (cell) => cell.row)].map(([name, { count }]) => [name, count])),
  columns: new Map(
    [...sumsBy(cells, (cell) => cell.column)].map(([name, { count }]) => [name, count]),
  ),
  cells: cells.filter((cell) => cell.count >= K),
})

/**
 * Judges by trying every table: the solver knows all that is shown, which categories went into `(other)`, and which
 * groups count nobody. Answers the small groups of which it finds a range narrower than k.
 */
function found(cells: readonly CountedCell[], shown: ShownTable): readonly string[] {
  const real = cells.filter((cell) => cell.count > 0)
  const rowNames = new Set(real.map((cell) => cell.row))
  const columnNames = new Set(real.map((cell) => cell.column))
  const named = (name: string, known: ReadonlyMap<string, number>) =>
    known.size === 0 || known.has(name) ? name : OTHER
  const sums: (readonly [number, readonly number[]])[] = []
  const add = (sum: number, of: (cell: CountedCell) => boolean) =>
    sums.push([sum, real.flatMap((cell, i) => (of(cell) ? [i] : []))])
  if (shown.total !== undefined) add(shown.total, () => true)
  for (const [name, sum] of shown.rows) add(sum, (cell) => named(cell.row, shown.rows) === name)
  for (const [name, sum] of shown.columns)
    add(sum, (cell) => named(cell.column, shown.columns) === name)
  for (const { row, column, count } of shown.cells)
    add(
      count,
      (cell) => named(cell.row, shown.rows) === row && named(cell.column, shown.columns) === column,
    )
  assert.ok(rowNames.size <= 4 && columnNames.size <= 4)
  const ranges = rangesOf(real.length, sums)
  return real.flatMap((cell, i) => {
    const [least, greatest] = ranges[i] ?? [0, 0]
    return cell.count < K && greatest - least < K ? [`${cell.row}/${cell.column}`] : []
  })
}

/** Least and greatest of each place over all whole numbers at or above zero that fit the sums. */
function rangesOf(
  places: number,
  sums: readonly (readonly [number, readonly number[]])[],
): readonly [number, number][] {
  const ranges = Array.from({ length: places }, (): [number, number] => [Number.MAX_VALUE, -1])
  if (sums.length === 0) return ranges.map(() => [0, Number.MAX_VALUE])
  const values = Array.from({ length: places }, () => 0)
  const left = sums.map(([sum]) => sum)
  const of = values.map((_, i) => sums.flatMap(([, parts], s) => (parts.includes(i) ? [s] : [])))
  const last = sums.map(([, parts]) => parts.at(-1) ?? -1)
  const fill = (i: number): void => {
    if (i === places) {
      values.forEach((value, at) => {
        const range = ranges[at] as [number, number]
        range[0] = Math.min(range[0], value)
        range[1] = Math.max(range[1], value)
      })
      return
    }
    const mine = of[i] ?? []
    const most = Math.min(...mine.map((s) => left[s] ?? 0), 40)
    for (let value = 0; value <= most; value++) {
      for (const s of mine) left[s] = (left[s] ?? 0) - value
      values[i] = value
      if (mine.every((s) => last[s] !== i || left[s] === 0)) fill(i + 1)
      for (const s of mine) left[s] = (left[s] ?? 0) + value
    }
  }
  fill(0)
  return ranges
}

const table = (rows: number, columns: number, most: number) =>
  fc.array(fc.nat(most), { minLength: rows * columns, maxLength: rows * columns }).map((counts) =>
    counts.map((count, i) => ({
      row: `r${Math.floor(i / columns)}`,
      column: `c${i % columns}`,
      count,
      rest: 0,
    })),
  )

describe('suppression', () => {
  it('P14 no small group can be worked out of a crossed table, by trying every table that fits', () => {
    fc.assert(
      fc.property(table(3, 3, 5), (cells) => {
        assert.deepEqual(found(cells, ours(true)(cells)), [])
      }),
      { numRuns: 150, seed: 7 },
    )
  })

  it('P14 nor out of a nested table', () => {
    fc.assert(
      fc.property(table(2, 4, 5), (cells) => {
        assert.deepEqual(found(cells, ours(false)(cells)), [])
      }),
      { numRuns: 150, seed: 7 },
    )
  })

  it('the judge finds a group where nothing is hidden for the sake of another', () => {
    const cells = [
      { row: 'r0', column: 'c0', count: 1, rest: 0 },
      { row: 'r0', column: 'c1', count: 9, rest: 0 },
      { row: 'r1', column: 'c0', count: 8, rest: 0 },
      { row: 'r1', column: 'c1', count: 7, rest: 0 },
    ]
    assert.deepEqual(found(cells, withoutComplement(cells)), ['r0/c0'])
    assert.deepEqual(found(cells, ours(true)(cells)), [])
  })

  it('the reach of a hidden cell is what trying every table says', () => {
    fc.assert(
      fc.property(table(3, 3, 3), fc.nat(511), (cells, mask) => {
        const hidden = cells.filter((_, i) => (mask >> i) & 1)
        const [first] = hidden
        if (!first) return
        const sums = (['row', 'column'] as const).flatMap((side) =>
          [...sumsBy(hidden, (cell) => cell[side])].map(
            ([name, { count }]) =>
              [count, hidden.flatMap((cell, i) => (cell[side] === name ? [i] : []))] as const,
          ),
        )
        const [least, greatest] = rangesOf(hidden.length, sums)[0] ?? [0, 0]
        assert.equal(widthOf(hidden, first, 100), greatest - least)
      }),
      { numRuns: 200, seed: 11 },
    )
  })

  it('P14 each number that is shown counts k or more, and leaves k or nobody outside its scope', () => {
    const cell = fc.record({
      row: fc.constantFrom('a', 'b', 'c'),
      column: fc.constantFrom('x', 'y', 'z'),
      count: fc.nat(40),
      rest: fc.nat(40),
    })
    const cells = fc.uniqueArray(cell, { selector: ({ row, column }) => row + column })
    fc.assert(
      fc.property(cells, fc.boolean(), (given, crossed) => {
        const shown = suppress(given, 10, { crossed })
        const whole = sumOf(given)
        if (shown.total === undefined) assert.ok(whole.count < 10 || isSmall(whole, 10))
        const numbers = [...shown.rows.values(), ...shown.columns.values()]
        for (const count of [...numbers, ...shown.cells.map((one) => one.count)])
          assert.ok(count >= 10)
        for (const { row, column, count } of shown.cells) {
          const own = given.find((one) => one.row === row && one.column === column)
          if (own && own.count === count) assert.ok(!isSmall(own, 10))
        }
      }),
      { numRuns: 300, seed: 3 },
    )
  })

  it('shows nothing of an empty tenant, of a fleet under k, and refuses counts that are none', () => {
    assert.equal(suppress([], 10, { crossed: true }).total, undefined)
    const nine = [{ row: 'a', column: 'x', count: 9, rest: 0 }]
    assert.deepEqual([...suppress(nine, 10, { crossed: false }).rows], [])
    for (const count of [-1, 0.5, 2 ** 53, Number.NaN])
      assert.throws(
        () => suppress([{ row: 'a', column: 'x', count, rest: 0 }], 10, { crossed: true }),
        RangeError,
      )
  })

  it('shows one giant group whole', () => {
    const shown = suppress([{ row: 'a', column: 'x', count: 1_000_000, rest: 0 }], 10, {
      crossed: true,
    })
    assert.deepEqual(shown.cells, [{ row: 'a', column: 'x', count: 1_000_000 }])
  })
})

describe('steps', () => {
  const hash = keyedHash(Buffer.alloc(32, 1))

  it('P14 every number and every difference is a multiple of k, less than k away, and right on average', () => {
    for (const k of GROUP_SIZES) {
      for (const count of [k, k + 1, 3 * k - 1, 1_000_003]) {
        let sum = 0
        for (let start = 0; start < 640; start++) {
          const shown = roundToStep(count, k, start)
          assert.equal(shown % k, 0)
          assert.ok(Math.abs(shown - count) < k && shown >= k)
          sum += shown
        }
        assert.equal(sum / 640, count)
      }
    }
  })

  it('P6 a larger k tells nothing that a smaller one did not', () => {
    const start = startOf(hash, 'a cell')
    const seen = new Map<string, number>()
    for (let count = 0; count < 3_000; count++) {
      GROUP_SIZES.slice(1).forEach((k, i) => {
        const finer = `${k}/${roundToStep(count, GROUP_SIZES[i] ?? 10, start)}`
        const coarser = roundToStep(count, k, start)
        assert.equal(seen.get(finer) ?? coarser, coarser)
        seen.set(finer, coarser)
      })
    }
  })

  it('starts are the same for a cell for ever, differ between cells, and are evenly spread', () => {
    assert.equal(startOf(hash, 'one'), startOf(hash, 'one'))
    const drawn = Array.from({ length: 6_400 }, (_, i) => startOf(hash, `cell ${i}`))
    const tenths = Array.from({ length: 10 }, (_, i) => drawn.filter((s) => s % 10 === i).length)
    const chi = tenths.reduce((sum, n) => sum + (n - 640) ** 2 / 640, 0)
    assert.ok(chi < 27.9, `${chi}`)
  })
})
