import { CLOSED_GROUPS, type DeviceGrouping, PLATFORMS } from '#records/count-devices.ts'

/** A report that ships: what is counted by what. */
export interface ReportDefinition {
  readonly id: string
  readonly title: { readonly en: string; readonly sv: string }
  readonly counts: 'devices' | 'events'
  /** What the rows and columns of its table are; `group` is undefined where platforms alone are counted. */
  readonly rows: 'platform' | 'activity'
  readonly columns: DeviceGrouping | 'day' | undefined
  /** Sums of the columns are shown too. In a nested report a column belongs to its row: a model has one platform. */
  readonly crossed: boolean
}

const devices = (
  id: string,
  columns: DeviceGrouping | undefined,
  en: string,
  sv: string,
): ReportDefinition => ({
  id,
  title: { en, sv },
  counts: 'devices',
  rows: 'platform',
  columns,
  crossed: columns !== undefined && CLOSED_GROUPS[columns] !== undefined,
})

/**
 * Every report. All reports on devices share the platform and nothing else, so that two of them together say no more
 * than each says beside the sums of the platforms, which suppression takes as known anyway.
 */
export const REPORTS: readonly ReportDefinition[] = [
  devices('devicesByPlatform', undefined, 'Devices by platform', 'Enheter per plattform'),
  devices('devicesByModel', 'model', 'Devices by model', 'Enheter per modell'),
  devices('devicesByOsVersion', 'osVersion', 'Devices by OS version', 'Enheter per OS-version'),
  devices('devicesByCompliance', 'compliance', 'Devices by compliance', 'Enheter per efterlevnad'),
  devices(
    'devicesByStorage',
    'storage',
    'Devices by free storage in GB',
    'Enheter per ledigt lagringsutrymme i GB',
  ),
  devices(
    'devicesByLastContact',
    'lastContact',
    'Devices by last contact',
    'Enheter per senaste kontakt',
  ),
  devices(
    'devicesByEnrolment',
    'enrolment',
    'Devices by enrolment type',
    'Enheter per registreringstyp',
  ),
  devices(
    'devicesByAppCount',
    'appCount',
    'Devices by number of managed apps',
    'Enheter per antal hanterade appar',
  ),
  {
    id: 'activityByDay',
    title: {
      en: 'Sharing, refusals and looks by day',
      sv: 'Delningar, avslag och visningar per dag',
    },
    counts: 'events',
    rows: 'activity',
    columns: 'day',
    crossed: false,
  },
]

export function reportOf(id: string): ReportDefinition | undefined {
  return REPORTS.find((report) => report.id === id)
}

/** The cells of a report whose rows and columns are the same everywhere; undefined where they are what is found. */
export function closedCells(
  report: ReportDefinition,
): readonly { readonly row: string; readonly column: string }[] | undefined {
  if (report.counts !== 'devices') return undefined
  const { columns } = report
  if (columns === undefined) return PLATFORMS.map((row) => ({ row, column: '' }))
  const groups = columns === 'day' ? undefined : CLOSED_GROUPS[columns]
  return groups && PLATFORMS.flatMap((row) => groups.map((column) => ({ row, column })))
}
