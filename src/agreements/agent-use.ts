import type { Catalog, Party, PartyId, PurposeId } from '#catalog/catalog.ts'
import type { Reader } from '#database/handles.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import type { AgentChange } from './agent-log.ts'
import { openObjections, readAgents } from './agent-objection.ts'
import { fromRecord, scopeState } from './agent-scope.ts'

/**
 * Whether a helper of the operator's that no flow of the catalog leads to (its mail relay, its ticket system) may get
 * some categories of this tenant's data for a purpose now. Asked in the transaction that records the use. `about`: the
 * tenant whose data it is, where the handle is the installation's.
 *
 * @returns `agent_not_listed`, `agent_lead_time` or `agent_objection`; undefined where it may
 */
export async function agentRefusal(
  reader: Reader,
  partyId: PartyId,
  use: { readonly categories: readonly string[]; readonly purpose: PurposeId },
  now: number,
  about: string = reader.tenantId,
): Promise<Refusal | undefined> {
  const agent = (await readAgents(reader)).get(partyId)
  if (!agent) return refuse('agent_not_listed', { party: partyId })
  if (await objects(reader, about, partyId)) return refuse('agent_objection', { party: partyId })
  const scope = fromRecord(agent.terms.scope)
  for (const category of use.categories) {
    const state = scopeState(scope, { category, purpose: use.purpose }, now)
    if (state === 'leadTime') return refuse('agent_lead_time', { party: partyId })
    if (state === 'notListed') return refuse('agent_not_listed', { party: partyId })
  }
  return undefined
}

async function objects(reader: Reader, tenantId: string, partyId: PartyId): Promise<boolean> {
  if (tenantId === reader.tenantId) return (await openObjections(reader)).has(partyId)
  const [row] = await reader.rows<{ objected: boolean }>(
    'select sluss_agent_objected($1, $2) as objected',
    [tenantId, partyId],
  )
  return row?.objected ?? true
}

/** The catalog with the parties that only the list knows, so that flows to them can be asked about. */
export function withAgents(catalog: Catalog, agents: Iterable<AgentChange>): Catalog {
  const parties = new Map(catalog.parties)
  for (const { partyId, terms } of agents) {
    const party: Party = { id: partyId, name: terms.name, standing: 'agent' }
    if (!parties.has(partyId)) parties.set(partyId, party)
  }
  return { ...catalog, parties }
}
