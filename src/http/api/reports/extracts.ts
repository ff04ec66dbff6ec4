import { z } from 'zod'
import { QUASI_IDENTIFIER_SETS } from '#catalog/quasi-identifiers.ts'
import { planExtract } from '#reports/extract.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { type Endpoint, changeEndpoint, listEndpoint } from '../endpoint.ts'
import { listInMemory } from '../odata/list-in-memory.ts'
import {
  MANAGE,
  PAGE,
  READ,
  type ReportEndpointParts,
  TENANT,
  both,
  noParams,
  requestOf,
} from './shapes.ts'

const BASE = '/deviceManagement/reportExtracts'

/** `deviceManagement/reportExtracts`: how exactly single records may go out so that nobody stands alone. */
export function extractEndpoints({ reports }: ReportEndpointParts): readonly Endpoint[] {
  return [
    listEndpoint({
      id: 'listQuasiIdentifierSets',
      path: `${BASE}/quasiIdentifierSets`,
      summary: 'Items that may name somebody together, with the ways to make each coarser',
      realms: TENANT,
      permission: READ,
      params: noParams,
      answer: z.object({
        id: z.string(),
        displayName: z.string(),
        items: z.array(z.object({ item: z.string(), precisions: z.array(z.string()) })),
      }),
      pageSize: PAGE,
      fields: { id: both },
      list: async (_, __, query) => listInMemory(SETS, 'id', query),
    }),
    changeEndpoint({
      id: 'checkReportExtract',
      path: `${BASE}/check`,
      method: 'POST',
      summary:
        'The least coarse precisions at which each device is like enough others, or that there are none',
      realms: TENANT,
      permission: MANAGE,
      params: noParams,
      body: z.strictObject({
        quasiIdentifierSet: z.string().min(1).max(64),
        scopeTagId: z.string().min(1).max(128).optional(),
      }),
      answer: z.object({
        quasiIdentifierSet: z.string(),
        minimumGroupSize: z.int(),
        precisions: z.array(z.object({ item: z.string(), precision: z.string() })),
      }),
      success: 200,
      change: async (call, _, { quasiIdentifierSet, scopeTagId }) => {
        const request = { ...requestOf(call, '', scopeTagId), set: quasiIdentifierSet }
        const plan = await planExtract(reports, request)
        if (isRefusal(plan)) return plan
        const { set, groupSize, precisions } = plan
        return { quasiIdentifierSet: set, minimumGroupSize: groupSize, precisions: [...precisions] }
      },
    }),
  ]
}

const SETS = QUASI_IDENTIFIER_SETS.map(({ id, title, items }) => ({
  id,
  displayName: title,
  items: items.map(({ item, ladder }) => ({ item, precisions: [...ladder] })),
}))
