import type { Reader, Transaction } from '#database/handles.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { newOrderedId } from '#foundation/ids.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import { append } from '#ledger/append.ts'
import { dayAfter, dayOf } from './day.ts'
import { GROUP_SIZES, type GroupSize } from './suppression/round.ts'

export { GROUP_SIZES } from './suppression/round.ts'

export const NOISES = ['none', 'laplace', 'gaussian'] as const
export type Noise = (typeof NOISES)[number]

/** How a tenant protects its reports. All amounts are whole millionths. */
export interface ReportSettings {
  readonly groupSize: GroupSize
  readonly noise: Noise
  readonly releaseMicroEpsilon: number
  readonly releaseMicroRho: number
  readonly monthMicroEpsilon: number
  readonly monthMicroRho: number
  /** Devices that one person is taken to have at most: noise hides all of them together. */
  readonly devicesOfAPerson: number
}

/** What ships. A tenant may only protect more. */
export const DEFAULT_SETTINGS: ReportSettings = Object.freeze({
  groupSize: 10,
  noise: 'none',
  releaseMicroEpsilon: 100_000,
  releaseMicroRho: 5_000,
  monthMicroEpsilon: 1_000_000,
  monthMicroRho: 50_000,
  devicesOfAPerson: 3,
})
export const MOST_DEVICES_OF_A_PERSON = 8

interface Row {
  from_day: string
  group_size: GroupSize
  noise: Noise
  release_micro_epsilon: number
  release_micro_rho: number
  month_micro_epsilon: number
  month_micro_rho: number
  devices_of_a_person: number
}

/** The settings in force on a day, and those that wait for a later one. */
export async function readReportSettings(
  reader: Reader,
  day: string,
): Promise<{
  readonly now: ReportSettings
  readonly next: { readonly from: string; readonly settings: ReportSettings } | undefined
}> {
  const rows = await reader.rows<Row>(
    `select to_char(from_day, 'YYYY-MM-DD') as from_day, group_size, noise, release_micro_epsilon, release_micro_rho,
            month_micro_epsilon, month_micro_rho, devices_of_a_person
       from report_settings where tenant_id = $1 order by from_day`,
    [reader.tenantId],
  )
  const now = rows.findLast((row) => row.from_day <= day)
  const next = rows.find((row) => row.from_day > day)
  return {
    now: now ? toSettings(now) : DEFAULT_SETTINGS,
    next: next && { from: next.from_day, settings: toSettings(next) },
  }
}

/**
 * Changes how reports are protected, from tomorrow (UTC) on: in the middle of a day the same numbers would be shown in
 * two ways, and the two together say more than each.
 *
 * @returns `report_less_protected` naming the setting, for less than ships
 */
export async function changeReportSettings(
  tx: Transaction,
  change: Partial<ReportSettings>,
  by: { readonly actor: string; readonly at: number },
): Promise<{ readonly from: string; readonly settings: ReportSettings } | Refusal> {
  const today = dayOf(by.at)
  const { now, next } = await readReportSettings(tx, today)
  const settings = { ...(next?.settings ?? now), ...change }
  const wider = lessProtected(settings)
  if (wider) return refuse('report_less_protected', { setting: wider })
  const from = dayAfter(today)
  await tx.change(
    `insert into report_settings (tenant_id, from_day, group_size, noise, release_micro_epsilon, release_micro_rho,
       month_micro_epsilon, month_micro_rho, devices_of_a_person)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     on conflict (tenant_id, from_day) do update set group_size = $3, noise = $4, release_micro_epsilon = $5,
       release_micro_rho = $6, month_micro_epsilon = $7, month_micro_rho = $8, devices_of_a_person = $9`,
    [
      tx.tenantId,
      from,
      settings.groupSize,
      settings.noise,
      settings.releaseMicroEpsilon,
      settings.releaseMicroRho,
      settings.monthMicroEpsilon,
      settings.monthMicroRho,
      settings.devicesOfAPerson,
    ],
  )
  await append(tx, {
    id: newOrderedId(by.at),
    at: toTimestamp(by.at),
    kind: 'report.settings',
    actor: by.actor,
    data: { from, ...settings },
  })
  return { from, settings }
}

/** The first setting that protects less than what ships, or is none. */
function lessProtected(settings: ReportSettings): keyof ReportSettings | undefined {
  if (!GROUP_SIZES.includes(settings.groupSize)) return 'groupSize'
  if (!NOISES.includes(settings.noise)) return 'noise'
  for (const name of ['releaseMicroEpsilon', 'releaseMicroRho'] as const)
    if (!isWithin(settings[name], 1, DEFAULT_SETTINGS[name])) return name
  for (const name of ['monthMicroEpsilon', 'monthMicroRho'] as const)
    if (!isWithin(settings[name], 0, DEFAULT_SETTINGS[name])) return name
  const { devicesOfAPerson } = settings
  return isWithin(devicesOfAPerson, DEFAULT_SETTINGS.devicesOfAPerson, MOST_DEVICES_OF_A_PERSON)
    ? undefined
    : 'devicesOfAPerson'
}

const isWithin = (value: number, least: number, most: number): boolean =>
  Number.isInteger(value) && value >= least && value <= most

const toSettings = (row: Row): ReportSettings => ({
  groupSize: row.group_size,
  noise: row.noise,
  releaseMicroEpsilon: row.release_micro_epsilon,
  releaseMicroRho: row.release_micro_rho,
  monthMicroEpsilon: row.month_micro_epsilon,
  monthMicroRho: row.month_micro_rho,
  devicesOfAPerson: row.devices_of_a_person,
})
