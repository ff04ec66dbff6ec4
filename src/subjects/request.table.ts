import type { Reader, Transaction } from '#database/handles.ts'
import type { ListSource } from '#database/list.ts'
import { isUuid } from '#foundation/ids.ts'
import type { Keys } from '#keys/keys.ts'
import type { PersonName } from '#records/match-person.ts'
import { unlessErased } from './view-held.ts'
import type { Outcome, RequestState, RequestType, Standing } from './request.ts'

/** Who the request is about, as the organisation knows them. Sealed under the request's own key. */
export interface RequestSubject {
  readonly firstName: string
  readonly lastName: string
  readonly email: string
  /** Other names, addresses and identifiers that they have or had here. */
  readonly names: readonly PersonName[]
}

export interface RightsRequest extends Standing {
  readonly requestId: string
  readonly type: RequestType
  readonly reason: string | undefined
  readonly cameBy: 'admin' | 'api' | 'person'
  readonly owner: string
  readonly language: 'en' | 'sv'
  readonly extendedReason: string | undefined
  readonly identityBy: string | undefined
  readonly identityAt: number | undefined
  readonly collectedAt: number | undefined
  readonly runs: number
  readonly closedAt: number | undefined
  readonly createdBy: string
  readonly revision: number
}

export interface RequestRow {
  readonly request_id: string
  readonly type: RequestType
  readonly state: RequestState
  readonly outcome: Outcome | null
  readonly reason: string | null
  readonly came_by: RightsRequest['cameBy']
  readonly owner: string
  readonly language: 'en' | 'sv'
  readonly sealed: Buffer
  readonly received_at: Date
  readonly due_at: Date
  readonly extended_months: number
  readonly extended_reason: string | null
  readonly identity_by: string | null
  readonly identity_at: Date | null
  readonly collected_at: Date | null
  readonly runs: number
  readonly overdue_at: Date | null
  readonly closed_at: Date | null
  readonly created_by: string
  readonly revision: number
}

const COLUMNS = `request_id, type, state, outcome, reason, came_by, owner, language, sealed, received_at, due_at,
  extended_months, extended_reason, identity_by, identity_at, collected_at, runs, overdue_at, closed_at,
  created_by, revision`

const place = (requestId: string): string => `rights-request/${requestId}`

export function toRightsRequest(row: RequestRow): RightsRequest {
  return {
    requestId: row.request_id,
    type: row.type,
    state: row.state,
    outcome: row.outcome ?? undefined,
    reason: row.reason ?? undefined,
    cameBy: row.came_by,
    owner: row.owner,
    language: row.language,
    receivedAt: row.received_at.getTime(),
    dueAt: row.due_at.getTime(),
    extendedMonths: row.extended_months,
    extendedReason: row.extended_reason ?? undefined,
    identityBy: row.identity_by ?? undefined,
    identityAt: row.identity_at?.getTime(),
    collectedAt: row.collected_at?.getTime(),
    runs: row.runs,
    overdueAt: row.overdue_at?.getTime(),
    closedAt: row.closed_at?.getTime(),
    createdBy: row.created_by,
    revision: row.revision,
  }
}

export async function insertRequest(
  tx: Transaction,
  keys: Keys,
  request: RightsRequest,
  subject: RequestSubject,
): Promise<void> {
  const { requestId } = request
  await keys.createSubjectKey(tx, requestId)
  const plain = Buffer.from(JSON.stringify(subject))
  await tx.change(
    `insert into rights_requests (tenant_id, request_id, type, state, came_by, owner, language, sealed, received_at,
       due_at, identity_by, identity_at, created_by)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
    [
      tx.tenantId,
      requestId,
      request.type,
      request.state,
      request.cameBy,
      request.owner,
      request.language,
      await keys.sealFor(tx, requestId, place(requestId), plain),
      new Date(request.receivedAt),
      new Date(request.dueAt),
      request.identityBy ?? null,
      date(request.identityAt),
      request.createdBy,
    ],
  )
}

/** Moves the request on, if nobody else did meanwhile. Answers whether it did. */
export async function updateRequest(tx: Transaction, request: RightsRequest): Promise<boolean> {
  const changed = await tx.change(
    `update rights_requests set state = $3, outcome = $4, reason = $5, owner = $6, due_at = $7, extended_months = $8,
        extended_reason = $9, identity_by = $10, identity_at = $11, collected_at = $12, runs = $13,
        overdue_at = $14, closed_at = $15, revision = revision + 1
      where tenant_id = $1 and request_id = $2 and revision = $16`,
    [
      tx.tenantId,
      request.requestId,
      request.state,
      request.outcome ?? null,
      request.reason ?? null,
      request.owner,
      new Date(request.dueAt),
      request.extendedMonths,
      request.extendedReason ?? null,
      request.identityBy ?? null,
      date(request.identityAt),
      date(request.collectedAt),
      request.runs,
      date(request.overdueAt),
      date(request.closedAt),
      request.revision,
    ],
  )
  return changed === 1
}

export async function selectRequest(
  reader: Reader,
  requestId: string,
): Promise<{ readonly request: RightsRequest; readonly row: RequestRow } | undefined> {
  if (!isUuid(requestId)) return undefined
  const [row] = await reader.rows<RequestRow>(
    `select ${COLUMNS} from rights_requests where tenant_id = $1 and request_id = $2`,
    [reader.tenantId, requestId],
  )
  return row && { request: toRightsRequest(row), row }
}

/** The same, held until the commit. */
export async function lockRequest(
  tx: Transaction,
  requestId: string,
): Promise<{ readonly request: RightsRequest; readonly row: RequestRow } | undefined> {
  if (!isUuid(requestId)) return undefined
  await tx.rows(
    'select 1 from rights_requests where tenant_id = $1 and request_id = $2 for update',
    [tx.tenantId, requestId],
  )
  return selectRequest(tx, requestId)
}

/** Who asks; nobody once the person was erased, or a year after the request was closed. */
export async function openRequestSubject(
  reader: Reader,
  keys: Keys,
  row: Pick<RequestRow, 'request_id' | 'sealed'>,
): Promise<RequestSubject> {
  return unlessErased(async () => {
    const opened = await keys.openFor(reader, row.request_id, place(row.request_id), row.sealed)
    return JSON.parse(opened.toString()) as RequestSubject
  }, FORGOTTEN)
}

const FORGOTTEN: RequestSubject = { firstName: '', lastName: '', email: '', names: [] }

/**
 * Destroys the keys of requests that were closed a year ago, and with them who asked. Their entries stay, and name
 * nobody. Answers how many.
 */
export async function forgetOldRequests(tx: Transaction, keys: Keys, now: number): Promise<number> {
  const rows = await tx.rows<{ id: string }>(
    `update rights_requests set forgotten_at = $2
      where tenant_id = $1 and forgotten_at is null and closed_at <= $3 returning request_id as id`,
    [tx.tenantId, new Date(now), new Date(now - YEAR_IN_MS)],
  )
  for (const { id } of rows) await keys.destroySubjectKey(tx, id)
  return rows.length
}

const YEAR_IN_MS = 365 * 86_400_000

/** For `listPage`, with rows of `RequestRow`. */
export function requestsSource(reader: Reader): ListSource {
  return {
    select: COLUMNS,
    from: 'rights_requests where tenant_id = $1',
    values: [reader.tenantId],
    columns: {
      id: { sql: 'request_id', type: 'uuid' },
      type: { sql: 'type', type: 'text' },
      status: { sql: `(case when state = 'closed' then 'closed' else 'active' end)`, type: 'text' },
      createdDateTime: { sql: 'received_at', type: 'timestamptz' },
      internalDueDateTime: { sql: 'due_at', type: 'timestamptz' },
    },
    key: 'id',
  }
}

/** Open requests whose date has passed and of which that was not noted yet. */
export async function lateRequests(reader: Reader, now: number): Promise<readonly string[]> {
  const rows = await reader.rows<{ id: string }>(
    `select request_id as id from rights_requests
      where tenant_id = $1 and state <> 'closed' and overdue_at is null and due_at <= $2 order by due_at`,
    [reader.tenantId, new Date(now)],
  )
  return rows.map((row) => row.id)
}

/** Open requests whose date is near, of whose owners nobody was told so for that date; marks them as told. */
export async function takeNearRequests(
  tx: Transaction,
  near: { readonly from: number; readonly until: number },
): Promise<readonly { readonly id: string; readonly owner: string; readonly dueAt: number }[]> {
  const rows = await tx.rows<{ id: string; owner: string; due_at: Date }>(
    `update rights_requests set warned_for = due_at
      where tenant_id = $1 and state <> 'closed' and due_at > $2 and due_at <= $3 and warned_for is distinct from due_at
      returning request_id as id, owner, due_at`,
    [tx.tenantId, new Date(near.from), new Date(near.until)],
  )
  return rows.map((row) => ({ id: row.id, owner: row.owner, dueAt: row.due_at.getTime() }))
}

/** Requests that are being served and whose records were not all looked up: a node died, or it is not their turn yet. */
export async function uncollectedRequests(reader: Reader): Promise<readonly string[]> {
  const rows = await reader.rows<{ id: string }>(
    `select request_id as id from rights_requests
      where tenant_id = $1 and state = 'active' and collected_at is null order by due_at`,
    [reader.tenantId],
  )
  return rows.map((row) => row.id)
}

const date = (time: number | undefined): Date | null => (time === undefined ? null : new Date(time))
