import { type Counted, isSmall, sumOf } from './counted.ts'

/**
 * Which parts of one sum are not shown, where the sum itself is known: those that are small, and then the next smallest,
 * until what is hidden is at least two parts that are together no small group. Then the sum minus what is shown leaves
 * each hidden part anything from nothing to k or more.
 */
export function hideInLine(parts: ReadonlyMap<string, Counted>, k: number): ReadonlySet<string> {
  const counted = [...parts].filter(([, { count, rest }]) => count > 0 || rest > 0)
  const hidden = new Map(counted.filter(([, part]) => isSmall(part, k)))
  if (hidden.size === 0) return new Set()
  const shown = counted
    .filter(([name, { count }]) => !hidden.has(name) && count > 0)
    .toSorted(([a, one], [b, other]) => one.count - other.count || (a < b ? -1 : 1))
  for (const [name, part] of shown) {
    if (isEnough([...hidden.values()], k)) break
    hidden.set(name, part)
  }
  return new Set(hidden.keys())
}

function isEnough(hidden: readonly Counted[], k: number): boolean {
  const sum = sumOf(hidden)
  return hidden.filter(({ count }) => count > 0).length > 1 && sum.count >= k && !isSmall(sum, k)
}
