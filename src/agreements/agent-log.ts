import type { PartyId } from '#catalog/catalog.ts'
import type { Reader } from '#database/handles.ts'
import type { TermsRecord } from './agent-terms.ts'

/** One change of the published list, with the whole terms as they stood after it. */
export interface AgentChange {
  /** Counts from 1 without a gap. */
  readonly version: number
  readonly partyId: PartyId
  readonly change: 'listed' | 'changed' | 'ended'
  /** Milliseconds since 1970; never earlier than that of the version before. */
  readonly at: number
  /** The entry in the installation's log. */
  readonly entryId: string
  readonly terms: TermsRecord
}

/** Every change of the list that ever was, in order. The list is public: any handle may read it. */
export async function readAgentChanges(reader: Reader): Promise<readonly AgentChange[]> {
  const rows = await reader.rows<{
    version: string | number
    partyId: PartyId
    change: AgentChange['change']
    at: Date
    entryId: string
    terms: TermsRecord
  }>(
    `select version, party_id as "partyId", change, changed_at as at, entry_id as "entryId", terms
       from sluss_agent_changes()`,
  )
  return rows.map((row) => ({ ...row, version: Number(row.version), at: row.at.getTime() }))
}

/** A state of the list: after a version, or at a time (a change at that very time counts). */
export type ListPoint = { readonly version: number } | { readonly at: number }

/** An agent as the list has it. */
export type ListedAgent = AgentChange

/** The agents of the list at a point, by party; those that ended before are not on it. */
export function agentsAt(
  changes: readonly AgentChange[],
  point: ListPoint,
): ReadonlyMap<PartyId, ListedAgent> {
  const agents = new Map<PartyId, ListedAgent>()
  for (const change of changes) {
    if ('version' in point ? change.version > point.version : change.at > point.at) break
    if (change.change === 'ended') agents.delete(change.partyId)
    else agents.set(change.partyId, change)
  }
  return agents
}

export function newestVersion(changes: readonly AgentChange[]): number {
  return changes.at(-1)?.version ?? 0
}
