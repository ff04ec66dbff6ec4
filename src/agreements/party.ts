import type { PartyId } from '#catalog/catalog.ts'
import { INSTALLATION, type Transaction } from '#database/handles.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { newId, newOrderedId } from '#foundation/ids.ts'
import { append } from '#ledger/append.ts'
import { type By, recordChange } from './change.ts'

/** A contract of the tenant's own with a party. */
export interface Contract {
  readonly partyId: PartyId
  /** SHA-256 of the signed document, hex. */
  readonly documentHash: string
  readonly purposes: readonly string[]
  readonly from: number
  readonly until?: number
}

/** Records a contract; what is held by the party is governed by it. Answers its id. */
export async function recordContract(tx: Transaction, contract: Contract, by: By): Promise<string> {
  const id = newId()
  await tx.change(
    `insert into contracts (tenant_id, contract_id, party_id, document_hash, purposes, valid_from, valid_until, recorded_by)
     values ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [
      tx.tenantId,
      id,
      contract.partyId,
      contract.documentHash,
      contract.purposes,
      new Date(contract.from),
      contract.until === undefined ? null : new Date(contract.until),
      by.actor,
    ],
  )
  await recordChange(tx, by, 'contract.recorded', {
    contract: id,
    party: contract.partyId,
    document: contract.documentHash,
    purposes: contract.purposes,
    from: toTimestamp(contract.from),
    until: contract.until === undefined ? null : toTimestamp(contract.until),
  })
  return id
}

/** Ends a contract at `at`; the next sending under it is refused. */
export async function endContract(tx: Transaction, contractId: string, by: By): Promise<boolean> {
  const ended = await tx.change(
    `update contracts set valid_until = $3 where tenant_id = $1 and contract_id = $2
        and (valid_until is null or valid_until > $3)`,
    [tx.tenantId, contractId, new Date(by.at)],
  )
  if (ended > 0) await recordChange(tx, by, 'contract.ended', { contract: contractId })
  return ended > 0
}

/** The admin's explicit leave for a party that is no agent, resting on a contract. Answers its id. */
export async function givePermission(
  tx: Transaction,
  partyId: PartyId,
  contractId: string,
  by: By,
): Promise<string> {
  const id = newId()
  await tx.change(
    `insert into permissions (tenant_id, permission_id, party_id, contract_id, given_by, given_at)
     values ($1, $2, $3, $4, $5, $6)`,
    [tx.tenantId, id, partyId, contractId, by.actor, new Date(by.at)],
  )
  await recordChange(tx, by, 'permission.given', {
    permission: id,
    party: partyId,
    contract: contractId,
  })
  return id
}

/** Withdraws every permission for the party. */
export async function withdrawPermission(
  tx: Transaction,
  partyId: PartyId,
  by: By,
): Promise<number> {
  const ended = await tx.change(
    'update permissions set withdrawn_at = $3, withdrawn_by = $4 where tenant_id = $1 and party_id = $2 and withdrawn_at is null',
    [tx.tenantId, partyId, new Date(by.at), by.actor],
  )
  if (ended > 0) await recordChange(tx, by, 'permission.withdrawn', { party: partyId })
  return ended
}

/**
 * Lets a party be used as an agent after `leadTimeDays`, without terms and so for everything. It stands in the
 * installation's log, not in the published list: what the operator does goes through `agent.ts`. The handle is the
 * installation's.
 */
export async function listAgent(
  tx: Transaction,
  partyId: PartyId,
  leadTimeDays: number,
  by: By,
): Promise<void> {
  if (tx.tenantId !== INSTALLATION)
    throw new RangeError('the list of agents belongs to the installation')
  await tx.change(
    `insert into agent_listings (tenant_id, party_id, listed_at, lead_time_days) values ($1, $2, $3, $4)
     on conflict (tenant_id, party_id) do update set listed_at = $3, lead_time_days = $4, ended_at = null,
       scope = null, lead_time_over_at = null`,
    [tx.tenantId, partyId, new Date(by.at), leadTimeDays],
  )
  await append(tx, {
    id: newOrderedId(by.at),
    at: toTimestamp(by.at),
    kind: 'agent.listed',
    actor: by.actor,
    data: { party: partyId, leadTimeDays },
  })
  await tx.rows('select sluss_bump_all_facts()')
}

/** The tenant objects to an agent: its flows stop until the objection is settled. */
export async function objectToAgent(tx: Transaction, partyId: PartyId, by: By): Promise<void> {
  await tx.change(
    'insert into agent_objections (tenant_id, party_id, objected_by, objected_at) values ($1, $2, $3, $4)',
    [tx.tenantId, partyId, by.actor, new Date(by.at)],
  )
  await recordChange(tx, by, 'agent.objected', { party: partyId })
}
