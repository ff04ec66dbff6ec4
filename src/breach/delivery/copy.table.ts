import type { Reader, Transaction } from '#database/handles.ts'
import type { NoticeKind, OwnNumbers } from '../notice.ts'

export type CopyState = 'telling' | 'suite' | 'acknowledged' | 'person' | 'gone'

/** A tenant's copy of a notice; times are UTC milliseconds. */
export interface Copy {
  readonly noticeId: string
  readonly incidentId: string
  readonly kind: NoticeKind
  readonly state: CopyState
  readonly step: number
  readonly nextAt: number | undefined
  /** Of the approved notice. */
  readonly hash: string
  readonly madeAt: number
  readonly acknowledgedAt: number | undefined
}

interface Row {
  readonly notice_id: string
  readonly incident_id: string
  readonly kind: NoticeKind
  readonly state: CopyState
  readonly step: number
  readonly next_at: Date | null
  readonly hash: string
  readonly made_at: Date
  readonly acknowledged_at: Date | null
}

const COLUMNS = 'notice_id, incident_id, kind, state, step, next_at, hash, made_at, acknowledged_at'

const toCopy = (row: Row): Copy => ({
  noticeId: row.notice_id,
  incidentId: row.incident_id,
  kind: row.kind,
  state: row.state,
  step: row.step,
  nextAt: row.next_at?.getTime(),
  hash: row.hash,
  madeAt: row.made_at.getTime(),
  acknowledgedAt: row.acknowledged_at?.getTime(),
})

/** The copy, held until the transaction ends. */
export async function lockCopy(tx: Transaction, noticeId: string): Promise<Copy | undefined> {
  const [row] = await tx.rows<Row>(
    `select ${COLUMNS} from breach_notice_copies where tenant_id = $1 and notice_id = $2 for update`,
    [tx.tenantId, noticeId],
  )
  return row && toCopy(row)
}

/** Copies of the handle's tenant, the newest first. */
export async function listCopies(reader: Reader): Promise<readonly Copy[]> {
  const rows = await reader.rows<Row>(
    `select ${COLUMNS} from breach_notice_copies where tenant_id = $1 order by made_at desc, notice_id`,
    [reader.tenantId],
  )
  return rows.map(toCopy)
}

/** Makes the copy, once. Answers whether this call made it. */
export async function insertCopy(
  tx: Transaction,
  copy: Pick<Copy, 'noticeId' | 'incidentId' | 'kind' | 'hash' | 'step' | 'state' | 'madeAt'>,
): Promise<boolean> {
  const made = await tx.change(
    `insert into breach_notice_copies (tenant_id, notice_id, incident_id, kind, state, step, hash, made_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing`,
    [
      tx.tenantId,
      copy.noticeId,
      copy.incidentId,
      copy.kind,
      copy.state,
      copy.step,
      copy.hash,
      new Date(copy.madeAt),
    ],
  )
  return made > 0
}

export async function setCopy(
  tx: Transaction,
  noticeId: string,
  to: { readonly state: CopyState; readonly step?: number; readonly nextAt?: number | undefined },
): Promise<void> {
  await tx.change(
    `update breach_notice_copies set state = $3, step = coalesce($4, step), next_at = $5
      where tenant_id = $1 and notice_id = $2`,
    [
      tx.tenantId,
      noticeId,
      to.state,
      to.step ?? null,
      to.nextAt === undefined ? null : new Date(to.nextAt),
    ],
  )
}

/** Answers false where it was acknowledged before. */
export async function acknowledgeCopy(
  tx: Transaction,
  noticeId: string,
  by: { readonly actor: string; readonly at: number },
): Promise<boolean> {
  const changed = await tx.change(
    `update breach_notice_copies set state = 'acknowledged', next_at = null, acknowledged_at = $3, acknowledged_by = $4
      where tenant_id = $1 and notice_id = $2 and acknowledged_at is null`,
    [tx.tenantId, noticeId, new Date(by.at), by.actor],
  )
  return changed > 0
}

/** Answers false where the step was taken before. */
export async function insertStep(
  tx: Transaction,
  taken: {
    readonly noticeId: string
    readonly step: number
    readonly sentId: string
    readonly because: string
    readonly at: number
  },
): Promise<boolean> {
  const made = await tx.change(
    `insert into breach_notice_steps (tenant_id, notice_id, step, sent_id, because, taken_at)
     values ($1, $2, $3, $4, $5, $6) on conflict do nothing`,
    [tx.tenantId, taken.noticeId, taken.step, taken.sentId, taken.because, new Date(taken.at)],
  )
  return made > 0
}

/** To which copy and step a message belongs. */
export async function stepOf(
  reader: Reader,
  sentId: string,
): Promise<{ readonly noticeId: string; readonly step: number } | undefined> {
  const [row] = await reader.rows<{ notice_id: string; step: number }>(
    'select notice_id, step from breach_notice_steps where tenant_id = $1 and sent_id = $2',
    [reader.tenantId, sentId],
  )
  return row && { noticeId: row.notice_id, step: row.step }
}

/** The messages of a copy, by their ids. */
export async function sentOf(reader: Reader, noticeId: string): Promise<readonly string[]> {
  const rows = await reader.rows<{ sent_id: string }>(
    'select sent_id from breach_notice_steps where tenant_id = $1 and notice_id = $2 order by step',
    [reader.tenantId, noticeId],
  )
  return rows.map((row) => row.sent_id)
}

/** What the scope says of the handle's tenant, with the hash of its packet; undefined where it touches nothing. */
export async function ownNumbers(
  reader: Reader,
  incidentId: string,
  scopeId: string,
): Promise<(OwnNumbers & { readonly packetHash: string }) | undefined> {
  const [row] = await reader.rows<{
    subjects: number
    records: number
    first_at: Date | null
    last_at: Date | null
    packet_hash: string
  }>(
    `select subjects, records, first_at, last_at, packet_hash from breach_touched
      where tenant_id = $1 and incident_id = $2 and scope_id = $3 and is_touched`,
    [reader.tenantId, incidentId, scopeId],
  )
  return (
    row && {
      subjects: row.subjects,
      records: row.records,
      firstSeen: row.first_at?.getTime(),
      lastSeen: row.last_at?.getTime(),
      packetHash: row.packet_hash,
    }
  )
}
