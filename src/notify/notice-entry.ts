import type { Json } from '#foundation/canonical-json.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { newOrderedId } from '#foundation/ids.ts'
import type { Entry } from '#ledger/entry.ts'
import type { SendRow } from './notice.table.ts'

const ACTOR = 'job:notices'

/** An entry about one recipient and channel; recipients by account id, or by what they are to the tenant. */
export function sendEntry(
  kind: Extract<Entry['kind'], `notice.${string}` | 'refusal'>,
  send: Pick<SendRow, 'noticeId' | 'template' | 'recipient' | 'channel'>,
  now: number,
  data: { readonly [key: string]: Json } = {},
): Entry {
  return {
    id: newOrderedId(now),
    at: toTimestamp(now),
    kind,
    actor: ACTOR,
    data: {
      notice: send.noticeId,
      template: send.template,
      recipient: send.recipient,
      channel: send.channel,
      ...data,
    },
  }
}
