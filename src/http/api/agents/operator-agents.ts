import { z } from 'zod'
import { changeAgent, endAgent, listNewAgent } from '#agreements/agent.ts'
import { readAgents } from '#agreements/agent-objection.ts'
import { AGENT_CATEGORIES } from '#agreements/agent-terms.ts'
import { INSTALLATION, type Transaction } from '#database/handles.ts'
import { isRefusal, refuse } from '#foundation/refusal.ts'
import { type Endpoint, changeEndpoint, getEndpoint, listEndpoint } from '../endpoint.ts'
import { listInMemory } from '../odata/list-in-memory.ts'
import { type AgreementParts, PAGE, both, by, noBody, noParams, time } from '../sharing/shared.ts'
import { describeAgent, listedAgent } from './shared.ts'

export interface OperatorAgentParts extends AgreementParts {
  /** Tells the tenants of a change of the list, soon after its commit. */
  readonly agentsChanged?: (() => void) | undefined
}

const OPERATOR = ['operator'] as const
const READ_AGENTS = 'Agents/Read'
const MANAGE = 'Agents/Manage'
const ID = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/
const agentNamed = z.strictObject({ id: z.string().regex(ID) })

/** Words for people: no control characters, so that an entry of them keeps within its size. */
const text = (most: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(most)
    .regex(/^[^\p{C}]+$/u)
const words = text(200)
const list = (one: z.ZodType<string>) => z.array(one).min(1).max(50)
const terms = z.strictObject({
  displayName: words,
  corporateLocation: words,
  category: z.enum(AGENT_CATEGORIES),
  dataCategories: list(words),
  purposes: list(words),
  regions: list(text(64)),
  neededBy: z.array(z.string().regex(/^[a-z][A-Za-z0-9.-]{0,63}$/)).max(50),
  /** Not to be used before it. It puts a lead time off and never brings it forward. */
  fromDateTime: time,
})

/** `operator/agents`: the operator's subprocessors. Every change is an entry of the installation's log. */
export function operatorAgentEndpoints(parts: OperatorAgentParts): readonly Endpoint[] {
  const { database, catalog, agentsChanged } = parts
  const one = async (id: string) => {
    const agent = (await database.read(INSTALLATION, readAgents)).get(id)
    return agent && describeAgent(agent)
  }
  /** Changes the list, then tells; answers what was changed, or that nothing differed. */
  const change = async (id: string, work: (tx: Transaction) => ReturnType<typeof changeAgent>) => {
    const done = await database.write(INSTALLATION, work)
    if (isRefusal(done)) return done.refused === 'agent_not_listed' ? refuse('not_found') : done
    if (!done) return one(id)
    agentsChanged?.()
    return describeAgent(done)
  }
  const common = { realms: OPERATOR, answer: listedAgent }
  return [
    listEndpoint({
      ...common,
      id: 'listOperatorAgents',
      path: '/operator/agents',
      summary: 'The published list of agents (subprocessors)',
      permission: READ_AGENTS,
      params: noParams,
      pageSize: PAGE,
      fields: { id: both, displayName: both, category: both, listedDateTime: both },
      list: async (_, __, query) => {
        const agents = await database.read(INSTALLATION, readAgents)
        return listInMemory([...agents.values()].map(describeAgent), 'id', query)
      },
    }),
    getEndpoint({
      ...common,
      id: 'getOperatorAgent',
      path: '/operator/agents/{id}',
      summary: 'One agent',
      permission: READ_AGENTS,
      params: agentNamed,
      get: (_, { id }) => one(id),
    }),
    changeEndpoint({
      ...common,
      id: 'createOperatorAgent',
      path: '/operator/agents',
      method: 'POST',
      summary: 'Lists an agent; it may be used when its lead times are over',
      permission: MANAGE,
      stepUp: true,
      params: noParams,
      body: terms
        .partial({ neededBy: true, fromDateTime: true })
        .extend({ id: z.string().regex(ID) }),
      success: 201,
      change: (call, _, { id, displayName, fromDateTime, ...body }) =>
        change(id, (tx) =>
          listNewAgent(
            tx,
            catalog,
            {
              partyId: id,
              terms: { neededBy: [], ...definedOf(body), name: displayName },
              ...fromOf(fromDateTime),
            },
            by(call),
          ),
        ),
    }),
    changeEndpoint({
      ...common,
      id: 'updateOperatorAgent',
      path: '/operator/agents/{id}',
      method: 'PATCH',
      summary: 'Changes what the list says; what is wider waits for its own lead time',
      permission: MANAGE,
      stepUp: true,
      params: agentNamed,
      body: terms.partial(),
      success: 200,
      current: (_, { id }) => one(id),
      change: (call, { id }, { displayName, fromDateTime, ...body }) =>
        change(id, (tx) =>
          changeAgent(
            tx,
            catalog,
            id,
            {
              ...definedOf(body),
              ...(displayName === undefined ? {} : { name: displayName }),
              ...fromOf(fromDateTime),
            },
            by(call),
          ),
        ),
    }),
    changeEndpoint({
      ...common,
      id: 'endOperatorAgent',
      path: '/operator/agents/{id}/end',
      method: 'POST',
      summary: 'Takes an agent off the list; nothing goes to it from now on',
      permission: MANAGE,
      stepUp: true,
      params: agentNamed,
      body: noBody,
      success: 200,
      change: (call, { id }) => change(id, (tx) => endAgent(tx, id, by(call))),
    }),
  ]
}

function fromOf(fromDateTime: string | undefined): { from?: number } {
  return fromDateTime === undefined ? {} : { from: Date.parse(fromDateTime) }
}

/** Without the members that were not sent. */
function definedOf<Body extends object>(
  body: Body,
): { [Name in keyof Body]: Exclude<Body[Name], undefined> } {
  const sent = Object.entries(body).filter(([, value]) => value !== undefined)
  return Object.fromEntries(sent) as { [Name in keyof Body]: Exclude<Body[Name], undefined> }
}
