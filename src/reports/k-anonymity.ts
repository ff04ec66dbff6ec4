/** Rows that are alike in all quasi-identifiers, and how many there are. */
export interface Alike {
  readonly values: readonly string[]
  readonly count: number
}

/** How to make one quasi-identifier coarser: each step takes the original value; the first leaves it as it is. */
export type Ladder = readonly ((value: string) => string)[]

export interface Generalised {
  /** The step of each ladder, in order. */
  readonly steps: readonly number[]
  /** How many different groups there are then, and how many rows the smallest has. */
  readonly groups: number
  readonly smallest: number
}

/** Combinations of steps that are looked through at most. */
export const MOST_COMBINATIONS = 4_096

/**
 * The least coarse combination of steps in which every row is like at least k - 1 others: of those with the fewest steps
 * down the one that leaves most groups apart. No row is left out to get there.
 *
 * All combinations are looked through, those with the fewest steps down first: groups only grow on the way down, so the
 * first that is enough is the least coarse.
 *
 * @returns undefined when it cannot be met, even with the last step of every ladder
 * @throws RangeError for more combinations than anybody can look through, or a row of another width
 * @source Samarati (2001), Protecting respondents' identities; LeFevre, DeWitt, Ramakrishnan (2005), Incognito
 */
export function generalise(
  rows: readonly Alike[],
  ladders: readonly Ladder[],
  k: number,
): Generalised | undefined {
  const combinations = ladders.reduce((product, ladder) => product * ladder.length, 1)
  if (combinations > MOST_COMBINATIONS) throw new RangeError('too many combinations of steps')
  const coded = codeRows(rows, ladders)
  for (const sameHeight of byHeight(ladders.map((ladder) => ladder.length))) {
    const enough = sameHeight.flatMap((steps) => {
      const sizes = groupSizes(coded, steps)
      const smallest = sizes.reduce((least, size) => Math.min(least, size), Number.MAX_SAFE_INTEGER)
      return sizes.length > 0 && smallest >= k ? [{ steps, groups: sizes.length, smallest }] : []
    })
    const [best] = enough.toSorted(
      (a, b) => b.groups - a.groups || b.smallest - a.smallest || compare(a.steps, b.steps),
    )
    if (best) return best
  }
  return undefined
}

interface Coded {
  readonly counts: readonly number[]
  /** Of each quasi-identifier: which of its values each row has. */
  readonly columns: readonly Uint32Array[]
  /** Of each quasi-identifier and step: the group of each value, and how many groups there are. */
  readonly groups: readonly (readonly { readonly of: Uint32Array; readonly many: number }[])[]
}

/** Every value is made coarser once, not once for each row and combination. */
function codeRows(rows: readonly Alike[], ladders: readonly Ladder[]): Coded {
  if (rows.some((row) => row.values.length !== ladders.length))
    throw new RangeError('a row has other quasi-identifiers')
  const columns: Uint32Array[] = []
  const groups: Coded['groups'][number][] = []
  for (const [i, ladder] of ladders.entries()) {
    const codes = new Map<string, number>()
    columns.push(Uint32Array.from(rows, (row) => codeOf(codes, row.values[i] ?? '')))
    groups.push(
      ladder.map((coarsen) => {
        const coarse = new Map<string, number>()
        const of = Uint32Array.from(codes.keys(), (value) => codeOf(coarse, coarsen(value)))
        return { of, many: coarse.size }
      }),
    )
  }
  return { counts: rows.map((row) => row.count), columns, groups }
}

function codeOf(codes: Map<string, number>, value: string): number {
  const known = codes.get(value)
  if (known !== undefined) return known
  codes.set(value, codes.size)
  return codes.size - 1
}

/** How many rows each group has: a column at a time, groups so far and the next value name the next group. */
function groupSizes({ counts, columns, groups }: Coded, steps: readonly number[]): number[] {
  let place = new Uint32Array(counts.length)
  for (const [i, column] of columns.entries()) {
    const step = groups[i]?.[steps[i] ?? 0]
    if (!step || step.many === 1) continue
    const names = new Map<number, number>()
    const next = new Uint32Array(counts.length)
    for (let row = 0; row < counts.length; row++) {
      const name = (place[row] ?? 0) * step.many + (step.of[column[row] ?? 0] ?? 0)
      let group = names.get(name)
      if (group === undefined) {
        group = names.size
        names.set(name, group)
      }
      next[row] = group
    }
    place = next
  }
  const sizes: number[] = []
  for (const [row, count] of counts.entries()) {
    const group = place[row] ?? 0
    sizes[group] = (sizes[group] ?? 0) + count
  }
  return sizes
}

/** All combinations of steps, those with equally many steps down together. */
function byHeight(lengths: readonly number[]): readonly (readonly number[])[][] {
  const heights: number[][][] = []
  const walk = (steps: readonly number[], height: number): void => {
    const length = lengths[steps.length]
    if (length === undefined) {
      heights[height] = [...(heights[height] ?? []), [...steps]]
      return
    }
    for (let step = 0; step < length; step++) walk([...steps, step], height + step)
  }
  walk([], 0)
  return heights
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [i, step] of a.entries()) if (step !== b[i]) return step - (b[i] ?? 0)
  return 0
}
