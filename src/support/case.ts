import { endGrantsOfCase } from '#access/grants.ts'
import { actorOf } from '#access/principal.ts'
import type { Reader, Transaction } from '#database/handles.ts'
import type { ListSource } from '#database/list.ts'
import { newId } from '#foundation/ids.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import type { Keys } from '#keys/keys.ts'
import type { By, SupportParts } from './parts.ts'
import { noticeOfGrants } from './notices.ts'
import { record } from './record.ts'
import { cancelRequestsOfCase } from './requests/answer.ts'

/** What support works on: opened by the tenant, or by the operator on the tenant's call. Times in milliseconds. */
export interface SupportCase {
  readonly caseId: string
  readonly tenantId: string
  /** The tenant's own number or name for it. */
  readonly reference: string
  readonly title: string
  readonly openedBy: string
  readonly openedAt: number
  readonly closedAt: number | undefined
  readonly closedBy: string | undefined
}

export interface CaseRow {
  readonly tenant_id: string
  readonly case_id: string
  readonly reference: Buffer
  readonly title: Buffer
  readonly opened_by: string
  readonly opened_at: Date
  readonly closed_at: Date | null
  readonly closed_by: string | null
}

const COLUMNS = 'tenant_id, case_id, reference, title, opened_by, opened_at, closed_at, closed_by'
const place = (caseId: string, field: string): string => `support-case/${caseId}/${field}`

/** Answers the id of the new case. */
export async function openCase(
  tx: Transaction,
  parts: Pick<SupportParts, 'keys'>,
  wanted: { readonly reference: string; readonly title: string },
  by: By,
): Promise<string> {
  const caseId = newId()
  const actor = actorOf(by.principal)
  const seal = (field: string, text: string): Promise<Buffer> =>
    parts.keys.sealForTenant(tx, place(caseId, field), Buffer.from(text))
  await tx.change(
    `insert into support_cases (tenant_id, case_id, reference, title, opened_by, opened_at)
     values ($1, $2, $3, $4, $5, $6)`,
    [
      tx.tenantId,
      caseId,
      await seal('reference', wanted.reference),
      await seal('title', wanted.title),
      actor,
      new Date(by.now),
    ],
  )
  await record(tx, 'case.changed', actor, by.now, { case: caseId, state: 'open' })
  return caseId
}

/**
 * Closes a case, and with it everything that hangs on it: open requests are cancelled, accesses end now.
 *
 * @returns `case_unknown`, `case_closed`
 */
export async function closeCase(
  tx: Transaction,
  parts: SupportParts,
  caseId: string,
  by: By,
): Promise<true | Refusal> {
  const actor = actorOf(by.principal)
  const closed = await tx.change(
    `update support_cases set closed_at = $3, closed_by = $4
      where tenant_id = $1 and case_id = $2 and closed_at is null`,
    [tx.tenantId, caseId, new Date(by.now), actor],
  )
  if (closed === 0) {
    const known = await tx.rows(
      'select 1 from support_cases where tenant_id = $1 and case_id = $2',
      [tx.tenantId, caseId],
    )
    return refuse(known.length > 0 ? 'case_closed' : 'case_unknown', { case: caseId })
  }
  await record(tx, 'case.changed', actor, by.now, { case: caseId, state: 'closed' })
  await cancelRequestsOfCase(tx, parts, caseId, actor, by.now)
  await noticeOfGrants(tx, parts, await endGrantsOfCase(tx, caseId, { actor, at: by.now }), by.now)
  return true
}

/** Holds the case open until the caller's commit: nothing is asked or approved for one that closes meanwhile. */
export async function holdCaseOpen(tx: Transaction, caseId: string): Promise<true | Refusal> {
  const [row] = await tx.rows<{ closed_at: Date | null }>(
    'select closed_at from support_cases where tenant_id = $1 and case_id = $2 for share',
    [tx.tenantId, caseId],
  )
  if (!row) return refuse('case_unknown', { case: caseId })
  return row.closed_at === null || refuse('case_closed', { case: caseId })
}

export async function readCase(
  reader: Reader,
  keys: Keys,
  caseId: string,
): Promise<SupportCase | undefined> {
  const [row] = await reader.rows<CaseRow>(
    `select ${COLUMNS} from support_cases where tenant_id = $1 and case_id = $2`,
    [reader.tenantId, caseId],
  )
  return row && toCase(reader, keys, row)
}

/** Opens a row's words for the tenant, or for the operator who works on it. */
export async function toCase(reader: Reader, keys: Keys, row: CaseRow): Promise<SupportCase> {
  const open = async (field: string, sealed: Buffer): Promise<string> =>
    (await keys.openForTenant(reader, place(row.case_id, field), sealed)).toString()
  return {
    caseId: row.case_id,
    tenantId: row.tenant_id,
    reference: await open('reference', row.reference),
    title: await open('title', row.title),
    openedBy: row.opened_by,
    openedAt: row.opened_at.getTime(),
    closedAt: row.closed_at?.getTime(),
    closedBy: row.closed_by ?? undefined,
  }
}

/** The tenant's cases, for `listPage` with rows of `CaseRow`. */
export function caseList(reader: Reader): ListSource {
  return {
    select: COLUMNS,
    from: 'support_cases where tenant_id = $1',
    values: [reader.tenantId],
    columns: {
      id: { sql: 'case_id', type: 'uuid' },
      createdDateTime: { sql: 'opened_at', type: 'timestamptz' },
      closedDateTime: { sql: 'closed_at', type: 'timestamptz' },
      createdBy: { sql: 'opened_by', type: 'text' },
    },
    key: 'id',
  }
}
