import { z } from 'zod'
import { listPage } from '#database/list.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { type CaseRow, type SupportCase, caseList, readCase, toCase } from '#support/case.ts'
import { type Call, type Endpoint, changeEndpoint, getEndpoint, listEndpoint } from '../endpoint.ts'
import {
  ANSWER,
  ASK,
  OPERATOR,
  PAGE,
  READ,
  type SupportEndpointParts,
  TENANT,
  both,
  byOf,
  inTenant,
  noParams,
  nothing,
  numbered,
  stamp,
} from './shapes.ts'

const answer = z.object({
  id: z.string(),
  tenantId: z.string(),
  reference: z.string(),
  title: z.string(),
  state: z.enum(['open', 'closed']),
  createdBy: z.string(),
  createdDateTime: z.string().nullable(),
  closedBy: z.string().nullable(),
  closedDateTime: z.string().nullable(),
})

const words = {
  reference: z.string().min(1).max(200),
  title: z.string().min(1).max(200),
}

/** `support/cases`: what support works on. Closing one ends everything that hangs on it. */
export function caseEndpoints({
  database,
  keys,
  support,
}: SupportEndpointParts): readonly Endpoint[] {
  const one = async (tenantId: string, id: string) => {
    const found = await database.read(tenantId, (reader) => readCase(reader, keys, id))
    return found && describe(found)
  }
  const close = async (call: Call, tenantId: string, id: string) => {
    const closed = await support.closeCase(tenantId, id, byOf(call))
    return isRefusal(closed) ? closed : one(tenantId, id)
  }
  const open = async (
    call: Call,
    tenantId: string,
    given: { readonly reference: string; readonly title: string },
  ) => {
    const opened = await support.openCase(tenantId, given, byOf(call))
    return isRefusal(opened) ? opened : one(tenantId, opened)
  }
  return [
    listEndpoint({
      id: 'listSupportCases',
      path: '/support/cases',
      summary: 'Support cases',
      realms: TENANT,
      permission: READ,
      params: noParams,
      answer,
      pageSize: PAGE,
      fields: { id: both, createdDateTime: both, closedDateTime: both, createdBy: both },
      list: (call, _, query) =>
        database.read(call.tenantId, async (reader) => {
          const page = await listPage<CaseRow>(reader, caseList(reader), query)
          const rows = []
          for (const row of page.rows) rows.push(describe(await toCase(reader, keys, row)))
          return { ...page, rows }
        }),
    }),
    getEndpoint({
      id: 'getSupportCase',
      path: '/support/cases/{id}',
      summary: 'One case',
      realms: TENANT,
      permission: READ,
      params: numbered,
      answer,
      get: (call, { id }) => one(call.tenantId, id),
    }),
    changeEndpoint({
      id: 'createSupportCase',
      path: '/support/cases',
      method: 'POST',
      summary: 'Opens a case',
      realms: TENANT,
      permission: 'Support cases/Create',
      params: noParams,
      body: z.strictObject(words),
      answer,
      success: 201,
      change: (call, _, body) => open(call, call.tenantId, body),
    }),
    changeEndpoint({
      id: 'closeSupportCase',
      path: '/support/cases/{id}/close',
      method: 'POST',
      summary: 'Closes a case: open requests are cancelled, accesses end now',
      realms: TENANT,
      permission: ANSWER,
      params: numbered,
      body: nothing,
      answer,
      success: 200,
      change: (call, { id }) => close(call, call.tenantId, id),
    }),
    changeEndpoint({
      id: 'createSupportCaseAsOperator',
      path: '/operator/support/cases',
      method: 'POST',
      summary: "Opens a case on the tenant's call, with the tenant's reference",
      realms: OPERATOR,
      permission: ASK,
      params: noParams,
      body: z.strictObject({ tenantId: z.string().min(1).max(63), ...words }),
      answer,
      success: 201,
      change: (call, _, { tenantId, ...given }) => open(call, tenantId, given),
    }),
    changeEndpoint({
      id: 'closeSupportCaseAsOperator',
      path: '/operator/support/tenants/{tenantId}/cases/{id}/close',
      method: 'POST',
      summary: 'Closes a case, and every access with it',
      realms: OPERATOR,
      permission: ASK,
      params: inTenant,
      body: nothing,
      answer,
      success: 200,
      change: (call, { tenantId, id }) => close(call, tenantId, id),
    }),
  ]
}

function describe(one: SupportCase): z.input<typeof answer> {
  return {
    id: one.caseId,
    tenantId: one.tenantId,
    reference: one.reference,
    title: one.title,
    state: one.closedAt === undefined ? 'open' : 'closed',
    createdBy: one.openedBy,
    createdDateTime: stamp(one.openedAt),
    closedBy: one.closedBy ?? null,
    closedDateTime: stamp(one.closedAt),
  }
}
