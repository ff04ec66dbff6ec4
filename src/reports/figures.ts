import type { KeyedHash } from '#foundation/hashing.ts'
import { canonicalJson } from '#foundation/canonical-json.ts'
import type { RandomBits } from '#minimisation/random-bits.ts'
import type { ReportDefinition } from './definition.ts'
import { type NoisePlan, addNoise } from './noise.ts'
import type { CountedCell } from './suppression/counted.ts'
import { type GroupSize, roundToStep, startOf } from './suppression/round.ts'
import { suppress } from './suppression/suppress.ts'

/** The numbers of a release, as everybody sees them. A group that is not named counts fewer than k, or nobody. */
export interface Figures {
  readonly total: number | null
  readonly rows: readonly { readonly row: string; readonly count: number }[]
  readonly columns: readonly { readonly column: string; readonly count: number }[]
  readonly cells: readonly {
    readonly row: string
    readonly column: string
    readonly count: number
  }[]
}

/**
 * What is shown without noise: small groups hidden with others that would give them back, and every number on a step of
 * its own cell, which is the same in all reports, on all days and for everybody.
 */
export function steppedFigures(
  report: ReportDefinition,
  scope: string,
  cells: readonly CountedCell[],
  k: GroupSize,
  hash: KeyedHash,
): Figures {
  const shown = suppress(cells, k, report)
  const stepped = (count: number, row: string, column?: string): number => {
    // The whole and the platforms are the same cells in every report on devices.
    const of = column === undefined ? report.counts : report.id
    return roundToStep(count, k, startOf(hash, canonicalJson([of, scope, row, column ?? null])))
  }
  return inOrder({
    total: shown.total === undefined ? null : stepped(shown.total, ''),
    rows: [...shown.rows].map(([row, count]) => ({ row, count: stepped(count, row) })),
    columns: [...shown.columns].map(([column, count]) => ({
      column,
      count: stepped(count, '', column),
    })),
    cells:
      report.columns === undefined
        ? []
        : shown.cells.map((cell) => ({
            ...cell,
            count: stepped(cell.count, cell.row, cell.column),
          })),
  })
}

/** What is shown with noise: sums are made of noisy cells, so they cost nothing; what comes out under k is not shown. */
export function noisedFigures(
  report: ReportDefinition,
  cells: readonly CountedCell[],
  k: number,
  plan: NoisePlan,
  bits: RandomBits,
): Figures {
  const noisy = addNoise(
    cells.map(({ row, column, count }) => ({ row, column, count })),
    plan,
    bits,
  )
  const sums = (nameOf: (cell: (typeof noisy)[number]) => string): readonly [string, number][] => {
    const found = new Map<string, number>()
    for (const cell of noisy) found.set(nameOf(cell), (found.get(nameOf(cell)) ?? 0) + cell.count)
    return [...found].filter(([, count]) => count >= k)
  }
  const [whole] = sums(() => '')
  return inOrder({
    total: whole?.[1] ?? null,
    rows: sums((cell) => cell.row).map(([row, count]) => ({ row, count })),
    columns: report.crossed
      ? sums((cell) => cell.column).map(([column, count]) => ({ column, count }))
      : [],
    cells: report.columns === undefined ? [] : noisy.filter(({ count }) => count >= k),
  })
}

/** In the order of their names: the order in which the database found them would say which group is larger. */
function inOrder({ total, rows, columns, cells }: Figures): Figures {
  const by = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
  return {
    total,
    rows: rows.toSorted((a, b) => by(a.row, b.row)),
    columns: columns.toSorted((a, b) => by(a.column, b.column)),
    cells: cells.toSorted((a, b) => by(a.row, b.row) || by(a.column, b.column)),
  }
}
