/** How many of the asked population fall into a group, and how many of the tenant's others do. */
export interface Counted {
  readonly count: number
  /** Devices of the same group outside the asked scope: zero where the whole tenant is asked about. */
  readonly rest: number
}

/** One cell of a table of two dimensions. */
export interface CountedCell extends Counted {
  readonly row: string
  readonly column: string
}

/** The category that takes the small ones in. */
export const OTHER = '(other)'

/**
 * Whether a number would tell of a group that is too small: itself under k, or leaving under k outside the asked scope,
 * where the number for the whole tenant minus this one would give that away. Nobody is no group.
 */
export function isSmall({ count, rest }: Counted, k: number): boolean {
  return (count > 0 && count < k) || (rest > 0 && rest < k)
}

/** @throws RangeError for a count that is negative, no whole number, or past what a double holds exactly */
export function checkCounted({ count, rest }: Counted): void {
  for (const number of [count, rest])
    if (!Number.isSafeInteger(number) || number < 0)
      throw new RangeError('a count is a whole number of 0 … 2^53 - 1')
}

export function sumOf(parts: Iterable<Counted>): Counted {
  let [count, rest] = [0, 0]
  for (const part of parts) {
    count += part.count
    rest += part.rest
  }
  return { count, rest }
}

/** Sums the cells by a name of each. */
export function sumsBy(
  cells: readonly CountedCell[],
  nameOf: (cell: CountedCell) => string,
): ReadonlyMap<string, Counted> {
  const sums = new Map<string, Counted>()
  for (const cell of cells) {
    const name = nameOf(cell)
    const known = sums.get(name)
    sums.set(name, known ? sumOf([known, cell]) : { count: cell.count, rest: cell.rest })
  }
  return sums
}
