import { z } from 'zod'
import { listPage } from '#database/list.ts'
import { INSTALLATION } from '#database/handles.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { readRequest, requestsAcrossTenants } from '#support/request.table.ts'
import type { Refusal } from '#foundation/refusal.ts'
import { type Call, type Endpoint, changeEndpoint, getEndpoint, listEndpoint } from '../endpoint.ts'
import {
  ASK,
  OPERATOR,
  PAGE,
  type SupportEndpointParts,
  both,
  byOf,
  describeRequests,
  inTenant,
  noParams,
  nothing,
  requestAnswer,
  wantedBody,
  wantedOf,
} from './shapes.ts'

const MANAGE = 'Support access/Provider approve'
const base = '/operator/support/tenants/{tenantId}/accessRequests/{id}'

/** `operator/support/…`: how the operator's people ask, and approve what a colleague asked. */
export function operatorRequestEndpoints(parts: SupportEndpointParts): readonly Endpoint[] {
  const { database, keys, support } = parts
  const one = (call: Call, tenantId: string, id: string) =>
    database.read(tenantId, async (reader) => {
      const found = await readRequest(reader, keys, id)
      const isOwn = found?.asker === call.principal.accountId
      if (!found || (!isOwn && !call.access.may(MANAGE))) return undefined
      return (await describeRequests(reader, [found], call.now))[0]
    })
  const listed = (id: string, path: string, permission: string, own: boolean): Endpoint =>
    listEndpoint({
      id,
      path,
      summary: own
        ? 'What the caller asked for, in all tenants'
        : 'What waits for an answer, in all tenants',
      realms: OPERATOR,
      permission,
      params: noParams,
      answer: requestAnswer,
      pageSize: PAGE,
      fields: { id: both, tenantId: both, operatorId: both, createdDateTime: both },
      list: async (call, _, query) => {
        const source = requestsAcrossTenants(own ? call.principal.accountId : undefined)
        const page = await database.read(INSTALLATION, (reader) =>
          listPage<{ tenant_id: string; request_id: string }>(reader, source, query),
        )
        const rows = []
        for (const row of page.rows) {
          const found = await one(call, row.tenant_id, row.request_id)
          if (found) rows.push(found)
        }
        return { ...page, rows }
      },
    })
  const act = (
    action: string,
    summary: string,
    permission: string,
    run: (call: Call, tenantId: string, id: string, reason: string) => Promise<true | Refusal>,
    body: z.ZodObject = nothing,
  ): Endpoint =>
    changeEndpoint({
      id: `${action}SupportAccessRequestAsOperator`,
      path: `${base}/${action}`,
      method: 'POST',
      summary,
      realms: OPERATOR,
      permission,
      ...(action === 'providerApprove' ? { stepUp: true } : {}),
      params: inTenant,
      body,
      answer: requestAnswer,
      success: 200,
      change: async (call, { tenantId, id }, given) => {
        const reason = (given as { reason?: string }).reason ?? ''
        const answer = await run(call, tenantId, id, reason)
        return isRefusal(answer) ? answer : one(call, tenantId, id)
      },
    })
  return [
    listed('listOwnSupportAccessRequests', '/operator/support/accessRequests', ASK, true),
    listed('listOpenSupportAccessRequests', '/operator/support/openAccessRequests', MANAGE, false),
    getEndpoint({
      id: 'getSupportAccessRequestAsOperator',
      path: base,
      summary: 'One request, for its asker and for who approves for the operator',
      realms: OPERATOR,
      permission: ASK,
      params: inTenant,
      answer: requestAnswer,
      get: (call, { tenantId, id }) => one(call, tenantId, id),
    }),
    changeEndpoint({
      id: 'createSupportAccessRequest',
      path: '/operator/support/accessRequests',
      method: 'POST',
      summary: 'Asks a tenant for access: case, records, items, purpose, time, reason',
      realms: OPERATOR,
      permission: ASK,
      params: noParams,
      body: wantedBody,
      answer: requestAnswer,
      success: 201,
      change: async (call, _, body) => {
        const wanted = wantedOf(body)
        if (isRefusal(wanted)) return wanted
        const answer = await support.ask(body.tenantId, wanted, byOf(call))
        return isRefusal(answer) ? answer : one(call, body.tenantId, answer)
      },
    }),
    act(
      'providerApprove',
      "The operator's own approval, by another person than the asker",
      MANAGE,
      (call, tenantId, id) => support.providerApprove(tenantId, id, byOf(call)),
    ),
    act(
      'deny',
      'Turns it down before the customer is asked, or after',
      MANAGE,
      (call, tenantId, id, reason) => support.deny(tenantId, id, reason, byOf(call)),
      z.strictObject({ reason: z.string().max(2_000) }),
    ),
    act('cancel', 'The asker takes it back', ASK, (call, tenantId, id) =>
      support.cancel(tenantId, id, byOf(call)),
    ),
  ]
}
