import type { Precision } from '#catalog/precision.ts'
import type { KeyedHash } from '#foundation/hashing.ts'
import { networkOf } from './coarsen/network.ts'
import { bucketOf, isWhole, roundTo } from './coarsen/numbers.ts'
import { domainOf, firstCharacters, instantOf } from './coarsen/text.ts'
import { parsePrecision } from './precision.ts'

export type Value = string | number | boolean

/** One value made less exact; `undefined` when the value does not have the form that the precision needs. */
export type Coarsen = (value: Value) => Value | undefined

/**
 * Prepares a precision for many values. A value that does not fit it (no e-mail address for `domain`, no
 * whole number for `round`) is kept back, never passed as it is.
 *
 * @throws RangeError for text that is no precision
 */
export function coarsener(precision: Precision, pseudonymise: KeyedHash): Coarsen {
  const parsed = parsePrecision(precision)
  if (!parsed) throw new RangeError('not a precision')
  const [n = 0] = parsed.numbers
  switch (parsed.kind) {
    case 'exact':
      return (value) => value
    case 'withheld':
      return () => undefined
    case 'pseudonym':
      return (value) => pseudonymOf(value, pseudonymise)
    case 'truncate':
      return ofText((text) => firstCharacters(text, n))
    case 'domain':
      return ofText(domainOf)
    case 'day':
      return ofText((text) => instantOf(text)?.slice(0, 10))
    case 'month':
      return ofText((text) => instantOf(text)?.slice(0, 7))
    case 'network':
      return ofText(networkOf)
    case 'round':
      return (value) => (isWhole(value) ? roundTo(value, n) : undefined)
    case 'bucket':
      return (value) => (isWhole(value) ? bucketOf(value, parsed.numbers) : undefined)
    case 'threshold':
      return (value) => (isWhole(value) ? value >= n : undefined)
  }
}

/** One value at one precision; see `coarsener`. */
export function coarsen(
  value: Value,
  precision: Precision,
  pseudonymise: KeyedHash,
): Value | undefined {
  return coarsener(precision, pseudonymise)(value)
}

const ofText =
  (change: (text: string) => string | undefined): Coarsen =>
  (value) =>
    typeof value === 'string' ? change(value) : undefined

/**
 * Yes and no have no pseudonym: of two names the reader soon knows which is which. Nor has text with half a
 * surrogate pair: in UTF-8 all halves look the same, and two people would get one name.
 */
function pseudonymOf(value: Value, pseudonymise: KeyedHash): string | undefined {
  if (typeof value === 'boolean') return undefined
  const text = String(value)
  return text.isWellFormed() ? pseudonymise(text) : undefined
}
