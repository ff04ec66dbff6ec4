import type { Reader, Transaction } from '#database/handles.ts'
import type { HeldRecord, PersonalDataHolder } from '#foundation/personal-data-holder.ts'

interface Row {
  readonly notice_id: string
  readonly template: string
  readonly channel: string
  readonly state: string
  readonly first_at: Date
  readonly read_at: Date | null
}

/** Which notices an account was sent; a subject is an account's id. Their text is made when it is read. */
export function noticeHolder(): PersonalDataHolder<Reader, Transaction> {
  const select = (reader: Reader, accountId: string): Promise<readonly Row[]> =>
    reader.rows<Row>(
      `select s.notice_id, n.template, s.channel, s.state, s.first_at, s.read_at
         from notice_sends s join notices n on n.tenant_id = s.tenant_id and n.notice_id = s.notice_id
        where s.tenant_id = $1 and s.recipient = $2 order by s.notice_id, s.channel`,
      [reader.tenantId, accountId],
    )
  const held = ({ notice_id, channel }: Row): HeldRecord => ({
    recordId: `${notice_id}/${channel}`,
    kind: 'notice',
    items: {},
  })
  return {
    holder: 'notify',
    find: async (reader, accountId) => (await select(reader, accountId)).map(held),
    exportFor: async (reader, accountId) =>
      (await select(reader, accountId)).map((row) => ({
        ...held(row),
        source: 'organisation',
        since: row.first_at.getTime(),
        items: {
          'notice.template': row.template,
          'notice.channel': row.channel,
          'notice.state': row.state,
          'notice.readAt': row.read_at?.toISOString() ?? null,
        },
      })),
    // Rows hold an account's id, which stands for nobody once the account is erased.
    erase: async () => 0,
  }
}
