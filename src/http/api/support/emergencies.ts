import { z } from 'zod'
import { INSTALLATION } from '#database/handles.ts'
import { listPage } from '#database/list.ts'
import { type Refusal, isRefusal } from '#foundation/refusal.ts'
import {
  type Emergency,
  type EmergencyListRow,
  emergenciesAcrossTenants,
  emergencyList,
  emergencyOf,
  readEmergency,
} from '#support/emergency.ts'
import { type Endpoint, changeEndpoint, listEndpoint } from '../endpoint.ts'
import {
  ANSWER,
  EMERGENCY,
  MINUTE_IN_MS,
  OPERATOR,
  PAGE,
  READ,
  REVIEW,
  type SupportEndpointParts,
  TENANT,
  both,
  byOf,
  inTenant,
  noParams,
  nothing,
  numbered,
  stamp,
  wantedBody,
  wantedOf,
} from './shapes.ts'

const answer = z.object({
  id: z.string(),
  tenantId: z.string(),
  caseId: z.string(),
  operatorId: z.string(),
  secondOperatorId: z.string().nullable(),
  grantId: z.string().nullable(),
  durationMinutes: z.number(),
  createdDateTime: z.string().nullable(),
  expirationDateTime: z.string().nullable(),
  openedDateTime: z.string().nullable(),
  operatorReviewedDateTime: z.string().nullable(),
  tenantReviewedDateTime: z.string().nullable(),
})
const outcome = z.strictObject({ outcome: z.enum(['justified', 'notJustified']) })
const base = '/operator/support/tenants/{tenantId}/emergencies/{id}'
const fields = {
  id: both,
  caseId: both,
  operatorId: both,
  createdDateTime: both,
  openedDateTime: both,
}

/** `support/emergencies`: two operators open, the customer is told at once, both sides review. */
export function emergencyEndpoints(parts: SupportEndpointParts): readonly Endpoint[] {
  const { database, keys, support } = parts
  const one = async (tenantId: string, id: string) => {
    const found = await database.read(tenantId, (reader) => readEmergency(reader, { keys }, id))
    return found && describe(found)
  }
  const after = async (tenantId: string, id: string, done: unknown) =>
    isRefusal(done) ? (done as Refusal) : one(tenantId, id)
  return [
    listEndpoint({
      id: 'listSupportEmergencies',
      path: '/support/emergencies',
      summary: 'Emergency access that was opened',
      realms: TENANT,
      permission: READ,
      params: noParams,
      answer,
      pageSize: PAGE,
      fields,
      list: (call, _, query) =>
        database.read(call.tenantId, async (reader) => {
          const page = await listPage<EmergencyListRow>(reader, emergencyList(reader), query)
          return { ...page, rows: page.rows.map((row) => describe(emergencyOf(row))) }
        }),
    }),
    changeEndpoint({
      id: 'reviewSupportEmergency',
      path: '/support/emergencies/{id}/review',
      method: 'POST',
      summary: "The tenant's review",
      realms: TENANT,
      permission: ANSWER,
      stepUp: true,
      params: numbered,
      body: outcome,
      answer,
      success: 200,
      change: async (call, { id }, body) =>
        after(
          call.tenantId,
          id,
          await support.reviewEmergency(call.tenantId, id, body.outcome, byOf(call)),
        ),
    }),
    listEndpoint({
      id: 'listSupportEmergenciesAsOperator',
      path: '/operator/support/emergencies',
      summary: 'Emergencies in all tenants',
      realms: OPERATOR,
      permission: EMERGENCY,
      params: noParams,
      answer,
      pageSize: PAGE,
      fields: { id: both, tenantId: both, createdDateTime: both },
      list: async (_call, _, query) => {
        const page = await database.read(INSTALLATION, (reader) =>
          listPage<{ tenant_id: string; emergency_id: string }>(
            reader,
            emergenciesAcrossTenants(),
            query,
          ),
        )
        const rows = []
        for (const row of page.rows) {
          const found = await one(row.tenant_id, row.emergency_id)
          if (found) rows.push(found)
        }
        return { ...page, rows }
      },
    }),
    changeEndpoint({
      id: 'askSupportEmergency',
      path: '/operator/support/emergencies',
      method: 'POST',
      summary: 'Asks a second operator to open emergency access',
      realms: OPERATOR,
      permission: EMERGENCY,
      stepUp: true,
      params: noParams,
      body: wantedBody,
      answer,
      success: 201,
      change: async (call, _, body) => {
        const wanted = wantedOf(body)
        if (isRefusal(wanted)) return wanted
        const asked = await support.askEmergency(body.tenantId, wanted, byOf(call))
        return isRefusal(asked) ? asked : one(body.tenantId, asked)
      },
    }),
    changeEndpoint({
      id: 'openSupportEmergency',
      path: `${base}/open`,
      method: 'POST',
      summary: 'The second operator opens it; the customer is told in the same moment',
      realms: OPERATOR,
      permission: EMERGENCY,
      stepUp: true,
      params: inTenant,
      body: nothing,
      answer,
      success: 200,
      change: async (call, { tenantId, id }) =>
        after(tenantId, id, await support.openEmergency(tenantId, id, byOf(call))),
    }),
    changeEndpoint({
      id: 'reviewSupportEmergencyAsOperator',
      path: `${base}/review`,
      method: 'POST',
      summary: 'The review by a third operator',
      realms: OPERATOR,
      permission: REVIEW,
      stepUp: true,
      params: inTenant,
      body: outcome,
      answer,
      success: 200,
      change: async (call, { tenantId, id }, body) =>
        after(tenantId, id, await support.reviewEmergency(tenantId, id, body.outcome, byOf(call))),
    }),
  ]
}

/** What both sides see. What was looked at and why is sealed until the review. */
function describe(one: Emergency): z.input<typeof answer> {
  return {
    id: one.emergencyId,
    tenantId: one.tenantId,
    caseId: one.caseId,
    operatorId: one.asker,
    secondOperatorId: one.openedBy ?? null,
    grantId: one.grantId ?? null,
    durationMinutes: one.durationMs / MINUTE_IN_MS,
    createdDateTime: stamp(one.askedAt),
    expirationDateTime: stamp(one.expiresAt),
    openedDateTime: stamp(one.openedAt),
    operatorReviewedDateTime: stamp(one.operatorReviewedAt),
    tenantReviewedDateTime: stamp(one.tenantReviewedAt),
  }
}
