import type { Reader } from '#database/handles.ts'
import { type EntryClass, countEntriesByDay } from '#ledger/count-kinds.ts'
import { type DeviceCount, type DeviceGrouping, countDevices } from '#records/count-devices.ts'
import { dayAfter, dayOf, startOfDay } from './day.ts'
import { REPORTS, type ReportDefinition, closedCells } from './definition.ts'
import type { CountedCell } from './suppression/counted.ts'

/** What the log tells of what was done, by who did it. */
export const ACTIVITIES: readonly EntryClass[] = [
  { name: 'sharing', kinds: ['disclosure'] },
  { name: 'refusals', kinds: ['refusal', 'access.refused'] },
  { name: 'looks', kinds: ['read', 'reveal'], actor: 'others' },
  { name: 'supportLooks', kinds: ['read', 'reveal'], actor: 'operator:' },
]
const ACTIVITY_DAYS = 30

/** The true counts of reports on devices; of one state of the database where the reader has one. */
export async function countReports(
  reader: Reader,
  reports: readonly ReportDefinition[],
  tag: string | undefined,
  now: number,
): Promise<ReadonlyMap<string, readonly CountedCell[]>> {
  const found = new Map<string, readonly CountedCell[]>()
  const known = new Map<DeviceGrouping, readonly DeviceCount[]>()
  for (const { id, columns } of reports) {
    // Where platforms alone are asked for, any grouping adds up to them.
    const grouping = columns === undefined || columns === 'day' ? 'compliance' : columns
    const counts = known.get(grouping) ?? (await countDevices(reader, { tag, grouping, now }))
    known.set(grouping, counts)
    const cells = counts.map(({ platform, group, count, rest }) => ({
      row: platform,
      column: columns === undefined ? '' : group,
      count,
      rest,
    }))
    found.set(id, columns === undefined ? summed(cells) : cells)
  }
  return found
}

/** Whole days only, the last of them yesterday (UTC): a day that still grows would be another one at every look. */
export async function countActivity(reader: Reader, now: number): Promise<readonly CountedCell[]> {
  const today = dayOf(now)
  const counts = await countEntriesByDay(reader, ACTIVITIES, {
    from: startOfDay(dayAfter(today, -ACTIVITY_DAYS)),
    to: startOfDay(today),
  })
  return counts.map(({ name, day, count }) => ({ row: name, column: day, count, rest: 0 }))
}

export const DEVICE_REPORTS = REPORTS.filter((report) => report.counts === 'devices')

/** With noise, a group that is the same everywhere is told of whether anybody is in it or not. */
export function withEmptyGroups(
  report: ReportDefinition,
  cells: readonly CountedCell[],
): readonly CountedCell[] {
  const closed = closedCells(report)
  if (!closed) return cells
  const found = new Map(cells.map((cell) => [JSON.stringify([cell.row, cell.column]), cell]))
  return closed.map(
    ({ row, column }) =>
      found.get(JSON.stringify([row, column])) ?? { row, column, count: 0, rest: 0 },
  )
}

function summed(cells: readonly CountedCell[]): readonly CountedCell[] {
  const rows = Map.groupBy(cells, (cell) => cell.row)
  return [...rows].map(([row, parts]) => ({
    row,
    column: '',
    count: parts.reduce((sum, part) => sum + part.count, 0),
    rest: parts.reduce((sum, part) => sum + part.rest, 0),
  }))
}
