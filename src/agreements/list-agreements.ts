import type { FeatureId, FlowId, ItemId, PartyId } from '#catalog/catalog.ts'
import type { Reader } from '#database/handles.ts'
import { type ListQuery, type Page, listPage } from '#database/list.ts'
import type { CollectionChoice } from './facts.ts'

/** A consent as it was given, and how it ended. Times are milliseconds. */
export interface ConsentRecord {
  readonly id: string
  readonly flowId: FlowId
  readonly manifestHash: string
  readonly items: readonly ItemId[]
  readonly previewId: string | null
  readonly givenBy: string
  readonly givenAt: Date
  readonly until: Date | null
  readonly withdrawnAt: Date | null
  readonly withdrawnBy: string | null
}

const CONSENT = `consent_id as id, flow_id as "flowId", manifest_hash as "manifestHash", items, preview as "previewId",
  given_by as "givenBy", given_at as "givenAt", valid_until as until, withdrawn_at as "withdrawnAt",
  withdrawn_by as "withdrawnBy"`

/** The newest consent of each flow: the one that counts. */
export async function readConsents(reader: Reader): Promise<ReadonlyMap<FlowId, ConsentRecord>> {
  const rows = await reader.rows<ConsentRecord>(
    `select distinct on (flow_id) ${CONSENT} from consents where tenant_id = $1
      order by flow_id, given_at desc, consent_id`,
    [reader.tenantId],
  )
  return new Map(rows.map((row) => [row.flowId, row]))
}

/** Every consent that was ever given to a flow. */
export function listConsents(
  reader: Reader,
  flowId: FlowId,
  query: ListQuery,
): Promise<Page<ConsentRecord>> {
  return listPage<ConsentRecord>(
    reader,
    {
      select: CONSENT,
      from: 'consents where tenant_id = $1 and flow_id = $2',
      values: [reader.tenantId, flowId],
      key: 'id',
      columns: {
        id: { sql: 'consent_id', type: 'uuid' },
        grantDateTime: { sql: 'given_at', type: 'timestamptz' },
        withdrawnDateTime: { sql: 'withdrawn_at', type: 'timestamptz' },
        grantedBy: { sql: 'given_by', type: 'text' },
        manifestHash: { sql: 'manifest_hash', type: 'text' },
      },
    },
    query,
  )
}

export interface FeatureState {
  readonly on: boolean
  readonly changedBy: string
  readonly changedAt: Date
}

/** The features that were ever switched; the others are off. */
export async function readFeatures(reader: Reader): Promise<ReadonlyMap<FeatureId, FeatureState>> {
  const rows = await reader.rows<FeatureState & { id: FeatureId }>(
    `select feature_id as id, is_on as on, changed_by as "changedBy", changed_at as "changedAt"
       from features where tenant_id = $1`,
    [reader.tenantId],
  )
  return new Map(rows.map(({ id, ...state }) => [id, state]))
}

/** The tenant's own choices, by item. */
export async function readChoices(
  reader: Reader,
): Promise<ReadonlyMap<ItemId, CollectionChoice & { readonly changedAt: Date }>> {
  const rows = await reader.rows<{
    id: ItemId
    on: boolean
    precision: string | null
    changedAt: Date
  }>(
    `select item_id as id, is_on as on, precision, changed_at as "changedAt"
       from collection_choices where tenant_id = $1`,
    [reader.tenantId],
  )
  return new Map(
    rows.map(({ id, on, precision, changedAt }) => [
      id,
      { on, precision: precision ?? undefined, changedAt },
    ]),
  )
}

export interface ContractRecord {
  readonly id: string
  readonly partyId: PartyId
  readonly documentHash: string
  readonly purposes: readonly string[]
  readonly from: Date
  readonly until: Date | null
  readonly recordedBy: string
}

const CONTRACT = `contract_id as id, party_id as "partyId", document_hash as "documentHash", purposes,
  valid_from as from, valid_until as until, recorded_by as "recordedBy"`

export function listContracts(reader: Reader, query: ListQuery): Promise<Page<ContractRecord>> {
  return listPage<ContractRecord>(
    reader,
    {
      select: CONTRACT,
      from: 'contracts where tenant_id = $1',
      values: [reader.tenantId],
      key: 'id',
      columns: {
        id: { sql: 'contract_id', type: 'uuid' },
        partyId: { sql: 'party_id', type: 'text' },
        documentHash: { sql: 'document_hash', type: 'text' },
        startDateTime: { sql: 'valid_from', type: 'timestamptz' },
        endDateTime: { sql: 'valid_until', type: 'timestamptz' },
      },
    },
    query,
  )
}

export async function readContract(
  reader: Reader,
  contractId: string,
): Promise<ContractRecord | undefined> {
  const [row] = await reader.rows<ContractRecord>(
    `select ${CONTRACT} from contracts where tenant_id = $1 and contract_id = $2`,
    [reader.tenantId, contractId],
  )
  return row
}

export interface PermissionRecord {
  readonly id: string
  readonly partyId: PartyId
  readonly contractId: string
  readonly givenBy: string
  readonly givenAt: Date
  readonly withdrawnAt: Date | null
}

const PERMISSION = `permission_id as id, party_id as "partyId", contract_id as "contractId", given_by as "givenBy",
  given_at as "givenAt", withdrawn_at as "withdrawnAt"`

export function listPermissions(reader: Reader, query: ListQuery): Promise<Page<PermissionRecord>> {
  return listPage<PermissionRecord>(
    reader,
    {
      select: PERMISSION,
      from: 'permissions where tenant_id = $1',
      values: [reader.tenantId],
      key: 'id',
      columns: {
        id: { sql: 'permission_id', type: 'uuid' },
        partyId: { sql: 'party_id', type: 'text' },
        contractId: { sql: 'contract_id', type: 'uuid' },
        grantDateTime: { sql: 'given_at', type: 'timestamptz' },
        withdrawnDateTime: { sql: 'withdrawn_at', type: 'timestamptz' },
      },
    },
    query,
  )
}

export async function readPermission(
  reader: Reader,
  permissionId: string,
): Promise<PermissionRecord | undefined> {
  const [row] = await reader.rows<PermissionRecord>(
    `select ${PERMISSION} from permissions where tenant_id = $1 and permission_id = $2`,
    [reader.tenantId, permissionId],
  )
  return row
}

export interface ApprovalRecord {
  readonly id: string
  readonly connectionId: string
  readonly exchangeId: string
  /** Sealed: see `openTarget`. */
  readonly target: Buffer | null
  readonly needsSecond: boolean
  readonly secondBy: string | null
  readonly withdrawnAt: Date | null
  readonly givenBy: string
  readonly givenAt: Date
  readonly until: Date
  readonly usedBy: string | null
}

const APPROVAL = `approval_id as id, connection_id as "connectionId", exchange_id as "exchangeId",
  target, needs_second as "needsSecond", second_by as "secondBy", withdrawn_at as "withdrawnAt", given_by as "givenBy",
  given_at as "givenAt", valid_until as until, used_by as "usedBy"`

/** Explicit approvals of commands that cannot be undone, used or not. */
export function listApprovals(reader: Reader, query: ListQuery): Promise<Page<ApprovalRecord>> {
  return listPage<ApprovalRecord>(
    reader,
    {
      select: APPROVAL,
      from: 'approvals where tenant_id = $1',
      values: [reader.tenantId],
      key: 'id',
      columns: {
        id: { sql: 'approval_id', type: 'uuid' },
        connectionId: { sql: 'connection_id', type: 'text' },
        exchangeId: { sql: 'exchange_id', type: 'text' },
        grantDateTime: { sql: 'given_at', type: 'timestamptz' },
        expirationDateTime: { sql: 'valid_until', type: 'timestamptz' },
      },
    },
    query,
  )
}

export async function readApproval(
  reader: Reader,
  id: string,
): Promise<ApprovalRecord | undefined> {
  const [row] = await reader.rows<ApprovalRecord>(
    `select ${APPROVAL} from approvals where tenant_id = $1 and approval_id = $2`,
    [reader.tenantId, id],
  )
  return row
}

/** What stands between the tenant and a party. */
export interface PartyStanding {
  readonly listedAt: string | null
  readonly leadTimeOverAt: string | null
  readonly endedAt: string | null
  readonly objectedAt: string | null
  readonly permissionId: string | null
  readonly contractId: string | null
}

/** The standing of each party: the installation's list of agents, the tenant's objections, its permissions in force. */
export async function readStandings(
  reader: Reader,
  partyIds: readonly PartyId[],
): Promise<ReadonlyMap<PartyId, PartyStanding>> {
  const rows = await reader.rows<{ id: PartyId; standing: PartyStanding }>(
    `select p.id, json_build_object(
         'listedAt', l.listed_at, 'leadTimeOverAt', l.lead_time_over_at, 'endedAt', l.ended_at,
         'objectedAt', (select min(o.objected_at) from agent_objections o
                         where o.tenant_id = $1 and o.party_id = p.id and o.settled_at is null),
         'permissionId', g.permission_id, 'contractId', g.contract_id) as standing
       from unnest($2::text[]) as p (id)
       left join lateral sluss_agent_listing(p.id) l on true
       left join lateral (select * from permissions x where x.tenant_id = $1 and x.party_id = p.id
                           order by x.given_at desc limit 1) g on g.withdrawn_at is null`,
    [reader.tenantId, partyIds],
  )
  return new Map(rows.map((row) => [row.id, row.standing]))
}
