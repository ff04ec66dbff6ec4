import type { PartyId } from '#catalog/catalog.ts'
import { INSTALLATION, type Reader, type Transaction } from '#database/handles.ts'
import { type By, recordChange } from './change.ts'

/** Who runs a part of the service: an agent on the published list, by its id, or the operator itself. */
export type RunBy = 'operator' | { readonly agent: PartyId }

/** Parts of the service that a helper of the operator's may run. */
export type BoundService = 'notices.mail' | 'notices.webhook'

/**
 * Records who runs a part of the service, where that differs from what stands. That the operator runs it itself is a
 * decision like another, and is in the log. The handle is the installation's.
 *
 * @returns whether anything differed
 */
export async function bindService(
  tx: Transaction,
  service: BoundService,
  runBy: RunBy,
  by: By,
): Promise<boolean> {
  if (tx.tenantId !== INSTALLATION)
    throw new RangeError('who runs the service is told under the installation')
  const partyId = runBy === 'operator' ? null : runBy.agent
  const changed = await tx.change(
    `insert into agent_bindings as b (tenant_id, service, party_id, bound_at) values ($1, $2, $3, $4)
     on conflict (tenant_id, service) do update set party_id = $3, bound_at = $4
      where b.party_id is distinct from $3`,
    [tx.tenantId, service, partyId, new Date(by.at)],
  )
  if (changed === 0) return false
  const runs = partyId === null ? { runBy: 'operator' } : { runBy: 'agent', party: partyId }
  await recordChange(tx, by, 'agent.bound', { service, ...runs })
  await tx.rows('select sluss_bump_all_facts()')
  return true
}

/** The parts of the service that an agent runs, by name. Any handle may read it. */
export async function servicesRunBy(reader: Reader, partyId: PartyId): Promise<readonly string[]> {
  const rows = await reader.rows<{ service: string }>(
    'select service from sluss_agent_bindings() where party_id = $1',
    [partyId],
  )
  return rows.map((row) => row.service)
}
