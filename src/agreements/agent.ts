import type { Catalog, PartyId } from '#catalog/catalog.ts'
import { INSTALLATION, type Transaction } from '#database/handles.ts'
import { canonicalJson } from '#foundation/canonical-json.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { newOrderedId } from '#foundation/ids.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import { append } from '#ledger/append.ts'
import { type AgentChange, agentsAt, newestVersion, readAgentChanges } from './agent-log.ts'
import { NO_SCOPE, firstUse, fromRecord, nextScope } from './agent-scope.ts'
import {
  type AgentTerms,
  type TermsRecord,
  checkTerms,
  recordOf,
  termsForEntry,
  termsOf,
  wantedScope,
} from './agent-terms.ts'
import type { By } from './change.ts'

const PARTY_ID = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

/**
 * Puts an agent on the published list: a party of the catalog, or a new one, which this very row makes. It may be
 * used when its lead times are over: 6 calendar months for data of the customer, 30 days for other personal data.
 * `from` can put that off, never bring it forward. The handle is the installation's.
 *
 * @returns the change, or `agent_state` when the party is on the list, or what `checkTerms` refuses
 * @throws RangeError for a party id that is no slug
 */
export async function listNewAgent(
  tx: Transaction,
  catalog: Catalog,
  agent: { readonly partyId: PartyId; readonly terms: AgentTerms; readonly from?: number },
  by: By,
): Promise<AgentChange | Refusal> {
  if (!PARTY_ID.test(agent.partyId))
    throw new RangeError('a party id is lower-case letters, digits and hyphens')
  const { listed, at, version } = await lockList(tx, agent.partyId, by)
  if (listed) return refuse('agent_state', { party: agent.partyId })
  const refused = checkTerms(catalog, agent.partyId, agent.terms)
  if (refused) return refused
  const scope = nextScope(NO_SCOPE, wantedScope(agent.terms), at, agent.from)
  const terms = recordOf(agent.terms, scope, at)
  return record(tx, { version, partyId: agent.partyId, change: 'listed', at, terms }, by)
}

/**
 * Changes what the list says of an agent. What is wider waits for a lead time of its own while the rest goes on; what
 * is narrower counts at once. No change brings a date forward, and `from` puts all dates off.
 *
 * @returns the change; undefined when nothing differs; `agent_not_listed`, or what `checkTerms` refuses
 */
export async function changeAgent(
  tx: Transaction,
  catalog: Catalog,
  partyId: PartyId,
  changes: Partial<AgentTerms> & { readonly from?: number },
  by: By,
): Promise<AgentChange | Refusal | undefined> {
  const { listed, at, version } = await lockList(tx, partyId, by)
  if (!listed) return refuse('agent_not_listed', { party: partyId })
  const { from, ...given } = changes
  const terms: AgentTerms = { ...termsOf(listed.terms), ...given }
  const refused = checkTerms(catalog, partyId, terms)
  if (refused) return refused
  const scope = nextScope(fromRecord(listed.terms.scope), wantedScope(terms), at, from)
  const next = recordOf(terms, scope, listed.terms.listedAt)
  if (same(next, listed.terms)) return undefined
  return record(tx, { version, partyId, change: 'changed', at, terms: next }, by)
}

/**
 * Takes an agent off the list. Nothing goes to it from this commit on; if it comes back, its lead times begin anew.
 *
 * @returns the change, or `agent_not_listed`
 */
export async function endAgent(
  tx: Transaction,
  partyId: PartyId,
  by: By,
): Promise<AgentChange | Refusal> {
  const { listed, at, version } = await lockList(tx, partyId, by)
  if (!listed) return refuse('agent_not_listed', { party: partyId })
  return record(tx, { version, partyId, change: 'ended', at, terms: listed.terms }, by)
}

/** One change after the other, and no time before the last one: a clock set back must not shorten a lead time. */
async function lockList(tx: Transaction, partyId: PartyId, by: By) {
  if (tx.tenantId !== INSTALLATION)
    throw new RangeError('the list of agents belongs to the installation')
  await tx.rows(`select pg_advisory_xact_lock(hashtext('sluss agents'))`)
  const changes = await readAgentChanges(tx)
  const version = newestVersion(changes)
  return {
    listed: agentsAt(changes, { version }).get(partyId),
    at: Math.max(by.at, changes.at(-1)?.at ?? by.at),
    version: version + 1,
  }
}

async function record(
  tx: Transaction,
  change: Omit<AgentChange, 'entryId'>,
  by: By,
): Promise<AgentChange> {
  const { version, partyId, at, terms } = change
  const entryId = newOrderedId(at)
  await tx.change(
    `insert into agent_changes (tenant_id, version, party_id, change, changed_at, entry_id, terms)
     values ($1, $2, $3, $4, $5, $6, $7)`,
    [tx.tenantId, version, partyId, change.change, new Date(at), entryId, JSON.stringify(terms)],
  )
  await tx.change(
    `insert into agent_listings (tenant_id, party_id, listed_at, lead_time_days, lead_time_over_at, scope, ended_at)
     values ($1, $2, $3, 0, $4, $5, $6)
     on conflict (tenant_id, party_id) do update
       set listed_at = $3, lead_time_days = 0, lead_time_over_at = $4, scope = $5, ended_at = $6`,
    [
      tx.tenantId,
      partyId,
      new Date(terms.listedAt),
      new Date(firstUse(fromRecord(terms.scope))),
      JSON.stringify(terms.scope),
      change.change === 'ended' ? new Date(at) : null,
    ],
  )
  await append(tx, {
    id: entryId,
    at: toTimestamp(at),
    kind: `agent.${change.change}`,
    actor: by.actor,
    data: {
      party: partyId,
      version,
      ...(change.change === 'ended' ? {} : termsForEntry(terms)),
    },
  })
  await tx.rows('select sluss_bump_all_facts()')
  return { ...change, entryId }
}

function same(a: TermsRecord, b: TermsRecord): boolean {
  return canonicalJson(termsForEntry(a)) === canonicalJson(termsForEntry(b))
}

export function isAgentChange(answer: AgentChange | Refusal | undefined): answer is AgentChange {
  return answer !== undefined && !isRefusal(answer)
}
