import type { DataItem } from '#catalog/catalog.ts'
import type { Precision } from '#catalog/precision.ts'

type Plain = 'exact' | 'domain' | 'day' | 'month' | 'network' | 'pseudonym' | 'withheld'
type Counted = 'truncate' | 'round' | 'bucket' | 'threshold'

/** A precision read: its kind, and its numbers where it has some (a length, a step, bounds). */
export interface ParsedPrecision {
  readonly kind: Plain | Counted
  readonly numbers: readonly number[]
}

const PATTERNS: Readonly<Record<ParsedPrecision['kind'], RegExp>> = {
  exact: /^exact$/,
  truncate: /^truncate:([1-9]\d{0,3})$/,
  round: /^round:([1-9]\d{0,8})$/,
  bucket: /^bucket:((?:0|[1-9]\d{0,8})(?:,(?:0|[1-9]\d{0,8})){1,19})$/,
  domain: /^domain$/,
  day: /^day$/,
  month: /^month$/,
  network: /^network$/,
  pseudonym: /^pseudonym$/,
  threshold: /^threshold:(0|[1-9]\d{0,8})$/,
  withheld: /^withheld$/,
}

/**
 * Reads a precision. Each has one spelling only: `undefined` for any other text, such as a leading zero or
 * bounds that do not ascend.
 */
export function parsePrecision(text: string): ParsedPrecision | undefined {
  for (const [kind, pattern] of Object.entries(PATTERNS)) {
    const match = pattern.exec(text)
    if (!match) continue
    const numbers = match[1] === undefined ? [] : match[1].split(',').map(Number)
    const ascending = numbers.every((n, i) => i === 0 || n > (numbers[i - 1] ?? 0))
    return ascending ? { kind: kind as ParsedPrecision['kind'], numbers } : undefined
  }
  return undefined
}

export function isPrecision(text: string): text is Precision {
  return parsePrecision(text) !== undefined
}

/**
 * The order of the lattice: can `coarser` be worked out from `finer`, so that going down only loses?
 *
 * `exact` is above all and `withheld` below all; a longer truncation is above a shorter, a day above its
 * month, buckets above those whose bounds are among theirs. A rounding is above its odd multiples only: 4
 * and 5 both round to 5, but to 0 and 10 where the step is 10, so that step tells them apart. Nothing but
 * `withheld` is below `pseudonym`, since nothing can be worked out from a keyed name. Text that is no
 * precision is at most itself, `exact` and nothing else.
 */
export function isAtMost(coarser: Precision, finer: Precision): boolean {
  if (coarser === finer || coarser === 'withheld' || finer === 'exact') return true
  const low = parsePrecision(coarser)
  const high = parsePrecision(finer)
  if (!low || !high) return false
  switch (low.kind) {
    case 'month':
      return high.kind === 'day'
    case 'truncate':
      return high.kind === 'truncate' && first(low) <= first(high)
    case 'round':
      return high.kind === 'round' && (first(low) / first(high)) % 2 === 1
    case 'bucket':
    case 'threshold':
      return low.numbers.every((bound) => isBoundary(bound, high))
    case 'exact':
    case 'domain':
    case 'day':
    case 'network':
    case 'pseudonym':
    case 'withheld':
      return false
  }
}

function first(parsed: ParsedPrecision): number {
  return parsed.numbers[0] ?? 0
}

/** Does `precision` tell the integers below `bound` from those at or above it? */
function isBoundary(bound: number, precision: ParsedPrecision): boolean {
  if (precision.kind === 'bucket') return precision.numbers.includes(bound)
  if (precision.kind !== 'round') return false
  const step = first(precision)
  // Halves go up, so the first integer of each cell is an odd multiple of step / 2, rounded up.
  return Math.abs(2 * bound - (step % 2)) % (2 * step) === step
}

/** Whether a tenant may choose it for the item. `withheld` always. */
export function allowed(item: DataItem, precision: string): precision is Precision {
  return precision === 'withheld' || (item.precisions as readonly string[]).includes(precision)
}

/**
 * The most exact precision that the item, the purpose and the tenant all accept (P6: only downward); never
 * more exact than either of the two. Where those cannot be compared, that is often `withheld`.
 *
 * @param most    the most that the purpose allows; text that is no precision counts as `withheld`
 * @param chosen  what the tenant chose, if anything; text that the item does not allow counts as `withheld`
 */
export function choosePrecision(
  item: DataItem,
  most: Precision,
  chosen: string | undefined,
): Precision {
  if (!isPrecision(most)) return 'withheld'
  if (chosen !== undefined && !allowed(item, chosen)) return 'withheld'
  const accepted = item.precisions.filter(
    (one) => isAtMost(one, most) && (chosen === undefined || isAtMost(one, chosen)),
  )
  const above = (one: Precision) => accepted.some((other) => other !== one && isAtMost(one, other))
  return accepted.find((one) => !above(one)) ?? 'withheld'
}
