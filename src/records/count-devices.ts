import type { Reader } from '#database/handles.ts'

/** What devices can be counted by: plain facts only, since what is sealed is not there for SQL. */
export const DEVICE_GROUPINGS = [
  'model',
  'osVersion',
  'compliance',
  'storage',
  'lastContact',
  'enrolment',
  'appCount',
] as const
export type DeviceGrouping = (typeof DEVICE_GROUPINGS)[number]

export const PLATFORMS = [
  'iOS/iPadOS',
  'macOS',
  'tvOS',
  'watchOS',
  'visionOS',
  'Android',
  'ChromeOS',
  'Windows',
  'Linux',
  'unknown',
] as const

/** The groups of those groupings that have the same ones everywhere; the others have what is found. */
export const CLOSED_GROUPS: Readonly<Partial<Record<DeviceGrouping, readonly string[]>>> = {
  compliance: ['compliant', 'notCompliant', 'unknown'],
  storage: ['under 8', '8 to 31', '32 to 127', '128 or more', 'unknown'],
  lastContact: ['within 1 day', 'within 7 days', 'within 30 days', 'within 90 days', 'longer ago'],
  enrolment: ['automated', 'user', 'byDevice', 'managed', 'unknown'],
  appCount: ['0', '1 to 9', '10 to 49', '50 or more', 'unknown'],
}

/** How many devices of one platform fall into one group, within the asked scope and outside it. */
export interface DeviceCount {
  readonly platform: string
  readonly group: string
  readonly count: number
  readonly rest: number
}

const MOST_SENSIBLE = 1_000_000
const DAY_IN_MS = 86_400_000
/** Where "within 90 days" and so on begin, the oldest first. */
const CONTACT_DAYS = [90, 30, 7, 1]

export interface DeviceQuestion {
  /** The scope tag that is asked about; undefined is the whole tenant. */
  readonly tag: string | undefined
  readonly grouping: DeviceGrouping
  /** Milliseconds since 1970: "within 7 days" is seen from here. */
  readonly now: number
}

/**
 * Counts the tenant's devices that were not removed by platform and by one grouping. A subject counts once, however many
 * connections know its device: by the record that was seen last. Several counts are of one state when they are made in
 * one `read`.
 */
export async function countDevices(
  reader: Reader,
  { tag, grouping, now }: DeviceQuestion,
): Promise<readonly DeviceCount[]> {
  // The planner takes what is read out of a document for as varied as the documents, and would sort a million rows to
  // put them into a handful of groups.
  await reader.rows(`select set_config('enable_sort', 'off', true)`)
  const counts =
    tag === undefined
      ? 'count(*) as count, 0 as rest'
      : 'count(*) filter (where $3 = any(scope_tags)) as count, count(*) filter (where not $3 = any(scope_tags)) as rest'
  const rows = await reader.rows<{ platform: string; group: string; count: number; rest: number }>(
    `select ${PLATFORM} as platform, ${GROUPS[grouping]} as "group", ${counts}
       from (${await devicesOf(reader)}) d
      where $2::timestamptz[] is not null
      group by 1, 2`,
    [
      reader.tenantId,
      CONTACT_DAYS.map((days) => new Date(now - days * DAY_IN_MS)),
      ...(tag === undefined ? [] : [tag]),
    ],
  )
  await reader.rows(`select set_config('enable_sort', 'on', true)`)
  return rows.map((row) => ({ ...row, count: Number(row.count), rest: Number(row.rest) }))
}

function missing(): never {
  throw new Error('a grouping has other groups than bounds')
}

/** Where one connection alone knows devices, its key says already that each subject has one record. */
async function devicesOf(reader: Reader): Promise<string> {
  const [ends] = await reader.rows<{ first: string | null; last: string | null }>(
    'select min(connection_id) as first, max(connection_id) as last from records where tenant_id = $1',
    [reader.tenantId],
  )
  const where = `where tenant_id = $1 and kind = 'device' and removed_at is null`
  return ends?.first === ends?.last
    ? `select clear, last_seen, scope_tags from records ${where}`
    : `select distinct on (subject_id) clear, last_seen, scope_tags from records ${where}
        order by subject_id, last_seen desc, record_id`
}

const text = (item: string): string => `clear ->> '${item}'`

/** Told apart by how the names begin; `case` works its operand out once for each row. */
const BEGINNINGS: Readonly<Record<Exclude<(typeof PLATFORMS)[number], 'unknown'>, string>> = {
  'iOS/iPadOS': 'ios ipa iph',
  macOS: 'mac osx os_ com',
  tvOS: 'tvo app',
  watchOS: 'wat',
  visionOS: 'vis',
  Android: 'and',
  ChromeOS: 'chr',
  Windows: 'win mic',
  Linux: 'lin ubu',
}
const PLATFORM = `case lower(left(coalesce(${text('device.platform')}, ${text('device.osFamily')}, ${text('device.osName')}, ${text('hardware.operatingSystem')}), 3))
  ${Object.entries(BEGINNINGS)
    .flatMap(([platform, starts]) =>
      starts.split(' ').map((start) => `when '${start.replace('_', ' ')}' then '${platform}'`),
    )
    .join(' ')} else 'unknown' end`

const GROUPS: Readonly<Record<DeviceGrouping, string>> = {
  model: `coalesce(left(coalesce(${text('device.model')}, ${text('hardware.model')}, ${text('device.modelIdentifier')}), 128), 'unknown')`,
  osVersion: `coalesce(left(coalesce(${text('device.osVersion')}, ${text('hardware.operatingSystemVersion')}), 64), 'unknown')`,
  compliance: `case coalesce(${text('device.complianceStates')}, ${text('device.passcodeCompliantWithProfiles')}, ${text('device.passcodeCompliant')})
    when 'true' then 'compliant' when 'false' then 'notCompliant' else 'unknown' end`,
  storage: bucket('device.availableStorageSpace', [8, 32, 128], 'storage'),
  lastContact: choose('width_bucket(last_seen, $2::timestamptz[])', [
    [4, 'within 1 day'],
    [3, 'within 7 days'],
    [2, 'within 30 days'],
    [1, 'within 90 days'],
    [0, 'longer ago'],
  ]),
  enrolment: `case when ${text('device.enrolledAutomatically')} = 'true' then 'automated'
    when ${text('device.userEnrolment')} = 'true' then 'user'
    when ${text('device.userEnrolment')} = 'false' then 'byDevice'
    when clear ? 'device.managementMode' then 'managed' else 'unknown' end`,
  appCount: bucket('device.managedAppCount', [1, 10, 50], 'appCount'),
}

/** What the planner has statistics of (migration 0351), by name: the same words, or it does not know them again. */
export const COUNTED_EXPRESSIONS: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries({ platform: PLATFORM, ...GROUPS })
    // When a device was last seen is a column, which it knows anyway.
    .filter(([name]) => name !== 'lastContact')
    .map(([name, expression]) => [name.toLowerCase(), expression]),
)

/**
 * A number as a party sent it, between bounds. JSON has an order over all values in which texts come before numbers, and
 * yes, no, lists and objects after: what is no number, is negative or absurdly large, falls outside and is not known.
 */
function bucket(item: string, bounds: readonly number[], grouping: DeviceGrouping): string {
  const names = CLOSED_GROUPS[grouping] ?? []
  const edges = [0, ...bounds, MOST_SENSIBLE].map((edge) => `'${edge}'`).join(', ')
  return choose(
    `width_bucket(clear -> '${item}', array[${edges}]::jsonb[])`,
    bounds.length === names.length - 2
      ? names.slice(0, -1).map((name, i) => [i + 1, name] as const)
      : missing(),
  )
}

function choose(operand: string, names: readonly (readonly [number, string])[]): string {
  return `case ${operand} ${names.map(([place, name]) => `when ${place} then '${name}'`).join(' ')} else 'unknown' end`
}
