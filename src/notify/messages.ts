import { type ListQuery, type Page, listPage } from '#database/list.ts'
import type { Reader, Transaction } from '#database/handles.ts'
import type { Keys } from '#keys/keys.ts'
import { documentOf } from './document.ts'
import type { About } from './notice.ts'
import { asText, renderNotice } from './render.ts'
import { type Language, type Severity, TEMPLATES, type TemplateId } from './template.ts'

/** A notice in the message centre of one account. */
export interface Message {
  readonly id: string
  readonly template: TemplateId
  readonly title: string
  /** Plain text. */
  readonly body: string
  readonly severity: Severity
  readonly actionRequired: boolean
  /** When what it tells of ends, where it does. */
  readonly until: string | undefined
  readonly sentAt: Date
  readonly readAt: Date | null
}

interface Row {
  readonly id: string
  readonly template: TemplateId
  readonly about: About
  readonly sentAt: Date
  readonly readAt: Date | null
}

/** Whose messages, and how they read them. */
export interface MessageReader {
  readonly keys: Keys
  readonly accountId: string
  readonly language: Language
  readonly timeZone: string
}

const SELECT = `n.notice_id as id, n.template, n.about, s.done_at as "sentAt", s.read_at as "readAt"`
const FROM = `notice_sends s join notices n on n.tenant_id = s.tenant_id and n.notice_id = s.notice_id
  where s.tenant_id = $1 and s.recipient = $2 and s.channel = 'messageCentre'`

/** The account's own messages. Fields: `id`, `startDateTime`, `viewPoint/isRead`, `sluss/template`. */
export async function listMessages(
  reader: Reader,
  by: MessageReader,
  query: ListQuery,
): Promise<Page<Message>> {
  const page = await listPage<Row>(
    reader,
    {
      select: SELECT,
      from: FROM,
      values: [reader.tenantId, by.accountId],
      columns: {
        id: { sql: 'n.notice_id', type: 'uuid' },
        startDateTime: { sql: 's.done_at', type: 'timestamptz' },
        'sluss/template': { sql: 'n.template', type: 'text' },
        'viewPoint/isRead': { sql: '(s.read_at is not null)', type: 'boolean' },
      },
      key: 'id',
    },
    query,
  )
  return { ...page, rows: await Promise.all(page.rows.map((row) => asMessage(reader, row, by))) }
}

/** One of the account's own messages. */
export async function readMessage(
  reader: Reader,
  by: MessageReader,
  id: string,
): Promise<Message | undefined> {
  const [row] = await reader.rows<Row>(`select ${SELECT} from ${FROM} and n.notice_id = $3`, [
    reader.tenantId,
    by.accountId,
    id,
  ])
  return row && asMessage(reader, row, by)
}

/** Marks the account's own messages as read or unread. Answers how many of them there are. */
export function markMessages(
  tx: Transaction,
  accountId: string,
  ids: readonly string[],
  read: boolean,
  now: number,
): Promise<number> {
  return tx.change(
    `update notice_sends set read_at = case when $4 then coalesce(read_at, $5) end
      where tenant_id = $1 and recipient = $2 and channel = 'messageCentre' and notice_id = any($3)`,
    [tx.tenantId, accountId, ids, read, new Date(now)],
  )
}

/** When the first of these messages was read in anybody's message centre; UTC milliseconds. */
export async function firstRead(
  reader: Reader,
  noticeIds: readonly string[],
): Promise<number | undefined> {
  const [row] = await reader.rows<{ at: Date | null }>(
    `select min(read_at) as at from notice_sends
      where tenant_id = $1 and notice_id = any($2) and channel = 'messageCentre'`,
    [reader.tenantId, noticeIds],
  )
  return row?.at?.getTime()
}

async function asMessage(
  reader: Reader,
  row: Row,
  { keys, language, timeZone }: MessageReader,
): Promise<Message> {
  const { template, about } = row
  const { tenantId } = reader
  const document = await documentOf(reader, keys, about)
  const rendered = renderNotice({ template, about, tenantId, document }, language, timeZone)
  const { severity, action } = TEMPLATES[template]
  return {
    id: row.id,
    template,
    title: rendered.subject,
    body: asText({ ...rendered, footer: '' }).replace(/\n\n-- \n\n$/, ''),
    severity,
    actionRequired: action,
    until: typeof about.until === 'string' ? about.until : undefined,
    sentAt: row.sentAt,
    readAt: row.readAt,
  }
}
