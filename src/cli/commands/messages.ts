import type { JsonObject } from '../api-client.ts'
import type { Context } from '../context.ts'
import { sheet, textOf } from '../layout.ts'
import { segment, showList } from './listing.ts'

const MESSAGES = '/admin/serviceAnnouncement/messages'

export function messagesList(context: Context): Promise<void> {
  return showList(
    context,
    MESSAGES,
    ['startDateTime', 'severity', 'viewPoint.isRead', 'title', 'id'],
    { $orderby: 'startDateTime desc' },
    50,
  )
}

export async function messagesRead(context: Context, id: string): Promise<void> {
  const api = await context.api()
  const message = await api.get(`${MESSAGES}/${segment(id)}`)
  await api.change('POST', `${MESSAGES}/markRead`, { messageIds: [id] })
  const { content = '' } = (message.body ?? {}) as JsonObject
  context.show(message, () => [
    ...sheet(message, ['title', 'severity', 'startDateTime', 'actionRequiredByDateTime']),
    '',
    ...String(content)
      .split('\n')
      .map((line) => textOf(line)),
  ])
}
