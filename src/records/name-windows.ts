import type { ItemId } from '#catalog/catalog.ts'

/** A time in milliseconds since 1970, its end not in it; an end of null is now. */
export type Window = readonly [from: number, until: number | null]

/** A value that an item of a record had until then; null has it now. */
export interface NamedUntil {
  readonly item: ItemId
  /** Whether the value is a name of the person who asks. */
  readonly mine: boolean
  readonly until: number | null
}

/**
 * When a record named the person. Each value of an item held from when the one before it ended, the first one from
 * the beginning. A record that never says when (older than the index) is taken to be theirs all along.
 *
 * @param names in the order in which they ended
 */
export function windowsOf(names: readonly NamedUntil[]): readonly Window[] {
  if (!names.some((name) => name.mine)) return [[0, null]]
  const windows: Window[] = []
  for (const item of new Set(names.map((name) => name.item))) {
    let from = 0
    for (const { mine, until } of names.filter((name) => name.item === item)) {
      if (mine && (until === null || until > from)) windows.push([from, until])
      if (until !== null) from = until
    }
  }
  return joinWindows(windows)
}

/** The same times without overlap, in order. */
export function joinWindows(windows: readonly Window[]): readonly Window[] {
  const joined: [number, number | null][] = []
  for (const [from, until] of windows.toSorted((a, b) => a[0] - b[0])) {
    const last = joined.at(-1)
    if (!last || (last[1] !== null && from > last[1])) joined.push([from, until])
    else if (last[1] !== null) last[1] = until === null ? null : Math.max(last[1], until)
  }
  return joined
}

export function isWithin(windows: readonly Window[], time: number): boolean {
  return windows.some(([from, until]) => time >= from && (until === null || time < until))
}

/** Whether the person is named now. */
export function isCurrent(windows: readonly Window[]): boolean {
  return windows.some(([, until]) => until === null)
}
