import { type Database, INSTALLATION, type Reader, type Transaction } from '#database/handles.ts'
import { isUuid } from '#foundation/ids.ts'
import type { Keys } from '#keys/keys.ts'
import type { Hand, NoticeKind, NoticeState, NoticeWords } from './notice.ts'

/** A notice as its row has it; times are UTC milliseconds. */
export interface BreachNotice {
  readonly noticeId: string
  readonly incidentId: string
  readonly kind: NoticeKind
  readonly state: NoticeState
  readonly version: number
  readonly madeAt: number
  /** Fixed once approved. */
  readonly frozen:
    | { readonly at: number; readonly scopeId: string; readonly hash: string }
    | undefined
}

interface Row {
  readonly notice_id: string
  readonly incident_id: string
  readonly kind: NoticeKind
  readonly state: NoticeState
  readonly version: number
  readonly made_at: Date
  readonly approved_at: Date | null
  readonly scope_id: string | null
  readonly hash: string | null
}

const COLUMNS = 'notice_id, incident_id, kind, state, version, made_at, approved_at, scope_id, hash'
const context = (noticeId: string, version: number): string =>
  `breach-notice/${noticeId}/${version}`

export async function readNotice(
  reader: Reader,
  noticeId: string,
  lock: '' | 'for update' = '',
): Promise<BreachNotice | undefined> {
  if (!isUuid(noticeId)) return undefined
  const [row] = await reader.rows<Row>(
    `select ${COLUMNS} from breach_notices where tenant_id = $1 and notice_id = $2 ${lock}`,
    [reader.tenantId, noticeId],
  )
  return row && toNotice(row)
}

/** All notices of an incident, the oldest first. */
export async function listNotices(
  reader: Reader,
  incidentId: string,
): Promise<readonly BreachNotice[]> {
  const rows = await reader.rows<Row>(
    `select ${COLUMNS} from breach_notices where tenant_id = $1 and incident_id = $2 order by made_at, notice_id`,
    [reader.tenantId, incidentId],
  )
  return rows.map(toNotice)
}

/** Approved notices that some tenants may not have yet. */
export async function noticesToTell(database: Database): Promise<readonly string[]> {
  const rows = await database.read(INSTALLATION, (reader) =>
    reader.rows<{ notice_id: string }>(
      `select notice_id from breach_notices where tenant_id = $1 and state = 'approved'
        order by approved_at, notice_id`,
      [INSTALLATION],
    ),
  )
  return rows.map((row) => row.notice_id)
}

export async function insertNotice(
  tx: Transaction,
  notice: Pick<BreachNotice, 'noticeId' | 'incidentId' | 'kind' | 'madeAt'>,
): Promise<void> {
  await tx.change(
    `insert into breach_notices (tenant_id, notice_id, incident_id, kind, state, version, made_at)
     values ($1, $2, $3, $4, 'draft', 0, $5)`,
    [tx.tenantId, notice.noticeId, notice.incidentId, notice.kind, new Date(notice.madeAt)],
  )
}

/** A new version of the words; who approved an earlier one has not approved this. */
export async function insertVersion(
  tx: Transaction,
  keys: Keys,
  { noticeId, version }: { readonly noticeId: string; readonly version: number },
  words: NoticeWords,
  by: Hand,
  now: number,
): Promise<void> {
  const sealed = await keys.sealForTenant(
    tx,
    context(noticeId, version),
    Buffer.from(JSON.stringify(words)),
  )
  await tx.change(
    `insert into breach_notice_versions (tenant_id, notice_id, version, words, written_by, writer_marks, written_at)
     values ($1, $2, $3, $4, $5, $6, $7)`,
    [tx.tenantId, noticeId, version, sealed, by.accountId, by.marks, new Date(now)],
  )
  await tx.change(
    'update breach_notices set version = $3 where tenant_id = $1 and notice_id = $2',
    [tx.tenantId, noticeId, version],
  )
}

export interface NoticeVersion extends Hand {
  readonly version: number
  readonly writtenAt: number
}

/** Who wrote which version, the oldest first. */
export async function versionsOf(
  reader: Reader,
  noticeId: string,
): Promise<readonly NoticeVersion[]> {
  const rows = await reader.rows<{
    version: number
    written_by: string
    writer_marks: string[]
    written_at: Date
  }>(
    `select version, written_by, writer_marks, written_at from breach_notice_versions
      where tenant_id = $1 and notice_id = $2 order by version`,
    [reader.tenantId, noticeId],
  )
  return rows.map((row) => ({
    version: row.version,
    accountId: row.written_by,
    marks: row.writer_marks,
    writtenAt: row.written_at.getTime(),
  }))
}

export async function wordsOf(
  reader: Reader,
  keys: Keys,
  { noticeId, version }: { readonly noticeId: string; readonly version: number },
): Promise<NoticeWords | undefined> {
  const [row] = await reader.rows<{ words: Buffer }>(
    `select words from breach_notice_versions where tenant_id = $1 and notice_id = $2 and version = $3`,
    [reader.tenantId, noticeId, version],
  )
  if (!row) return undefined
  const opened = await keys.openForTenant(reader, context(noticeId, version), row.words)
  const words = JSON.parse(opened.toString()) as NoticeWords
  return { en: words.en, sv: words.sv, nextWordAt: words.nextWordAt }
}

/** Who has approved this version. */
export async function approvalsOf(
  reader: Reader,
  { noticeId, version }: { readonly noticeId: string; readonly version: number },
): Promise<readonly (Hand & { readonly approvedAt: number })[]> {
  const rows = await reader.rows<{ account_id: string; marks: string[]; approved_at: Date }>(
    `select account_id, marks, approved_at from breach_notice_approvals
      where tenant_id = $1 and notice_id = $2 and version = $3 order by approved_at, account_id`,
    [reader.tenantId, noticeId, version],
  )
  return rows.map((row) => ({
    accountId: row.account_id,
    marks: row.marks,
    approvedAt: row.approved_at.getTime(),
  }))
}

export async function insertApproval(
  tx: Transaction,
  { noticeId, version }: { readonly noticeId: string; readonly version: number },
  by: Hand,
  now: number,
): Promise<void> {
  await tx.change(
    `insert into breach_notice_approvals (tenant_id, notice_id, version, account_id, marks, approved_at)
     values ($1, $2, $3, $4, $5, $6)`,
    [tx.tenantId, noticeId, version, by.accountId, by.marks, new Date(now)],
  )
}

export async function freezeNotice(
  tx: Transaction,
  noticeId: string,
  frozen: { readonly at: number; readonly scopeId: string; readonly hash: string },
): Promise<void> {
  await tx.change(
    `update breach_notices set state = 'approved', approved_at = $3, scope_id = $4, hash = $5
      where tenant_id = $1 and notice_id = $2 and state = 'draft'`,
    [tx.tenantId, noticeId, new Date(frozen.at), frozen.scopeId, frozen.hash],
  )
}

export async function withdrawNotice(tx: Transaction, noticeId: string): Promise<boolean> {
  const changed = await tx.change(
    `update breach_notices set state = 'withdrawn' where tenant_id = $1 and notice_id = $2 and state = 'draft'`,
    [tx.tenantId, noticeId],
  )
  return changed > 0
}

export async function markTold(tx: Transaction, noticeId: string, now: number): Promise<boolean> {
  const changed = await tx.change(
    `update breach_notices set state = 'told', told_at = $3
      where tenant_id = $1 and notice_id = $2 and state = 'approved'`,
    [tx.tenantId, noticeId, new Date(now)],
  )
  return changed > 0
}

function toNotice(row: Row): BreachNotice {
  return {
    noticeId: row.notice_id,
    incidentId: row.incident_id,
    kind: row.kind,
    state: row.state,
    version: row.version,
    madeAt: row.made_at.getTime(),
    frozen:
      row.approved_at && row.scope_id !== null && row.hash !== null
        ? { at: row.approved_at.getTime(), scopeId: row.scope_id, hash: row.hash }
        : undefined,
  }
}
