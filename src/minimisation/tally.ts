import type { ItemId } from '#catalog/catalog.ts'
import type { Projected } from './projection.ts'

/** What one run of a projection counts, by the number of the item. Used again for the next document. */
export interface Tally {
  readonly passed: Uint32Array
  readonly withheld: Uint32Array
  unknown: number
  readonly subjects: string[]
  /** The same as `subjects`, once there are many, so that each is found quickly. */
  seen: Set<string> | undefined
}

export function newTally(items: readonly ItemId[]): Tally {
  return {
    passed: new Uint32Array(items.length),
    withheld: new Uint32Array(items.length),
    unknown: 0,
    subjects: [],
    seen: undefined,
  }
}

export function clear(tally: Tally): void {
  tally.passed.fill(0)
  tally.withheld.fill(0)
  tally.unknown = 0
  tally.subjects.length = 0
  tally.seen = undefined
}

const FEW = 8

/** Adds a subject unless it is there already. */
export function addSubject(tally: Tally, subject: string): void {
  const { subjects } = tally
  if (subjects.length >= FEW) {
    tally.seen ??= new Set(subjects)
    if (tally.seen.has(subject)) return
    tally.seen.add(subject)
  } else if (subjects.includes(subject)) return
  subjects.push(subject)
}

/** The counts as plain records that hold only items with a count. */
export function projected(
  json: string | undefined,
  tally: Tally,
  items: readonly ItemId[],
): Projected {
  return {
    json,
    withheld: byItem(items, tally.withheld),
    unknown: tally.unknown,
    subjects: tally.subjects.slice(),
    passed: byItem(items, tally.passed),
  }
}

function byItem(items: readonly ItemId[], counts: Uint32Array): Record<ItemId, number> {
  const found: Record<ItemId, number> = {}
  for (let i = 0; i < counts.length; i++) {
    const count = counts[i] as number
    if (count > 0) found[items[i] as ItemId] = count
  }
  return found
}
