import type { Catalog, FeatureId, FlowId, PartyId } from '#catalog/catalog.ts'
import type { Reader, Transaction } from '#database/handles.ts'
import { canonicalJson } from '#foundation/canonical-json.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { sha256Hex } from '#foundation/hashing.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import { servicesRunBy } from './agent-binding.ts'
import { type AgentChange, agentsAt, newestVersion, readAgentChanges } from './agent-log.ts'
import { type By, recordChange } from './change.ts'
import { readFeatures } from './list-agreements.ts'

/** What stops working while a tenant objects to an agent. */
export interface ObjectionImpact {
  readonly partyId: PartyId
  /** Features with a flow to the agent, and whether the tenant uses them. */
  readonly features: readonly { readonly id: FeatureId; readonly on: boolean }[]
  readonly flows: readonly FlowId[]
  /** Parts of the service that it runs, or that the operator says need it. */
  readonly services: readonly string[]
  /** Of all of this: an objection names what its maker was shown. */
  readonly hash: string
}

/** The agents as the list has them now. */
export async function readAgents(reader: Reader): Promise<ReadonlyMap<PartyId, AgentChange>> {
  const changes = await readAgentChanges(reader)
  return agentsAt(changes, { version: newestVersion(changes) })
}

/** Works out what would stop; undefined for a party that is not on the list. */
export async function objectionImpact(
  reader: Reader,
  catalog: Catalog,
  partyId: PartyId,
): Promise<ObjectionImpact | undefined> {
  const agent = (await readAgents(reader)).get(partyId)
  if (!agent) return undefined
  const states = await readFeatures(reader)
  const flows = [...catalog.flows.values()]
    .filter((flow) => flow.party === partyId && flow.direction === 'outbound')
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
  const features = [...new Set(flows.map((flow) => flow.feature))].map((id) => ({
    id,
    on: states.get(id)?.on ?? false,
  }))
  const shown = {
    partyId,
    features,
    flows: flows.map((flow) => flow.id),
    services: [
      ...new Set([...agent.terms.neededBy, ...(await servicesRunBy(reader, partyId))]),
    ].sort(),
  }
  return { ...shown, hash: sha256Hex(canonicalJson(shown)) }
}

/**
 * The tenant objects to an agent on the list: its flows stop on every node until the objection is settled.
 * `impactHash` is of what was shown. Objecting again changes nothing. The reason stays in the tenant's own row.
 *
 * @returns `agent_not_listed`, or `impact_changed` when other things would stop than were shown
 */
export async function objectToListedAgent(
  tx: Transaction,
  catalog: Catalog,
  objection: { readonly partyId: PartyId; readonly impactHash: string; readonly reason?: string },
  by: By,
): Promise<Refusal | undefined> {
  const { partyId, impactHash, reason } = objection
  await tx.rows('select pg_advisory_xact_lock(hashtext($1))', [`objection ${tx.tenantId}`])
  const impact = await objectionImpact(tx, catalog, partyId)
  if (!impact) return refuse('agent_not_listed', { party: partyId })
  if (impact.hash !== impactHash)
    return refuse('impact_changed', { party: partyId, expected: impact.hash, came: impactHash })
  const made = await tx.change(
    `insert into agent_objections (tenant_id, party_id, objected_by, objected_at, reason)
     select $1, $2, $3, greatest($4::timestamptz, max(objected_at) + interval '1 millisecond'), $5
       from agent_objections where tenant_id = $1 and party_id = $2
     having count(*) filter (where settled_at is null) = 0`,
    [tx.tenantId, partyId, by.actor, new Date(by.at), reason ?? null],
  )
  if (made > 0)
    await recordChange(tx, by, 'agent.objected', {
      party: partyId,
      impact: impact.hash,
      features: impact.features.map(({ id }) => id),
      services: impact.services,
    })
  return undefined
}

/**
 * Ends the tenant's objection: withdrawn by the tenant, or settled with the operator. Its flows go on.
 *
 * @returns `agent_state` when there is none
 */
export async function settleObjection(
  tx: Transaction,
  partyId: PartyId,
  how: { readonly outcome: 'withdrawn' | 'settled'; readonly reason?: string },
  by: By,
): Promise<Refusal | undefined> {
  const rows = await tx.rows<{ objected_at: Date }>(
    `update agent_objections set settled_at = $3, settled_by = $4, outcome = $5, settled_reason = $6
      where tenant_id = $1 and party_id = $2 and settled_at is null returning objected_at`,
    [tx.tenantId, partyId, new Date(by.at), by.actor, how.outcome, how.reason ?? null],
  )
  if (rows.length === 0) return refuse('agent_state', { party: partyId })
  await recordChange(tx, by, 'agent.settled', {
    party: partyId,
    outcome: how.outcome,
    objectedAt: rows.map((row) => toTimestamp(row.objected_at.getTime())),
  })
  return undefined
}

/** When the tenant objected to each agent that it still objects to. */
export async function openObjections(reader: Reader): Promise<ReadonlyMap<PartyId, Date>> {
  const rows = await reader.rows<{ id: PartyId; at: Date }>(
    `select party_id as id, min(objected_at) as at from agent_objections
      where tenant_id = $1 and settled_at is null group by party_id`,
    [reader.tenantId],
  )
  return new Map(rows.map((row) => [row.id, row.at]))
}
