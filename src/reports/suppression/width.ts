/** A cell that is not shown: where it stands and what it counts. */
export interface HiddenCell {
  readonly row: string
  readonly column: string
  readonly count: number
}

/**
 * How far apart the least and the greatest count are that a hidden cell can have, where the sums of all rows and columns
 * and all other cells are known. Exact: whole numbers at or above zero that fit rows and columns are a flow, and the
 * reach of one cell is what can flow round it. Counts only up to `enough`.
 *
 * @source Cox (1995), Network models for complementary cell suppression
 */
export function widthOf(
  hidden: readonly HiddenCell[],
  { row, column, count }: Pick<HiddenCell, 'row' | 'column' | 'count'>,
  enough: number,
): number {
  const others = hidden.filter((cell) => cell.row !== row || cell.column !== column)
  const [here, there] = [`r${row}`, `c${column}`]
  // One more in the cell must be taken from its column, and so on round to its row; one less the other way.
  const more = flow(others, there, here, enough)
  if (more >= enough) return enough
  const less = Math.min(count, flow(others, here, there, enough - more))
  return Math.min(enough, more + less)
}

/** Most that flows from one line to another: along a row into a column without limit, back as far as a cell counts. */
function flow(cells: readonly HiddenCell[], from: string, to: string, enough: number): number {
  const room = new Map<string, Map<string, number>>()
  const edges = (name: string): Map<string, number> => {
    const known = room.get(name) ?? new Map<string, number>()
    room.set(name, known)
    return known
  }
  for (const { row, column, count } of cells) {
    edges(`r${row}`).set(`c${column}`, Number.POSITIVE_INFINITY)
    edges(`c${column}`).set(`r${row}`, count)
  }
  let total = 0
  while (total < enough) {
    const path = shortestPath(edges, from, to)
    if (!path) break
    const amount = Math.min(enough - total, ...path.map(([a, b]) => edges(a).get(b) ?? 0))
    for (const [a, b] of path) {
      edges(a).set(b, (edges(a).get(b) ?? 0) - amount)
      edges(b).set(a, (edges(b).get(a) ?? 0) + amount)
    }
    total += amount
  }
  return total
}

function shortestPath(
  edges: (name: string) => ReadonlyMap<string, number>,
  from: string,
  to: string,
): readonly (readonly [string, string])[] | undefined {
  const cameFrom = new Map<string, string>([[from, from]])
  const waiting = [from]
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
    if (name === to) break
    for (const [next, left] of edges(name)) {
      if (left <= 0 || cameFrom.has(next)) continue
      cameFrom.set(next, name)
      waiting.push(next)
    }
  }
  if (!cameFrom.has(to)) return undefined
  const path: [string, string][] = []
  for (let at = to; at !== from; ) {
    const before = cameFrom.get(at) ?? from
    path.unshift([before, at])
    at = before
  }
  return path
}
