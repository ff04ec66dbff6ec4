import { z } from 'zod'
import { listMessages, listTells } from '#breach/recipient-messages.ts'
import { ROLES, listCorrespondents, setCorrespondent } from '#breach/recipient-settings.ts'
import { scopeReport } from '#breach/recipients.ts'
import { readIncident } from '#breach/incident.table.ts'
import { setSuiteCustomer } from '#breach/suite-relay.ts'
import { INSTALLATION } from '#database/handles.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { isRefusal, refuse } from '#foundation/refusal.ts'
import type { WebhookSettings } from '#notify/parts.ts'
import { whyNotReceiver } from '#notify/signed-call.ts'
import { tenantIds } from '#tenants/tenant.ts'
import { type Endpoint, changeEndpoint, listEndpoint } from '../endpoint.ts'
import { listInMemory } from '../odata/list-in-memory.ts'
import {
  BASE,
  HANDLE,
  type IncidentEndpointParts,
  OPERATOR,
  PAGE,
  READ,
  both,
  byOf,
  noParams,
  numbered,
  reason,
  stamp,
} from './shapes.ts'

export interface RelayEndpointParts extends IncidentEndpointParts {
  readonly webhook: WebhookSettings
}

const CORRESPONDENTS = '/security/correspondents'
const partyId = z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/)

/**
 * `security/correspondents` and what an incident tells them: the suite team, agents and recipients of data, by signed
 * webhook. Their answers come in at `/correspondence/<party>`.
 */
export function incidentRelayEndpoints(parts: RelayEndpointParts): readonly Endpoint[] {
  return [...settingEndpoints(parts), ...toldEndpoints(parts)]
}

function settingEndpoints({ breach, webhook }: RelayEndpointParts): readonly Endpoint[] {
  const common = { realms: OPERATOR, params: noParams }
  return [
    listEndpoint({
      ...common,
      id: 'listCorrespondents',
      path: CORRESPONDENTS,
      summary: 'Who is told of incidents by signed webhook',
      permission: READ,
      answer: z.object({ id: z.string(), role: z.enum(ROLES), url: z.string(), isOn: z.boolean() }),
      pageSize: PAGE,
      fields: { id: both, role: both },
      list: async (_, __, query) => {
        const all = await breach.database.read(INSTALLATION, listCorrespondents)
        return listInMemory(
          all.map(({ party: id, ...rest }) => ({ id, ...rest })),
          'id',
          query,
        )
      },
    }),
    changeEndpoint({
      ...common,
      id: 'setCorrespondent',
      path: CORRESPONDENTS,
      method: 'POST',
      summary: 'Says where the suite team, an agent or a recipient is told; secrets are shown once',
      permission: HANDLE,
      stepUp: true,
      body: z.strictObject({
        id: partyId,
        role: z.enum(ROLES),
        url: z.url().max(2_000),
        isOn: z.boolean().optional(),
        newSecrets: z.boolean().optional(),
      }),
      answer: z.object({
        id: z.string(),
        ourSecret: z.string().nullable(),
        theirSecret: z.string().nullable(),
        address: z.string(),
      }),
      success: 200,
      change: async (call, _, { id, role, url, isOn = true, newSecrets = false }) => {
        if (whyNotReceiver(url, webhook)) return refuse('query_invalid', { field: 'url' })
        const given = { party: id, role, url, isOn, newSecrets }
        const set = await setCorrespondent(breach, given, byOf(call))
        if (isRefusal(set)) return set
        const secrets = set === true ? { ourSecret: null, theirSecret: null } : set
        return { id, ...secrets, address: `/correspondence/${id}` }
      },
    }),
    changeEndpoint({
      ...common,
      id: 'setSuiteCustomer',
      path: '/security/suiteCustomers',
      method: 'POST',
      summary: 'Says which customer of the suite a tenant is, or that it is none',
      permission: HANDLE,
      body: z.strictObject({
        tenantId: z.string().min(1).max(63),
        customerId: z
          .string()
          .regex(/^[\w.-]{1,128}$/)
          .nullable(),
      }),
      answer: z.object({ id: z.string() }),
      success: 200,
      change: async (call, _, { tenantId, customerId }) => {
        const { database } = breach
        const ids = await database.read(INSTALLATION, tenantIds)
        if (!ids.includes(tenantId)) return refuse('tenant_unknown', { tenant: tenantId })
        await database.write(tenantId, (tx) =>
          setSuiteCustomer(tx, customerId ?? undefined, byOf(call)),
        )
        return { id: tenantId }
      },
    }),
  ]
}

const tellAnswer = z.object({
  id: z.string(),
  tenantId: z.string(),
  partyId: z.string(),
  reference: z.string(),
  state: z.enum(['waiting', 'acknowledged', 'direct', 'owed', 'answered']),
  toldDateTime: z.string(),
  deadlineDateTime: z.string(),
  answeredDateTime: z.string().nullable(),
})

const messageAnswer = z.object({
  id: z.string(),
  partyId: z.string(),
  state: z.string(),
  attemptCount: z.int(),
  code: z.string().nullable(),
  createdDateTime: z.string(),
  sentDateTime: z.string().nullable(),
})

function toldEndpoints({ breach }: RelayEndpointParts): readonly Endpoint[] {
  const exists = (id: string) =>
    breach.database.read(INSTALLATION, (reader) => readIncident(reader, breach.keys, id))
  const common = { realms: OPERATOR, permission: READ, params: numbered, pageSize: PAGE }
  return [
    listEndpoint({
      ...common,
      id: 'listIncidentTells',
      path: `${BASE}/{id}/tells`,
      summary: 'Joint customers that the suite team tells, and recipients that owe an answer',
      answer: tellAnswer,
      fields: { id: both, tenantId: both, partyId: both, state: both },
      list: async (_, { id }, query) => {
        if (!(await exists(id))) return refuse('incident_unknown')
        const rows = (await listTells(breach, id)).map((one) => ({
          id: `${one.tenantId}.${one.party}`,
          tenantId: one.tenantId,
          partyId: one.party,
          reference: one.reference,
          state: one.state,
          toldDateTime: toTimestamp(one.toldAt),
          deadlineDateTime: toTimestamp(one.deadlineAt),
          answeredDateTime: stamp(one.answeredAt),
        }))
        return listInMemory(rows, 'id', query)
      },
    }),
    listEndpoint({
      ...common,
      id: 'listIncidentMessages',
      path: `${BASE}/{id}/messages`,
      summary: 'Signed messages that left for correspondents, and what became of them',
      answer: messageAnswer,
      fields: { id: both, partyId: both, state: both },
      list: async (_, { id }, query) => {
        if (!(await exists(id))) return refuse('incident_unknown')
        const rows = (await listMessages(breach, id)).map((one) => ({
          id: one.messageId,
          partyId: one.party,
          state: one.state,
          attemptCount: one.attempts,
          code: one.code ?? null,
          createdDateTime: toTimestamp(one.madeAt),
          sentDateTime: stamp(one.sentAt),
        }))
        return listInMemory(rows, 'id', query)
      },
    }),
    changeEndpoint({
      id: 'scopeReportOfSignal',
      path: '/security/signals/{id}/scopeReport',
      method: 'POST',
      summary: 'Takes the report of a party into an incident, scoped by what ledgers say it got',
      realms: OPERATOR,
      permission: HANDLE,
      params: numbered,
      body: z.strictObject({ incidentId: z.uuid(), reason }),
      answer: z.object({ id: z.string() }),
      success: 201,
      change: async (call, { id }, body) => {
        const criterion = await scopeReport(breach, id, body, byOf(call))
        return isRefusal(criterion) ? criterion : { id: criterion }
      },
    }),
  ]
}
