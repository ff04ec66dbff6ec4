import { z } from 'zod'
import { REPORTS } from '#reports/definition.ts'
import { type Delivered, readReleases, readReport } from '#reports/reports.ts'
import { type Refusal, isRefusal } from '#foundation/refusal.ts'
import { type Call, type Endpoint, getEndpoint, listEndpoint } from '../endpoint.ts'
import { listInMemory } from '../odata/list-in-memory.ts'
import {
  BASE,
  PAGE,
  READ,
  type ReportEndpointParts,
  TENANT,
  both,
  describeDelivered,
  describeRelease,
  inScope,
  named,
  noParams,
  releaseAnswer,
  requestOf,
} from './shapes.ts'

const definition = z.object({
  id: z.string(),
  displayName: z.object({ en: z.string(), sv: z.string() }),
  counts: z.enum(['devices', 'events']),
  rows: z.string(),
  columns: z.string().nullable(),
})

const cell = z.object({
  id: z.string(),
  row: z.string(),
  column: z.string(),
  count: z.int(),
})

/**
 * `deviceManagement/reports`. A condition on cells chooses among those that were released; none reaches the records, so
 * that with it and without it the same numbers are seen.
 */
export function releaseEndpoints({ reports }: ReportEndpointParts): readonly Endpoint[] {
  const common = { realms: TENANT, permission: READ }
  const release = (call: Call, id: string, scopeTagId?: string) =>
    readReport(reports, requestOf(call, id, scopeTagId)).then(unlessRefused(describeDelivered))
  return [
    listEndpoint({
      ...common,
      id: 'listReports',
      path: BASE,
      summary: 'Reports there are: numbers on groups, never on one device',
      params: noParams,
      answer: definition,
      pageSize: PAGE,
      fields: { id: both, counts: both, rows: both, columns: both },
      list: async (_, __, query) => listInMemory(DEFINITIONS, 'id', query),
    }),
    getEndpoint({
      ...common,
      id: 'getReportRelease',
      path: `${BASE}/{id}/release`,
      summary: 'The report of the day, for the whole tenant or the one scope tag of the caller',
      params: named,
      answer: releaseAnswer,
      get: (call, { id }) => release(call, id),
    }),
    getEndpoint({
      ...common,
      id: 'getReportReleaseOfScopeTag',
      path: `${BASE}/{id}/scopeTags/{scopeTagId}/release`,
      summary: 'The same for one scope tag',
      params: inScope,
      answer: releaseAnswer,
      get: (call, { id, scopeTagId }) => release(call, id, scopeTagId),
    }),
    listEndpoint({
      ...common,
      id: 'listReportCells',
      path: `${BASE}/{id}/cells`,
      summary: 'The cells of the report of the day, to filter and order',
      params: named,
      answer: cell,
      pageSize: PAGE,
      fields: { id: both, row: both, column: both, count: both },
      list: async (call, { id }, query) => {
        const delivered = await readReport(reports, requestOf(call, id))
        if (isRefusal(delivered)) return delivered
        return listInMemory(cellsOf(delivered), 'id', query)
      },
    }),
    listEndpoint({
      ...common,
      id: 'listReportReleases',
      path: `${BASE}/{id}/releases`,
      summary: 'The report over time: what the caller had of it, at no further cost',
      params: named,
      answer: releaseAnswer,
      pageSize: { usual: 31, most: 400 },
      fields: { id: both, day: both, createdDateTime: both },
      list: async (call, { id }, query) => {
        const found = await readReleases(reports, requestOf(call, id))
        if (isRefusal(found)) return found
        const rows = found.releases.map((one) => describeRelease(one, found.report))
        return listInMemory(rows, 'id', query)
      },
    }),
  ]
}

const DEFINITIONS = REPORTS.map(({ id, title, counts, rows, columns }) => ({
  id,
  displayName: { ...title },
  counts,
  rows,
  columns: columns ?? null,
}))

/** Where a report has no columns its rows are its cells. */
function cellsOf({ release: { figures }, report }: Delivered): z.input<typeof cell>[] {
  const cells =
    report.columns === undefined
      ? figures.rows.map((one) => ({ ...one, column: '' }))
      : figures.cells
  return cells.map((one) => ({ id: `${one.row}/${one.column}`, ...one }))
}

const unlessRefused =
  <Given extends object, Result>(describe: (given: Given) => Result) =>
  (given: Given | Refusal): Result | Refusal =>
    isRefusal(given) ? given : describe(given)
