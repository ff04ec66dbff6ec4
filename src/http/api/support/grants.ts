import { z } from 'zod'
import { type GrantRow, grantList, grantsAcrossTenants, toGrant } from '#access/grant.table.ts'
import { readGrant } from '#access/grants.ts'
import { INSTALLATION } from '#database/handles.ts'
import { listPage } from '#database/list.ts'
import { isRefusal } from '#foundation/refusal.ts'
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
  describeGrant,
  grantAnswer,
  inTenant,
  noParams,
  nothing,
  numbered,
} from './shapes.ts'

/** `support/accessGrants`: what was approved and what became of it, for both sides. */
export function accessGrantEndpoints({
  database,
  support,
}: SupportEndpointParts): readonly Endpoint[] {
  const one = (call: Call, tenantId: string, id: string) =>
    database.read(tenantId, async (reader) => {
      const grant = await readGrant(reader, id)
      const isForeign =
        call.tenantId !== tenantId && grant?.operatorAccountId !== call.principal.accountId
      return grant && !isForeign ? describeGrant(grant, call.now) : undefined
    })
  const end = async (call: Call, tenantId: string, id: string) => {
    const answer = await support.endGrant(tenantId, id, byOf(call))
    return isRefusal(answer) ? answer : describeGrant(answer, call.now)
  }
  return [
    listEndpoint({
      id: 'listSupportAccessGrants',
      path: '/support/accessGrants',
      summary: 'Access that was approved, whatever became of it',
      realms: TENANT,
      permission: READ,
      params: noParams,
      answer: grantAnswer,
      pageSize: PAGE,
      fields: {
        id: both,
        caseId: both,
        requestId: both,
        operatorId: both,
        kind: both,
        approvedDateTime: both,
        endedDateTime: both,
        state: { filter: false, sort: false, whyNot: 'the state follows from the time' },
      },
      list: (call, _, query) =>
        database.read(call.tenantId, async (reader) => {
          const page = await listPage<GrantRow>(reader, grantList(reader), query)
          return { ...page, rows: page.rows.map((row) => describeGrant(toGrant(row), call.now)) }
        }),
    }),
    getEndpoint({
      id: 'getSupportAccessGrant',
      path: '/support/accessGrants/{id}',
      summary: 'One access',
      realms: TENANT,
      permission: READ,
      params: numbered,
      answer: grantAnswer,
      get: (call, { id }) => one(call, call.tenantId, id),
    }),
    changeEndpoint({
      id: 'endSupportAccessGrant',
      path: '/support/accessGrants/{id}/end',
      method: 'POST',
      summary: 'Ends an access now, on every node',
      realms: TENANT,
      permission: ANSWER,
      params: numbered,
      body: nothing,
      answer: grantAnswer,
      success: 200,
      change: (call, { id }) => end(call, call.tenantId, id),
    }),
    listEndpoint({
      id: 'listOwnSupportAccessGrants',
      path: '/operator/support/accessGrants',
      summary: "The caller's own accesses, in all tenants",
      realms: OPERATOR,
      permission: ASK,
      params: z.strictObject({}),
      answer: grantAnswer,
      pageSize: PAGE,
      fields: { id: both, tenantId: both, approvedDateTime: both },
      list: async (call, _, query) => {
        const source = grantsAcrossTenants(call.principal.accountId)
        const page = await database.read(INSTALLATION, (reader) =>
          listPage<{ tenant_id: string; grant_id: string }>(reader, source, query),
        )
        const rows = []
        for (const row of page.rows) {
          const found = await one(call, row.tenant_id, row.grant_id)
          if (found) rows.push(found)
        }
        return { ...page, rows }
      },
    }),
    changeEndpoint({
      id: 'returnSupportAccessGrant',
      path: '/operator/support/tenants/{tenantId}/accessGrants/{id}/end',
      method: 'POST',
      summary: 'The engineer needs it no longer',
      realms: OPERATOR,
      permission: ASK,
      params: inTenant,
      body: nothing,
      answer: grantAnswer,
      success: 200,
      change: (call, { tenantId, id }) => end(call, tenantId, id),
    }),
  ]
}
