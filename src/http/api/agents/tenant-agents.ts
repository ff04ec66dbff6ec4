import { z } from 'zod'
import { type AgentChange, readAgentChanges } from '#agreements/agent-log.ts'
import {
  type ObjectionImpact,
  objectToListedAgent,
  objectionImpact,
  openObjections,
  readAgents,
  settleObjection,
} from '#agreements/agent-objection.ts'
import { firstUse, fromRecord } from '#agreements/agent-scope.ts'
import { refuse } from '#foundation/refusal.ts'
import { type Call, type Endpoint, changeEndpoint, getEndpoint, listEndpoint } from '../endpoint.ts'
import { listInMemory } from '../odata/list-in-memory.ts'
import {
  type AgreementParts,
  CONSENT,
  PAGE,
  READ,
  TENANT_ONLY,
  both,
  by,
  filterOnly,
  iso,
  named,
  noParams,
} from '../sharing/shared.ts'
import { describeDifference, listDifference, listPoint, pointOf } from './difference.ts'
import { describeAgent, listedAgent } from './shared.ts'

const tenantAgent = listedAgent.extend({
  /** `leadTime`: nothing goes to it before `firstUseDateTime`. `objected`: nothing goes to it from this tenant. */
  state: z.enum(['leadTime', 'listed', 'objected']),
  objectionDateTime: z.string().nullable(),
})

const impact = z.object({
  id: z.string(),
  /** Features with a flow to the agent, and whether they are in use. */
  features: z.array(z.object({ id: z.string(), isOn: z.boolean() })),
  flowIds: z.array(z.string()),
  services: z.array(z.string()),
  impactHash: z.string(),
})

const reason = z.string().trim().min(1).max(1_000).optional()

/** `deviceManagement/dataSharingAgents`: the operator's subprocessors, and how each stands for this tenant. */
export function tenantAgentEndpoints({ database, catalog }: AgreementParts): readonly Endpoint[] {
  const all = (call: Call) =>
    database.read(call.tenantId, async (reader) => {
      const objections = await openObjections(reader)
      const agents = await readAgents(reader)
      return [...agents.values()].map((agent) =>
        describe(agent, objections.get(agent.partyId), call.now),
      )
    })
  const one = async (call: Call, id: string) => (await all(call)).find((agent) => agent.id === id)
  const common = { realms: TENANT_ONLY, answer: tenantAgent }
  return [
    listEndpoint({
      ...common,
      id: 'listDataSharingAgents',
      path: '/deviceManagement/dataSharingAgents',
      summary: 'The published list of agents, and how each stands for this organisation',
      permission: READ,
      params: noParams,
      pageSize: PAGE,
      fields: {
        id: both,
        displayName: both,
        category: both,
        state: filterOnly,
        listedDateTime: both,
        firstUseDateTime: both,
        objectionDateTime: filterOnly,
      },
      list: async (call, _, query) => listInMemory(await all(call), 'id', query),
    }),
    getEndpoint({
      ...common,
      id: 'getDataSharingAgent',
      path: '/deviceManagement/dataSharingAgents/{id}',
      summary: 'One agent',
      permission: READ,
      params: named,
      get: (call, { id }) => one(call, id),
    }),
    changeEndpoint({
      id: 'compareDataSharingAgents',
      path: '/deviceManagement/dataSharingAgents/compare',
      method: 'POST',
      summary: 'The difference of the list between two versions or dates; changes nothing',
      realms: TENANT_ONLY,
      permission: READ,
      params: noParams,
      body: z.strictObject({ since: listPoint, until: listPoint.optional() }),
      answer: listDifference,
      success: 200,
      change: async ({ tenantId }, _, { since, until }) => {
        const changes = await database.read(tenantId, readAgentChanges)
        const after = until === undefined ? undefined : pointOf(until)
        return describeDifference(changes, pointOf(since), after)
      },
    }),
    getEndpoint({
      id: 'getAgentObjectionImpact',
      path: '/deviceManagement/dataSharingAgents/{id}/objectionImpact',
      summary: 'What would stop working if the organisation objected',
      realms: TENANT_ONLY,
      permission: READ,
      params: named,
      answer: impact,
      get: async ({ tenantId }, { id }) => {
        const found = await database.read(tenantId, (reader) =>
          objectionImpact(reader, catalog, id),
        )
        return found && describeImpact(found)
      },
    }),
    changeEndpoint({
      ...common,
      id: 'objectToDataSharingAgent',
      path: '/deviceManagement/dataSharingAgents/{id}/object',
      method: 'POST',
      summary: 'Objects to an agent, having seen what stops; its flows stop on every node',
      permission: CONSENT,
      params: named,
      body: z.strictObject({ impactHash: z.string().regex(/^[0-9a-f]{64}$/), reason }),
      success: 200,
      change: async (call, { id }, { impactHash, reason: why }) => {
        const refused = await database.write(call.tenantId, (tx) =>
          objectToListedAgent(
            tx,
            catalog,
            { partyId: id, impactHash, ...(why === undefined ? {} : { reason: why }) },
            by(call),
          ),
        )
        if (refused) return refused.refused === 'agent_not_listed' ? refuse('not_found') : refused
        return one(call, id)
      },
    }),
    changeEndpoint({
      ...common,
      id: 'settleAgentObjection',
      path: '/deviceManagement/dataSharingAgents/{id}/settleObjection',
      method: 'POST',
      summary: 'Ends the objection to an agent; its flows go on',
      permission: CONSENT,
      params: named,
      body: z.strictObject({ outcome: z.enum(['withdrawn', 'settled']), reason }),
      success: 200,
      change: async (call, { id }, { outcome, reason: why }) => {
        if (!(await one(call, id))) return refuse('not_found')
        const how = { outcome, ...(why === undefined ? {} : { reason: why }) }
        const refused = await database.write(call.tenantId, (tx) =>
          settleObjection(tx, id, how, by(call)),
        )
        return refused ?? one(call, id)
      },
    }),
  ]
}

function describe(
  agent: AgentChange,
  objectedAt: Date | undefined,
  now: number,
): z.input<typeof tenantAgent> {
  const waiting = firstUse(fromRecord(agent.terms.scope)) > now
  return {
    ...describeAgent(agent),
    state: objectedAt ? 'objected' : waiting ? 'leadTime' : 'listed',
    objectionDateTime: iso(objectedAt),
  }
}

function describeImpact(found: ObjectionImpact): z.input<typeof impact> {
  return {
    id: found.partyId,
    features: found.features.map(({ id, on }) => ({ id, isOn: on })),
    flowIds: [...found.flows],
    services: [...found.services],
    impactHash: found.hash,
  }
}
