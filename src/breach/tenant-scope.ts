import type { ItemId } from '#catalog/catalog.ts'
import { type Probe, matches, readableItems } from './criterion.ts'
import type { Touch } from './touch.ts'

/** One record that was touched: connection, kind and subject say exactly which. */
export interface TouchedRecord {
  readonly connection: string | undefined
  readonly kind: string | undefined
  /** As the ledger names it: a keyed commitment, dead once the subject is erased. */
  readonly subject: string
  /** Item to every precision in which it was touched, sorted. */
  readonly items: Readonly<Record<ItemId, readonly string[]>>
  readonly entries: number
  readonly firstSeen: number
  readonly lastSeen: number
}

/** What of one tenant is in the scope. Times are UTC milliseconds. */
export interface TenantScope {
  readonly tenantId: string
  /** Entries of the tenant's log below this index were looked at. */
  readonly completeTo: number
  readonly entries: number
  /** Distinct subjects, sorted. */
  readonly subjects: readonly string[]
  /** Sorted by connection, kind, subject. */
  readonly records: readonly TouchedRecord[]
  readonly items: Readonly<Record<ItemId, readonly string[]>>
  readonly parties: readonly string[]
  readonly firstSeen: number | undefined
  readonly lastSeen: number | undefined
  /** Touched, but unreadable to the holder: not counted above. */
  readonly excluded: { readonly entries: number; readonly subjects: number }
  /** Entries of the time in question that do not say which node made them, where a node was asked for. */
  readonly unattributed: number
}

/** Adds up touches of one tenant, in any order, each once. */
export interface ScopeSum {
  add(touch: Touch): void
  result(): TenantScope
}

interface Sum {
  readonly entries: Set<number>
  first: number
  last: number
  readonly items: Map<ItemId, Set<string>>
}

const newSum = (): Sum => ({
  entries: new Set(),
  first: Number.POSITIVE_INFINITY,
  last: Number.NEGATIVE_INFINITY,
  items: new Map(),
})

/** The union over the probes: an item counts when one of them says that it was readable. */
export function sumScope(parts: {
  readonly tenantId: string
  readonly probes: readonly Probe[]
  readonly completeTo: number
  isSealed(item: ItemId): boolean
}): ScopeSum {
  const { tenantId, probes, completeTo, isSealed } = parts
  const all = newSum()
  const records = new Map<string, { touch: Touch; subject: string; sum: Sum }>()
  const parties = new Set<string>()
  const excluded = { entries: new Set<number>(), subjects: new Set<string>() }
  const unattributed = new Set<number>()
  const byNode = probes.filter((probe) => probe.by === 'node')
  return {
    add: (touch) => {
      if (touch.entryIndex >= completeTo) return
      if (touch.unsentIndex !== undefined && touch.unsentIndex < completeTo) return
      if (touch.node === undefined && byNode.some((one) => inTime(one, tenantId, touch)))
        unattributed.add(touch.entryIndex)
      const matched = probes.filter((probe) => matches(probe, tenantId, touch))
      if (matched.length === 0 || isEmpty(touch)) return
      // Of a subject that was asked for, nobody else's record in the same entry is meant.
      const subjects = subjectsIn(touch, matched)
      const items = new Set(
        matched.flatMap((probe) => readableItems(touch, probe.readable, isSealed)),
      )
      if (items.size === 0 && matched.every((probe) => probe.readable !== 'all')) {
        excluded.entries.add(touch.entryIndex)
        for (const subject of subjects) excluded.subjects.add(subject)
        return
      }
      count(all, touch, items)
      if (touch.party !== undefined) parties.add(touch.party)
      for (const subject of subjects) {
        const name = `${touch.connection ?? ''}\n${touch.recordKind ?? ''}\n${subject}`
        const record = records.get(name) ?? { touch, subject, sum: newSum() }
        records.set(name, record)
        count(record.sum, touch, items)
      }
    },
    result: () => {
      const touched = [...records].toSorted(([a], [b]) => (a < b ? -1 : 1))
      const subjects = new Set(touched.map(([, { subject }]) => subject))
      return {
        tenantId,
        completeTo,
        entries: all.entries.size,
        subjects: [...subjects].toSorted(),
        records: touched.map(([, { touch, subject, sum }]) => ({
          connection: touch.connection,
          kind: touch.recordKind,
          subject,
          items: itemsOf(sum),
          entries: sum.entries.size,
          firstSeen: sum.first,
          lastSeen: sum.last,
        })),
        items: itemsOf(all),
        parties: [...parties].toSorted(),
        firstSeen: all.entries.size > 0 ? all.first : undefined,
        lastSeen: all.entries.size > 0 ? all.last : undefined,
        excluded: {
          entries: excluded.entries.size,
          subjects: [...excluded.subjects].filter((one) => !subjects.has(one)).length,
        },
        unattributed: unattributed.size,
      }
    },
  }
}

function inTime(probe: Probe, tenantId: string, touch: Touch): boolean {
  return matches({ ...probe, by: 'window' }, tenantId, touch)
}

/** A call that carried nothing of anybody puts nothing into hands. */
function isEmpty(touch: Touch): boolean {
  return touch.subjects.length === 0 && Object.keys(touch.items).length === 0
}

function subjectsIn(touch: Touch, matched: readonly Probe[]): readonly string[] {
  if (matched.some((probe) => probe.by !== 'subject')) return touch.subjects
  return touch.subjects.filter((one) => matched.some((probe) => probe.names.includes(one)))
}

function count(sum: Sum, touch: Touch, items: ReadonlySet<ItemId>): void {
  sum.entries.add(touch.entryIndex)
  sum.first = Math.min(sum.first, touch.at)
  sum.last = Math.max(sum.last, touch.at)
  for (const item of items) {
    const precisions = sum.items.get(item) ?? new Set()
    sum.items.set(item, precisions.add(touch.items[item] ?? 'exact'))
  }
}

function itemsOf(sum: Sum): Record<ItemId, readonly string[]> {
  const sorted = [...sum.items].toSorted(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(sorted.map(([item, precisions]) => [item, [...precisions].toSorted()]))
}
