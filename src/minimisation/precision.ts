import type { DataItem } from '#catalog/catalog.ts'
import type { Precision } from '#catalog/precision.ts'
import type { KeyedHash } from '#foundation/hashing.ts'

type Kind =
  | 'exact'
  | 'truncate'
  | 'round'
  | 'bucket'
  | 'domain'
  | 'day'
  | 'month'
  | 'network'
  | 'pseudonym'
  | 'threshold'
  | 'withheld'

interface Parsed {
  readonly kind: Kind
  readonly numbers: readonly number[]
}

const PATTERNS: Readonly<Record<Kind, RegExp>> = {
  exact: /^exact$/,
  truncate: /^truncate:([1-9]\d{0,3})$/,
  round: /^round:([1-9]\d{0,8})$/,
  bucket: /^bucket:(\d{1,9}(?:,\d{1,9}){1,19})$/,
  domain: /^domain$/,
  day: /^day$/,
  month: /^month$/,
  network: /^network$/,
  pseudonym: /^pseudonym$/,
  threshold: /^threshold:(\d{1,9})$/,
  withheld: /^withheld$/,
}

/** Reads a precision; undefined for text that is none, such as bounds that do not ascend. */
export function parsePrecision(text: string): Parsed | undefined {
  for (const [kind, pattern] of Object.entries(PATTERNS) as [Kind, RegExp][]) {
    const match = pattern.exec(text)
    if (!match) continue
    const numbers = (match[1] ?? '').split(',').filter(Boolean).map(Number)
    return numbers.every((n, i) => i === 0 || n > (numbers[i - 1] ?? 0))
      ? { kind, numbers }
      : undefined
  }
  return undefined
}

/**
 * The order of the lattice: is `coarser` derivable from `finer`, so that going from one to the other only
 * loses? `exact` is above all, `withheld` below all; a longer truncation is above a shorter, a rounding
 * above its multiples, a day above a month, buckets above those whose bounds are among theirs.
 */
export function isAtMost(coarser: Precision, finer: Precision): boolean {
  if (coarser === finer || coarser === 'withheld' || finer === 'exact') return true
  const low = parsePrecision(coarser)
  const high = parsePrecision(finer)
  if (!low || !high) return false
  const [a = 0] = low.numbers
  const [b = 0] = high.numbers
  if (low.kind === 'month') return high.kind === 'day'
  if (low.kind === 'truncate') return high.kind === 'truncate' && a <= b
  if (low.kind === 'bucket')
    return high.kind === 'bucket' && low.numbers.every((n) => high.numbers.includes(n))
  if (low.kind === 'threshold') return high.kind === 'bucket' && high.numbers.includes(a)
  return false
}

/**
 * The precision that both the purpose and the tenant accept (P6: only downward). Where the two cannot be
 * compared there is no precision that is at most both but `withheld`.
 *
 * @param chosen what the tenant chose, if anything; text that the item does not allow counts as `withheld`
 */
export function choosePrecision(
  item: DataItem,
  most: Precision,
  chosen: string | undefined,
): Precision {
  const meet = chosen === undefined ? most : lower(most, chosen)
  return allowed(item, meet) ? meet : 'withheld'
}

function lower(most: Precision, chosen: string): Precision {
  if (!parsePrecision(chosen)) return 'withheld'
  if (isAtMost(chosen as Precision, most)) return chosen as Precision
  return isAtMost(most, chosen as Precision) ? most : 'withheld'
}

/** Whether a tenant may choose it for the item. */
export function allowed(item: DataItem, precision: string): precision is Precision {
  return precision === 'withheld' || (item.precisions as readonly string[]).includes(precision)
}

/** One value made less exact; `undefined` when the value does not have the form that the precision needs. */
export type Coarsen = (value: string | number | boolean) => string | number | boolean | undefined

const EMAIL = /^[^@\s]+@([A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?)$/
const URL_HOST =
  /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?#@]*@)?([A-Za-z0-9.-]{1,253})(?::\d{1,5})?(?:[/?#]|$)/i
const TIME = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?:[T ]|$)/
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)$/

/** Prepares a precision for many values. @throws RangeError for text that is no precision */
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
      return (value) => pseudonymise(String(value))
    case 'truncate':
      return (value) => (typeof value === 'string' ? firstCharacters(value, n) : undefined)
    case 'domain':
      return (value) => (typeof value === 'string' ? domainOf(value) : undefined)
    case 'day':
      return (value) => dateOf(value)?.slice(0, 10)
    case 'month':
      return (value) => dateOf(value)?.slice(0, 7)
    case 'network':
      return (value) => (typeof value === 'string' ? networkOf(value) : undefined)
    case 'round':
      return (value) => (isInteger(value) ? Math.round(value / n) * n + 0 : undefined)
    case 'bucket':
      return (value) => (isInteger(value) ? bucketOf(value, parsed.numbers) : undefined)
    case 'threshold':
      return (value) => (isInteger(value) ? value >= n : undefined)
  }
}

function isInteger(value: string | number | boolean): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value)
}

/** By code point, so that no character is cut in half. */
function firstCharacters(text: string, count: number): string {
  return text.length <= count ? text : [...text.slice(0, count * 2)].slice(0, count).join('')
}

function domainOf(text: string): string | undefined {
  return (EMAIL.exec(text)?.[1] ?? URL_HOST.exec(text)?.[1])?.toLowerCase()
}

function dateOf(value: string | number | boolean): string | undefined {
  if (typeof value !== 'string' || !TIME.test(value)) return undefined
  const milliseconds = Date.parse(value.length === 10 ? `${value}T00:00:00Z` : value)
  return Number.isNaN(milliseconds) ? undefined : new Date(milliseconds).toISOString()
}

function networkOf(text: string): string | undefined {
  if (IPV4.test(text)) return `${text.split('.').slice(0, 3).join('.')}.0/24`
  const groups = expandIpv6(text)
  return (
    groups &&
    `${groups
      .slice(0, 3)
      .map((group) => group.toString(16))
      .join(':')}::/48`
  )
}

function expandIpv6(text: string): number[] | undefined {
  if (!/^[0-9a-f:]{2,39}$/i.test(text)) return undefined
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const [head = [], tail = []] = halves.map((half) => (half === '' ? [] : half.split(':')))
  const missing = 8 - head.length - tail.length
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined
  const groups = [...head, ...Array.from({ length: missing }, () => '0'), ...tail]
  return groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))
    ? groups.map((group) => Number.parseInt(group, 16))
    : undefined
}

function bucketOf(value: number, bounds: readonly number[]): string {
  const above = bounds.findIndex((bound) => value < bound)
  if (above === 0) return `<${bounds[0]}`
  if (above < 0) return `>=${bounds.at(-1)}`
  return `${bounds[above - 1]}-${(bounds[above] ?? 0) - 1}`
}
