import type { ListSource } from '#database/list.ts'
import type { Reader } from '#database/handles.ts'
import type { EndReason, Grant } from './grant.ts'

export const GRANT_COLUMNS = `tenant_id, grant_id, request_id, case_id, operator_account_id, kind, items, records,
  precision, purpose, starts, approved_at, duration_ms, lapses_at, first_used_at, ends_at, seen_at, ended_at, ended_by, end_reason`

export interface GrantRow {
  readonly tenant_id: string
  readonly grant_id: string
  readonly request_id: string
  readonly case_id: string
  readonly operator_account_id: string
  readonly kind: Grant['kind']
  readonly items: readonly string[]
  readonly records: readonly string[]
  readonly precision: Grant['precision']
  readonly purpose: string
  readonly starts: Grant['starts']
  readonly approved_at: Date
  readonly duration_ms: number | string
  readonly lapses_at: Date
  readonly first_used_at: Date | null
  readonly ends_at: Date | null
  readonly seen_at: Date
  readonly ended_at: Date | null
  readonly ended_by: string | null
  readonly end_reason: EndReason | null
}

export function toGrant(row: GrantRow): Grant {
  return {
    grantId: row.grant_id,
    tenantId: row.tenant_id,
    requestId: row.request_id,
    caseId: row.case_id,
    operatorAccountId: row.operator_account_id,
    kind: row.kind,
    items: new Set(row.items),
    records: row.records,
    precision: row.precision,
    purpose: row.purpose,
    starts: row.starts,
    approvedAt: row.approved_at.getTime(),
    durationMs: Number(row.duration_ms),
    lapsesAt: row.lapses_at.getTime(),
    firstUsedAt: row.first_used_at?.getTime(),
    endsAt: row.ends_at?.getTime(),
    seenAt: row.seen_at.getTime(),
    endedAt: row.ended_at?.getTime(),
    endedBy: row.ended_by ?? undefined,
    endReason: row.end_reason ?? undefined,
  }
}

/** The tenant's grants, for `listPage` with rows of `GrantRow`. */
export function grantList(reader: Reader): ListSource {
  return {
    select: GRANT_COLUMNS,
    from: 'access_grants where tenant_id = $1',
    values: [reader.tenantId],
    columns: {
      id: { sql: 'grant_id', type: 'uuid' },
      caseId: { sql: 'case_id', type: 'uuid' },
      requestId: { sql: 'request_id', type: 'uuid' },
      operatorId: { sql: 'operator_account_id', type: 'uuid' },
      kind: { sql: 'kind', type: 'text' },
      approvedDateTime: { sql: 'approved_at', type: 'timestamptz' },
      endedDateTime: { sql: 'ended_at', type: 'timestamptz' },
    },
    key: 'id',
  }
}

/** Grants of the tenant: those of some requests, or those that live or were approved since a time. */
export async function selectGrants(
  reader: Reader,
  wanted: { readonly requests: readonly string[] } | { readonly approvedSince: number },
): Promise<readonly Grant[]> {
  const [which, value] =
    'requests' in wanted
      ? ['request_id = any($2::uuid[])', wanted.requests]
      : ['(ended_at is null or approved_at >= $2)', new Date(wanted.approvedSince)]
  const rows = await reader.rows<GrantRow>(
    `select ${GRANT_COLUMNS} from access_grants where tenant_id = $1 and ${which} order by approved_at, grant_id`,
    [reader.tenantId, value],
  )
  return rows.map(toGrant)
}

/** Whose grants may need to be looked after: tenant ids, nothing else. */
export async function tenantsWithLiveGrants(reader: Reader): Promise<readonly string[]> {
  const rows = await reader.rows<{ id: string }>(
    'select sluss_tenants_with_live_grants() as id order by 1',
  )
  return rows.map((row) => row.id)
}

/** An operator account's own grants across tenants, for `listPage`. Identifiers and dates only. */
export function grantsAcrossTenants(operatorAccountId: string): ListSource {
  return {
    select: 'g.tenant_id, g.grant_id',
    from: 'sluss_grants_of_operator($1::uuid) as g where true',
    values: [operatorAccountId],
    columns: {
      id: { sql: 'g.grant_id', type: 'uuid' },
      tenantId: { sql: 'g.tenant_id', type: 'text' },
      approvedDateTime: { sql: 'g.approved_at', type: 'timestamptz' },
    },
    key: 'id',
  }
}
