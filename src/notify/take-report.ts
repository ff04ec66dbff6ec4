import { INSTALLATION, type Transaction } from '#database/handles.ts'
import { isTenantId } from '#foundation/ids.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import { append } from '#ledger/append.ts'
import { contactOf, markBounced } from './contacts.ts'
import { readDeliveryReport } from './delivery-report.ts'
import { sendEntry } from './notice-entry.ts'
import type { NotifyParts } from './parts.ts'
import type { TemplateId } from './template.ts'

export type ReportTaken = 'failed' | 'delayed' | 'delivered' | 'repeated'

interface Row {
  readonly notice_id: string
  readonly recipient: string
  readonly template: TemplateId
  readonly bounced_at: Date | null
}

/**
 * Takes in what a mail server reports of a mail of ours. A mail that came back is `notice.bounced` in the tenant's log,
 * once, and whoever has to be told another way is told so in the same commit. A delay says nothing yet: the relay goes on
 * trying. The report is believed as far as it names a mail by its keyed envelope id, which the relay and the recipient know.
 *
 * @param source  the message as it came
 * @returns what it was, or `body_malformed` for what is no report, `not_found` for one of no mail of ours
 */
export async function takeReport(
  parts: Pick<NotifyParts, 'database' | 'escalate'>,
  source: Buffer,
  now: number,
): Promise<ReportTaken | Refusal> {
  const report = readDeliveryReport(source)
  if (!report) return refuse('body_malformed', { expected: 'a delivery report (RFC 3464)' })
  const { envelopeId = '', action, status } = report
  const dot = envelopeId.indexOf('.')
  const tenantId = envelopeId.slice(0, dot)
  if (dot < 1 || !(isTenantId(tenantId) || tenantId === INSTALLATION)) return refuse('not_found')
  return parts.database.write(tenantId, async (tx) => {
    const row = await lockMail(tx, envelopeId.slice(dot + 1))
    if (!row) return refuse('not_found')
    if (action !== 'failed') return action === 'delayed' ? 'delayed' : 'delivered'
    if (row.bounced_at) return 'repeated'
    const { notice_id: noticeId, recipient, template } = row
    await tx.change(
      `update notice_sends set bounced_at = $3
        where tenant_id = $1 and mail_id = $2 and notice_id = $4`,
      [tx.tenantId, envelopeId.slice(dot + 1), new Date(now), noticeId],
    )
    const send = { noticeId, recipient, template, channel: 'mail' as const }
    await append(tx, sendEntry('notice.bounced', send, now, { code: status }))
    const contactId = contactOf(recipient)
    if (contactId !== undefined) await markBounced(tx, contactId, now)
    await parts.escalate?.(
      tx,
      { noticeId, template, recipient, channel: 'mail', code: status },
      now,
    )
    return 'failed'
  })
}

async function lockMail(tx: Transaction, mailId: string): Promise<Row | undefined> {
  const [row] = await tx.rows<Row>(
    `select s.notice_id, s.recipient, n.template, s.bounced_at from notice_sends s
       join notices n on n.tenant_id = s.tenant_id and n.notice_id = s.notice_id
      where s.tenant_id = $1 and s.mail_id = $2 for update of s`,
    [tx.tenantId, mailId],
  )
  return row
}
