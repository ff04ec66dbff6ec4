import type { Reader, Transaction } from '#database/handles.ts'
import type { About } from './notice.ts'
import type { TemplateId } from './template.ts'

export type ChannelName = 'messageCentre' | 'mail' | 'webhook'

export interface NoticeRow {
  readonly noticeId: string
  readonly template: TemplateId
  readonly audiences: readonly string[]
  readonly about: About
  readonly usefulUntil: Date | null
  readonly queuedAt: Date
}

/** One recipient and channel of a notice. */
export interface SendRow extends NoticeRow {
  readonly recipient: string
  readonly channel: ChannelName
  readonly attempts: number
  readonly unknowns: number
  readonly firstAt: Date
}

const NOTICE = `n.notice_id as "noticeId", n.template, n.audiences, n.about, n.useful_until as "usefulUntil",
  n.queued_at as "queuedAt"`
const QUEUED = `select ${NOTICE} from notices n
  where n.tenant_id = $1 and n.state = 'queued' and n.due_at <= $2 order by n.due_at, n.notice_id`
const SEND = `${NOTICE}, s.recipient, s.channel, s.attempts, s.unknowns, s.first_at as "firstAt"`

/** Answers false where a notice of that id is there already. */
export async function insertNotice(
  tx: Transaction,
  notice: {
    readonly noticeId: string
    readonly template: TemplateId
    readonly audiences: readonly string[]
    readonly about: About
    readonly now: number
    readonly usefulUntil: number | undefined
  },
): Promise<boolean> {
  const at = new Date(notice.now)
  const made = await tx.change(
    `insert into notices (tenant_id, notice_id, template, audiences, about, queued_at, due_at, useful_until)
     values ($1, $2, $3, $4, $5, $6, $6, $7) on conflict do nothing`,
    [
      tx.tenantId,
      notice.noticeId,
      notice.template,
      notice.audiences,
      JSON.stringify(notice.about),
      at,
      notice.usefulUntil === undefined ? null : new Date(notice.usefulUntil),
    ],
  )
  return made > 0
}

/** Notices whose recipients are not worked out yet, the oldest first. */
export function queuedNotices(
  reader: Reader,
  now: Date,
  limit: number,
): Promise<readonly NoticeRow[]> {
  return reader.rows<NoticeRow>(`${QUEUED} limit $3`, [reader.tenantId, now, limit])
}

/** The same, held until the transaction ends; what another node holds is passed over. */
export function lockQueued(
  tx: Transaction,
  now: Date,
  limit: number,
): Promise<readonly NoticeRow[]> {
  return tx.rows<NoticeRow>(`${QUEUED} limit $3 for update skip locked`, [tx.tenantId, now, limit])
}

export async function markResolved(tx: Transaction, noticeId: string): Promise<void> {
  await tx.change(`update notices set state = 'resolved' where tenant_id = $1 and notice_id = $2`, [
    tx.tenantId,
    noticeId,
  ])
}

/** Adds what is to be sent, unless it is there. Answers whether it was added. */
export async function insertSend(
  tx: Transaction,
  send: { noticeId: string; recipient: string; channel: ChannelName; now: Date; sent: boolean },
): Promise<boolean> {
  const made = await tx.change(
    `insert into notice_sends
       (tenant_id, notice_id, recipient, channel, state, first_at, next_attempt_at, done_at)
     values ($1, $2, $3, $4, $5, $6, $6, $7) on conflict do nothing`,
    [
      tx.tenantId,
      send.noticeId,
      send.recipient,
      send.channel,
      send.sent ? 'sent' : 'waiting',
      send.now,
      send.sent ? send.now : null,
    ],
  )
  return made > 0
}

/** What is due, held until the transaction ends; what another node holds is passed over. */
export function lockDue(tx: Transaction, now: Date, limit: number): Promise<readonly SendRow[]> {
  return tx.rows<SendRow>(
    `select ${SEND} from notice_sends s
       join notices n on n.tenant_id = s.tenant_id and n.notice_id = s.notice_id
      where s.tenant_id = $1 and s.state = 'waiting' and s.next_attempt_at <= $2
      order by s.next_attempt_at, s.notice_id limit $3 for update of s skip locked`,
    [tx.tenantId, now, limit],
  )
}

/** Claims whose node died, or that are older than any sending lasts. */
export function lockAbandoned(
  tx: Transaction,
  stale: Date,
  nodes: readonly string[],
): Promise<readonly (SendRow & { readonly claimId: string })[]> {
  return tx.rows(
    `select ${SEND}, s.claim_id as "claimId" from notice_sends s
       join notices n on n.tenant_id = s.tenant_id and n.notice_id = s.notice_id
      where s.tenant_id = $1 and s.state = 'sending' and (s.claimed_at <= $2 or s.node_id = any($3))
      for update of s skip locked`,
    [tx.tenantId, stale, nodes],
  )
}

type Key = Pick<SendRow, 'noticeId' | 'recipient' | 'channel'>
const WHERE = 'tenant_id = $1 and notice_id = $2 and recipient = $3 and channel = $4'
const key = (tx: Reader, send: Key): unknown[] => [
  tx.tenantId,
  send.noticeId,
  send.recipient,
  send.channel,
]

export async function claim(
  tx: Transaction,
  send: Key,
  by: { claimId: string; nodeId: string; now: Date; mailId?: string | undefined },
): Promise<boolean> {
  const claimed = await tx.change(
    `update notice_sends set state = 'sending', attempts = attempts + 1, claim_id = $5, node_id = $6, claimed_at = $7,
            mail_id = coalesce($8, mail_id)
      where ${WHERE} and state = 'waiting'`,
    [...key(tx, send), by.claimId, by.nodeId, by.now, by.mailId ?? null],
  )
  return claimed > 0
}

/** Where a send goes from here. `next` is when to try again. */
export type Conclusion =
  | { readonly state: 'sent' | 'failed' | 'refused' }
  | { readonly state: 'waiting'; readonly next: Date }

/**
 * Ends the attempt of that claim, or (without one) what was waiting. Answers false when it was ended already: an
 * attempt has exactly one outcome.
 */
export async function conclude(
  tx: Transaction,
  send: Key,
  claimId: string | null,
  now: Date,
  conclusion: Conclusion,
  unknown = false,
): Promise<boolean> {
  const waits = conclusion.state === 'waiting'
  const changed = await tx.change(
    `update notice_sends set state = $5, claim_id = null, node_id = null, claimed_at = null,
            next_attempt_at = coalesce($6, next_attempt_at), done_at = $7, unknowns = unknowns + $8
      where ${WHERE} and ${claimId === null ? `state = 'waiting' and $9::uuid is null` : `state = 'sending' and claim_id = $9`}`,
    [
      ...key(tx, send),
      conclusion.state,
      waits ? conclusion.next : null,
      waits ? null : now,
      unknown ? 1 : 0,
      claimId,
    ],
  )
  return changed > 0
}

/** Tenants that have something to do, by id. */
export async function tenantsWithNotices(
  reader: Reader,
  now: Date,
  stale: Date,
  nodes: readonly string[],
): Promise<readonly string[]> {
  const rows = await reader.rows<{ id: string }>(
    'select sluss_tenants_with_notices($1, $2, $3) as id',
    [now, stale, nodes],
  )
  return rows.map((row) => row.id)
}
