/** A property list as it is read: what was XML and what was binary cannot be told apart. */
export type PlistValue =
  | string
  | number
  | boolean
  | PlistData
  | readonly PlistValue[]
  | ReadonlyMap<string, PlistValue>

/** Bytes are only counted: all that comes as data in these messages is a secret, a certificate or a report. */
export class PlistData {
  readonly size: number
  constructor(size: number) {
    this.size = size
  }
}

/** Far beyond any answer of a device, which nests six levels and may list a few thousand apps. */
export const DEEPEST = 24
export const MOST_VALUES = 200_000

/** Not a property list within the bounds. What is wrong is named by a word, never by what came. */
export class PlistFault extends Error {}

/** Counts the values that a reader makes, so that no document makes more of them than it may. */
export class Bounds {
  #values = 0

  /** @throws PlistFault beyond the bounds */
  enter(depth: number): void {
    this.#values++
    if (this.#values > MOST_VALUES) throw new PlistFault('too many values')
    if (depth > DEEPEST) throw new PlistFault('nested too deeply')
  }
}

/** A whole number as JSON can carry it: exact, as text where a double would round it. */
export function wholeNumber(value: bigint): number | string {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value.toString()
}

/** @throws PlistFault for a time that is none */
export function timeOf(milliseconds: number): string {
  const time = new Date(milliseconds)
  if (Number.isNaN(time.getTime())) throw new PlistFault('not a time')
  return time.toISOString()
}
