import type { Reader } from '#database/handles.ts'
import type { ListSource } from '#database/list.ts'
import type { Keys } from '#keys/keys.ts'
import type { RequestState, Scope, SupportRequest } from './request.ts'

export const REQUEST_COLUMNS = `tenant_id, request_id, case_id, grant_id, asker, asker_marks, state, scope, items,
  precision, purpose, duration_ms, reason, nonce, answer_ms, created_at, expires_at, seen_at, provider_approved_by,
  provider_marks, provider_approved_at, decided_by, decided_at, denial`

export interface RequestRow {
  readonly tenant_id: string
  readonly request_id: string
  readonly case_id: string
  readonly grant_id: string
  readonly asker: string
  readonly asker_marks: readonly string[]
  readonly state: RequestState
  readonly scope: Buffer
  readonly items: readonly string[]
  readonly precision: 'exact' | 'masked'
  readonly purpose: string
  readonly duration_ms: number | string
  readonly reason: Buffer
  readonly nonce: string
  readonly answer_ms: number | string
  readonly created_at: Date
  readonly expires_at: Date
  readonly seen_at: Date
  readonly provider_approved_by: string | null
  readonly provider_marks: readonly string[]
  readonly provider_approved_at: Date | null
  readonly decided_by: string | null
  readonly decided_at: Date | null
  readonly denial: Buffer | null
}

/** Where a sealed text of a request belongs. */
export const requestPlace = (requestId: string, field: string): string =>
  `support-request/${requestId}/${field}`

/** Opens a row: reason, scope and denial are under the tenant's key. */
export async function toRequest(
  reader: Reader,
  keys: Keys,
  row: RequestRow,
): Promise<SupportRequest> {
  const open = async (field: string, sealed: Buffer): Promise<string> =>
    (await keys.openForTenant(reader, requestPlace(row.request_id, field), sealed)).toString()
  return {
    requestId: row.request_id,
    tenantId: row.tenant_id,
    caseId: row.case_id,
    grantId: row.grant_id,
    asker: row.asker,
    askerMarks: row.asker_marks,
    recordedState: row.state,
    scope: JSON.parse(await open('scope', row.scope)) as Scope,
    items: row.items,
    precision: row.precision,
    purpose: row.purpose,
    durationMs: Number(row.duration_ms),
    reason: await open('reason', row.reason),
    nonce: row.nonce,
    answerMs: Number(row.answer_ms),
    createdAt: row.created_at.getTime(),
    expiresAt: row.expires_at.getTime(),
    seenAt: row.seen_at.getTime(),
    providerApprovedBy: row.provider_approved_by ?? undefined,
    providerMarks: row.provider_marks,
    providerApprovedAt: row.provider_approved_at?.getTime(),
    decidedBy: row.decided_by ?? undefined,
    decidedAt: row.decided_at?.getTime(),
    denial: row.denial ? await open('denial', row.denial) : undefined,
  }
}

/** One request of the tenant; undefined when there is none. */
export async function readRequest(
  reader: Reader,
  keys: Keys,
  requestId: string,
): Promise<SupportRequest | undefined> {
  const [row] = await reader.rows<RequestRow>(
    `select ${REQUEST_COLUMNS} from support_requests where tenant_id = $1 and request_id = $2`,
    [reader.tenantId, requestId],
  )
  return row && toRequest(reader, keys, row)
}

/** The tenant's requests, for `listPage` with rows of `RequestRow`. */
export function requestList(reader: Reader): ListSource {
  return {
    select: REQUEST_COLUMNS,
    from: 'support_requests where tenant_id = $1',
    values: [reader.tenantId],
    columns: {
      id: { sql: 'request_id', type: 'uuid' },
      caseId: { sql: 'case_id', type: 'uuid' },
      operatorId: { sql: 'asker', type: 'uuid' },
      createdDateTime: { sql: 'created_at', type: 'timestamptz' },
      expirationDateTime: { sql: 'expires_at', type: 'timestamptz' },
    },
    key: 'id',
  }
}

/** Requests across tenants, for the operator: all that wait, or all of one asker. Identifiers only. */
export function requestsAcrossTenants(asker: string | undefined): ListSource {
  return {
    select: 'r.tenant_id, r.request_id',
    from: 'sluss_support_requests($1::uuid) as r where true',
    values: [asker ?? null],
    columns: {
      id: { sql: 'r.request_id', type: 'uuid' },
      tenantId: { sql: 'r.tenant_id', type: 'text' },
      operatorId: { sql: 'r.asker', type: 'uuid' },
      createdDateTime: { sql: 'r.created_at', type: 'timestamptz' },
    },
    key: 'id',
  }
}
