import { z } from 'zod'
import type { ReportDefinition } from '#reports/definition.ts'
import type { Release } from '#reports/release.table.ts'
import {
  type Delivered,
  READ_REPORTS,
  type ReportParts,
  type ReportRequest,
  WHOLE,
} from '#reports/reports.ts'
import { statementOf } from '#reports/statement.ts'
import { toTimestamp } from '#foundation/clock.ts'
import type { Call } from '../endpoint.ts'

export interface ReportEndpointParts {
  readonly reports: ReportParts
}

export const BASE = '/deviceManagement/reports'
export const READ = READ_REPORTS
export const MANAGE = 'Reports/Manage'
export const TENANT = ['tenant'] as const
export const PAGE = { usual: 100, most: 1_000 } as const
export const both = { filter: true, sort: true } as const
export const noParams = z.strictObject({})
const id = z.string().min(1).max(64)
export const named = z.strictObject({ id })
/** `all` stands for the whole tenant. */
export const inScope = z.strictObject({ id, scopeTagId: z.string().min(1).max(128) })

const text = z.object({ en: z.string(), sv: z.string() })
const fraction = z.object({ numerator: z.int(), denominator: z.int() })

export const guaranteeAnswer = z.object({
  kind: z.enum(['steps', 'laplace', 'gaussian']),
  minimumGroupSize: z.int(),
  microEpsilon: z.int().nullable(),
  microRho: z.int().nullable(),
  noiseParameter: fraction.nullable(),
  devicesOfAPerson: z.int().nullable(),
  smallestNamedGroup: z.int().nullable(),
  statement: text,
})

export const releaseAnswer = z.object({
  id: z.string(),
  reportId: z.string(),
  displayName: text,
  scopeTagId: z.string().nullable(),
  day: z.string(),
  createdDateTime: z.string(),
  guarantee: guaranteeAnswer,
  total: z.int().nullable(),
  rows: z.array(z.object({ row: z.string(), count: z.int() })),
  columns: z.array(z.object({ column: z.string(), count: z.int() })),
  cells: z.array(z.object({ row: z.string(), column: z.string(), count: z.int() })),
})

export function requestOf(call: Call, report: string, scopeTagId?: string): ReportRequest {
  const { principal, access, now } = call
  const scopeTag = scopeTagId === 'all' ? WHOLE : scopeTagId
  return { principal, access, now, report, ...(scopeTag === undefined ? {} : { scopeTag }) }
}

export const describeDelivered = ({ release, report }: Delivered) =>
  describeRelease(release, report)

export function describeRelease(
  { report: reportId, scope, day, madeAt, guarantee, figures }: Release,
  report: ReportDefinition,
): z.input<typeof releaseAnswer> {
  const noised = guarantee.kind === 'steps' ? undefined : guarantee
  return {
    id: `${reportId}_${scope === WHOLE ? 'all' : scope}_${day}`,
    reportId,
    displayName: { ...report.title },
    scopeTagId: scope === WHOLE ? null : scope,
    day,
    createdDateTime: toTimestamp(madeAt),
    guarantee: {
      kind: guarantee.kind,
      minimumGroupSize: guarantee.groupSize,
      microEpsilon: noised?.microEpsilon ?? null,
      microRho: noised?.microRho ?? null,
      noiseParameter: noised?.parameter ?? null,
      devicesOfAPerson: noised?.devicesOfAPerson ?? null,
      smallestNamedGroup: noised?.leastFound ?? null,
      statement: {
        en: statementOf(guarantee, report.counts, 'en'),
        sv: statementOf(guarantee, report.counts, 'sv'),
      },
    },
    total: figures.total,
    rows: [...figures.rows],
    columns: [...figures.columns],
    cells: [...figures.cells],
  }
}
