import { z } from 'zod'
import { readMeters } from '#reports/budget.ts'
import { dayOf } from '#reports/day.ts'
import {
  DEFAULT_SETTINGS,
  GROUP_SIZES,
  MOST_DEVICES_OF_A_PERSON,
  NOISES,
  type ReportSettings,
  changeReportSettings,
  readReportSettings,
} from '#reports/settings.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { type Call, type Endpoint, changeEndpoint, getEndpoint, listEndpoint } from '../endpoint.ts'
import { listInMemory } from '../odata/list-in-memory.ts'
import { MANAGE, PAGE, READ, type ReportEndpointParts, TENANT, both, noParams } from './shapes.ts'

const upTo = (most: number, least = 1) => z.int().min(least).max(most)

const values = {
  minimumGroupSize: z.literal(GROUP_SIZES),
  noise: z.enum(NOISES),
  releaseMicroEpsilon: upTo(DEFAULT_SETTINGS.releaseMicroEpsilon),
  releaseMicroRho: upTo(DEFAULT_SETTINGS.releaseMicroRho),
  monthMicroEpsilon: upTo(DEFAULT_SETTINGS.monthMicroEpsilon, 0),
  monthMicroRho: upTo(DEFAULT_SETTINGS.monthMicroRho, 0),
  devicesOfAPerson: upTo(MOST_DEVICES_OF_A_PERSON, DEFAULT_SETTINGS.devicesOfAPerson),
}
const settingsAnswer = z.object({
  ...values,
  next: z.object({ fromDay: z.string(), ...values }).nullable(),
})

const meter = z.object({
  id: z.string(),
  recipient: z.string(),
  month: z.string(),
  releases: z.int(),
  spentMicroEpsilon: z.int(),
  monthMicroEpsilon: z.int(),
  spentMicroRho: z.int(),
  monthMicroRho: z.int(),
})

/** `deviceManagement/reportSettings` and `reportBudgets`: how reports are protected, and what was spent. */
export function reportSettingsEndpoints({ reports }: ReportEndpointParts): readonly Endpoint[] {
  const current = (call: Call) =>
    reports.database.read(call.tenantId, async (reader) => {
      const { now, next } = await readReportSettings(reader, dayOf(call.now))
      return {
        ...describe(now),
        next: next ? { fromDay: next.from, ...describe(next.settings) } : null,
      }
    })
  return [
    getEndpoint({
      id: 'getReportSettings',
      path: '/deviceManagement/reportSettings',
      summary: 'How reports are protected today, and from the next change on',
      realms: TENANT,
      permission: READ,
      params: noParams,
      answer: settingsAnswer,
      get: current,
    }),
    changeEndpoint({
      id: 'updateReportSettings',
      path: '/deviceManagement/reportSettings',
      method: 'PATCH',
      summary: 'Protects reports more, from tomorrow (UTC) on; never less than by default',
      realms: TENANT,
      permission: MANAGE,
      params: noParams,
      body: z.strictObject(values).partial(),
      answer: settingsAnswer,
      success: 200,
      current,
      change: async (call, _, { minimumGroupSize, ...rest }) => {
        const given = Object.entries(rest).filter(([, value]) => value !== undefined)
        const change: Partial<ReportSettings> = {
          ...Object.fromEntries(given),
          ...(minimumGroupSize === undefined ? {} : { groupSize: minimumGroupSize }),
        }
        const changed = await reports.database.write(call.tenantId, (tx) =>
          changeReportSettings(tx, change, { actor: call.actor, at: call.now }),
        )
        return isRefusal(changed) ? changed : current(call)
      },
    }),
    listEndpoint({
      id: 'listReportBudgets',
      path: '/deviceManagement/reportBudgets',
      summary: 'The meter: what each recipient was given in a month, in millionths',
      realms: TENANT,
      permission: READ,
      params: noParams,
      answer: meter,
      pageSize: PAGE,
      fields: { id: both, recipient: both, month: both, releases: both, spentMicroEpsilon: both },
      list: (call, _, query) =>
        reports.database.read(call.tenantId, async (reader) => {
          const { now } = await readReportSettings(reader, dayOf(call.now))
          const { monthMicroEpsilon, monthMicroRho } = now
          const rows = (await readMeters(reader)).map((one) => ({
            id: `${one.recipient}_${one.month.slice(0, 7)}`,
            ...one,
            month: one.month.slice(0, 7),
            monthMicroEpsilon,
            monthMicroRho,
          }))
          return listInMemory(rows, 'id', query)
        }),
    }),
  ]
}

function describe({ groupSize, ...rest }: ReportSettings) {
  return { minimumGroupSize: groupSize, ...rest }
}
