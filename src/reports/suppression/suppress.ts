import {
  type Counted,
  type CountedCell,
  OTHER,
  checkCounted,
  isSmall,
  sumOf,
  sumsBy,
} from './counted.ts'
import { hideInLine } from './hide-in-line.ts'
import { type HiddenCell, widthOf } from './width.ts'

/** What may be shown of a table, in whole counts. What is absent is hidden, or counts nobody. */
export interface ShownTable {
  readonly total: number | undefined
  readonly rows: ReadonlyMap<string, number>
  /** Empty where the sums of columns are not shown. */
  readonly columns: ReadonlyMap<string, number>
  readonly cells: readonly {
    readonly row: string
    readonly column: string
    readonly count: number
  }[]
}

/**
 * What may be shown of a table so that no group under k can be seen or worked out: each number that is shown counts k or
 * more, and each smaller one could, as far as those shown tell, be any of a range at least k wide.
 *
 * 1. no table at all where the whole is small
 * 2. small rows, and of a crossed table small columns, go together as `(other)`
 * 3. small cells are hidden, and then others, until no sum gives a small one back
 *
 * @param crossed  whether the sums of the columns are shown too; columns of a nested table belong to their row
 * @throws RangeError for a count that is no whole number at or above zero
 */
export function suppress(
  given: readonly CountedCell[],
  k: number,
  { crossed }: { readonly crossed: boolean },
): ShownTable {
  given.forEach(checkCounted)
  const whole = sumOf(given)
  if (whole.count < k || isSmall(whole, k))
    return { total: undefined, rows: new Map(), columns: new Map(), cells: [] }
  const byRow = rollUp(given, k, 'row')
  const rows = shownSums(sumsBy(byRow, (cell) => cell.row))
  if (!crossed)
    return { total: whole.count, rows, columns: new Map(), cells: nestedCells(byRow, k) }
  const byBoth = rollUp(byRow, k, 'column')
  const cells = crossedCells(byBoth, k)
  return cells
    ? { total: whole.count, rows, columns: shownSums(sumsBy(byBoth, (cell) => cell.column)), cells }
    : { total: whole.count, rows, columns: new Map(), cells: nestedCells(byRow, k) }
}

function shownSums(sums: ReadonlyMap<string, Counted>): ReadonlyMap<string, number> {
  return new Map([...sums].flatMap(([name, { count }]) => (count > 0 ? [[name, count]] : [])))
}

/** The same cells with the small lines of one side under one name. */
function rollUp(
  cells: readonly CountedCell[],
  k: number,
  side: 'row' | 'column',
): readonly CountedCell[] {
  const hidden = hideInLine(
    sumsBy(cells, (cell) => cell[side]),
    k,
  )
  const renamed = cells.map((cell) =>
    hidden.has(cell[side]) || cell[side] === OTHER ? { ...cell, [side]: OTHER } : cell,
  )
  const places = new Map(renamed.map((cell) => [placeOf(cell), cell]))
  const sums = sumsBy(renamed, placeOf)
  return [...places].map(([place, { row, column }]) => ({
    row,
    column,
    ...(sums.get(place) ?? { count: 0, rest: 0 }),
  }))
}

const placeOf = ({ row, column }: Pick<CountedCell, 'row' | 'column'>): string =>
  JSON.stringify([row, column])

const shown = ({ row, column, count }: CountedCell) => ({ row, column, count })

/** Each row by itself: nothing but its own sum says anything about its cells. */
function nestedCells(cells: readonly CountedCell[], k: number): ShownTable['cells'] {
  return [...Map.groupBy(cells, (cell) => cell.row).values()].flatMap((row) => {
    const hidden = hideInLine(
      sumsBy(row, (cell) => cell.column),
      k,
    )
    return row.filter((cell) => cell.count > 0 && !hidden.has(cell.column)).map(shown)
  })
}

/** Undefined where some small cell stays within reach of the sums, however many others are hidden. */
function crossedCells(given: readonly CountedCell[], k: number): ShownTable['cells'] | undefined {
  const cells = given.filter(({ count, rest }) => count > 0 || rest > 0)
  const small = cells.filter((cell) => isSmall(cell, k))
  const hidden = new Set(small)
  for (;;) {
    const reached: HiddenCell[] = [...hidden]
    const exposed = small.find((cell) => widthOf(reached, cell, k) < k)
    if (!exposed) break
    const further = nextToHide(cells, hidden, exposed)
    if (!further) return undefined
    hidden.add(further)
  }
  return cells.filter((cell) => !hidden.has(cell) && cell.count > 0).map(shown)
}

/** The smallest that shares a line with the exposed one; failing that, the smallest. */
function nextToHide(
  cells: readonly CountedCell[],
  hidden: ReadonlySet<CountedCell>,
  exposed: CountedCell,
): CountedCell | undefined {
  const open = cells
    .filter((cell) => cell.count > 0 && !hidden.has(cell))
    .toSorted((a, b) => a.count - b.count || (placeOf(a) < placeOf(b) ? -1 : 1))
  const inLine = open.find((cell) => cell.row === exposed.row || cell.column === exposed.column)
  return inLine ?? open[0]
}
