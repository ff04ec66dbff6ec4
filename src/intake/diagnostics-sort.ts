import {
  DIAGNOSTICS_ITEMS,
  type DiagnosticsForm,
  type DiagnosticsItem,
  type DiagnosticsLevel,
  rankOf,
} from '#catalog/diagnostics.ts'
import type { Json } from '#foundation/canonical-json.ts'
import { holdsIdentifier, isProductText } from './diagnostics-words.ts'

/** What a site reports, before anything was done to it. */
export interface DiagnosticsReport {
  /** The hierarchy's own id, by which its packages belong together. */
  readonly hierarchyId: string
  readonly productVersion: string
  readonly collectedAt: number
  readonly results: readonly { readonly item: string; readonly value: unknown }[]
}

/** Why something is not taken in. */
export type DropReason =
  | 'above_level'
  | 'never_collected'
  | 'unknown_item'
  | 'repeated_item'
  | 'identifier'
  | 'not_a_figure'
  | 'too_long'
  | 'too_deep'

/** What happens to one value, and where it stands in what was sent. */
export interface SortedValue {
  readonly at: string
  readonly outcome: 'kept' | 'hashed' | 'dropped'
  readonly reason?: DropReason
  /** As it was sent; absent where it is dropped, because an answer too may be kept for its repetition. */
  readonly value?: string | number | boolean
  readonly keyed?: string
}

export interface SortedItem {
  readonly id: string
  readonly item: DiagnosticsItem | undefined
  readonly outcome: 'kept' | 'reduced' | 'dropped'
  readonly reason?: DropReason
  /** Exactly what would be kept; undefined when nothing is. */
  readonly kept?: Json
  readonly values: readonly SortedValue[]
}

const LONGEST_TEXT = 2_000
const DEEPEST = 3
const DROPPED = Symbol('dropped')

/**
 * Says of each item of a report what is kept, kept in keyed form, or dropped, and why. Pure: nothing is kept here.
 *
 * @param keyed a text's form under the tenant's key
 */
export function sortDiagnostics(
  report: Pick<DiagnosticsReport, 'results'>,
  level: DiagnosticsLevel,
  keyed: (text: string) => string,
): readonly SortedItem[] {
  const seen = new Set<string>()
  return report.results.map(({ item: id, value }) => {
    const item = DIAGNOSTICS_ITEMS.get(id)
    const reason = reasonAgainst(item, level) ?? (seen.has(id) ? 'repeated_item' : undefined)
    seen.add(id)
    if (!item || reason) {
      return { id, item, outcome: 'dropped', reason: reason ?? 'unknown_item', values: [] }
    }
    const values: SortedValue[] = []
    const kept = sortValue(value, '', { form: item.form, keyed, values }, 0)
    if (kept === DROPPED) {
      const [first] = values
      const why = first?.reason === undefined ? {} : { reason: first.reason }
      return { id, item, outcome: 'dropped', ...why, values }
    }
    const whole = values.every(({ outcome }) => outcome === 'kept')
    return { id, item, outcome: whole ? 'kept' : 'reduced', kept, values }
  })
}

function reasonAgainst(
  item: DiagnosticsItem | undefined,
  level: DiagnosticsLevel,
): DropReason | undefined {
  if (!item) return 'unknown_item'
  if (item.need === 'never' || item.personal) return 'never_collected'
  return rankOf(item.level) > rankOf(level) ? 'above_level' : undefined
}

interface Sorting {
  readonly form: DiagnosticsForm
  readonly keyed: (text: string) => string
  readonly values: SortedValue[]
}

function sortValue(
  value: unknown,
  at: string,
  sorting: Sorting,
  depth: number,
): Json | typeof DROPPED {
  const drop = (reason: DropReason): typeof DROPPED => {
    sorting.values.push({ at, outcome: 'dropped', reason })
    return DROPPED
  }
  if (typeof value === 'number' || typeof value === 'boolean') {
    sorting.values.push({ at, outcome: 'kept', value })
    return value
  }
  if (typeof value === 'string') return sortText(value, at, sorting, false)
  if (value === null || value === undefined) return drop('not_a_figure')
  if (depth >= DEEPEST) return drop('too_deep')
  return Array.isArray(value)
    ? sortArray(value, at, sorting, depth)
    : sortMembers(value as Record<string, unknown>, at, sorting, depth)
}

function sortArray(
  value: readonly unknown[],
  at: string,
  sorting: Sorting,
  depth: number,
): Json | typeof DROPPED {
  const kept = value
    .map((one, i) => sortValue(one, `${at}/${i}`, sorting, depth + 1))
    .filter((one) => one !== DROPPED)
  return kept.length > 0 || value.length === 0 ? kept : DROPPED
}

/** Members are figures by name: the name is a value too. Places tell by number, since a name may be a person's. */
function sortMembers(
  value: Record<string, unknown>,
  at: string,
  sorting: Sorting,
  depth: number,
): Json | typeof DROPPED {
  const members = Object.entries(value)
  const kept: Record<string, Json> = {}
  for (const [i, [name, member]] of members.entries()) {
    const place = `${at}/${i}`
    const keptName = sortText(name, `${place}#`, sorting, true)
    if (typeof keptName !== 'string') continue
    const keptMember = sortValue(member, place, sorting, depth + 1)
    if (keptMember !== DROPPED) Object.defineProperty(kept, keptName, plain(keptMember))
  }
  return Object.keys(kept).length > 0 || members.length === 0 ? kept : DROPPED
}

/** As JSON has members: `__proto__` is a name like any other. */
const plain = (value: Json): PropertyDescriptor => ({
  value,
  enumerable: true,
  configurable: true,
  writable: true,
})

function sortText(
  value: string,
  at: string,
  { form, keyed, values }: Sorting,
  isName: boolean,
): string | typeof DROPPED {
  const drop = (reason: DropReason): typeof DROPPED => {
    values.push({ at, outcome: 'dropped', reason })
    return DROPPED
  }
  if (value.length > LONGEST_TEXT) return drop('too_long')
  if (holdsIdentifier(value)) return drop('identifier')
  if (form !== 'hashes' && isProductText(value)) {
    values.push({ at, outcome: 'kept', value })
    return value
  }
  if (form === 'figures' && !isName) return drop('not_a_figure')
  const hidden = keyed(value)
  values.push({ at, outcome: 'hashed', value, keyed: hidden })
  return hidden
}
