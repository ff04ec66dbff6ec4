import type { TenantScope, TouchedRecord } from './tenant-scope.ts'

/** What a later look at one tenant shows beside an earlier one. */
export interface TenantDifference {
  readonly tenantId: string
  readonly change: 'new' | 'more' | 'less' | 'moreAndLess' | 'same' | 'gone'
  readonly addedSubjects: number
  readonly removedSubjects: number
  readonly addedRecords: number
  readonly removedRecords: number
  /** Items of the tenant that are touched now and were not. */
  readonly addedItems: readonly string[]
  readonly removedItems: readonly string[]
  /** Items of a record that was touched before, too; or a finer precision of one. */
  readonly widerRecords: number
  /** Whether what they were told is no longer all that there is to tell. */
  readonly mustBeToldMore: boolean
}

/** Compares two looks of an incident, tenant by tenant; those that neither touched are left out. */
export function differenceOf(
  before: readonly TenantScope[],
  after: readonly TenantScope[],
): readonly TenantDifference[] {
  const ids = [...new Set([...before, ...after].map((one) => one.tenantId))].toSorted()
  return ids.flatMap((tenantId) => {
    const old = before.find((one) => one.tenantId === tenantId && one.entries > 0)
    const now = after.find((one) => one.tenantId === tenantId && one.entries > 0)
    return old || now ? [compare(tenantId, old, now)] : []
  })
}

function compare(
  tenantId: string,
  old: TenantScope | undefined,
  now: TenantScope | undefined,
): TenantDifference {
  const records = { old: byName(old), now: byName(now) }
  const subjects = { old: new Set(old?.subjects), now: new Set(now?.subjects) }
  const items = { old: precisions(old?.items), now: precisions(now?.items) }
  const added = missing(records.now.keys(), records.old)
  const removed = missing(records.old.keys(), records.now)
  const common = [...records.now].filter(([name]) => records.old.has(name))
  const isWider = ([name, record]: [string, TouchedRecord]): boolean =>
    missing(precisions(record.items), precisions(records.old.get(name)?.items)).length > 0
  const isNarrower = ([name, record]: [string, TouchedRecord]): boolean =>
    missing(precisions(records.old.get(name)?.items), precisions(record.items)).length > 0
  const wider = common.filter(isWider).length
  const addedItems = missing(items.now, items.old)
  const removedItems = missing(items.old, items.now)
  const more = added.length + wider + addedItems.length > 0
  const less = removed.length + removedItems.length + common.filter(isNarrower).length > 0
  return {
    tenantId,
    change: changeOf(old, now, more, less),
    addedSubjects: missing(subjects.now, subjects.old).length,
    removedSubjects: missing(subjects.old, subjects.now).length,
    addedRecords: added.length,
    removedRecords: removed.length,
    addedItems,
    removedItems,
    widerRecords: wider,
    mustBeToldMore: now !== undefined && (old === undefined || more),
  }
}

function changeOf(
  old: TenantScope | undefined,
  now: TenantScope | undefined,
  more: boolean,
  less: boolean,
): TenantDifference['change'] {
  if (!old) return 'new'
  if (!now) return 'gone'
  if (more) return less ? 'moreAndLess' : 'more'
  return less ? 'less' : 'same'
}

function byName(scope: TenantScope | undefined): ReadonlyMap<string, TouchedRecord> {
  return new Map(
    (scope?.records ?? []).map((one) => [`${one.connection} ${one.kind} ${one.subject}`, one]),
  )
}

function precisions(items: TenantScope['items'] = {}): ReadonlySet<string> {
  return new Set(Object.entries(items).flatMap(([item, all]) => all.map((one) => `${item} ${one}`)))
}

function missing(these: Iterable<string>, those: { has(name: string): boolean }): string[] {
  return [...these].filter((one) => !those.has(one))
}
