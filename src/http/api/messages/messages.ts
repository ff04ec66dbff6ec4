import { z } from 'zod'
import type { Database } from '#database/handles.ts'
import { toTimestamp } from '#foundation/clock.ts'
import type { Keys } from '#keys/keys.ts'
import { type Message, listMessages, markMessages, readMessage } from '#notify/messages.ts'
import { readNoticeSettings } from '#notify/settings.ts'
import {
  type Call,
  type Endpoint,
  SIGNED_IN,
  changeEndpoint,
  getEndpoint,
  listEndpoint,
} from '../endpoint.ts'

export interface MessageParts {
  readonly database: Database
  readonly keys: Keys
}

const BOTH = ['tenant', 'operator'] as const
const PATH = '/admin/serviceAnnouncement/messages'

/** Graph's `serviceUpdateMessage`, as far as a notice has it. */
const message = z.object({
  id: z.uuid(),
  title: z.string(),
  category: z.enum(['preventOrFixIssue', 'stayInformed']),
  severity: z.enum(['normal', 'high', 'critical']),
  services: z.array(z.string()),
  tags: z.array(z.string()),
  startDateTime: z.string(),
  lastModifiedDateTime: z.string(),
  actionRequiredByDateTime: z.string().nullable(),
  body: z.object({ contentType: z.literal('text'), content: z.string() }),
  viewPoint: z.object({ isRead: z.boolean() }),
  /** What it tells of, for programs: `support.requested`. */
  sluss: z.object({ template: z.string() }),
})

/** `admin/serviceAnnouncement/messages`: where notices land, for each account its own. */
export function messageEndpoints({ database, keys }: MessageParts): readonly Endpoint[] {
  const reader = async ({ principal, tenantId }: Call) => {
    const { timeZone } = await database.read(tenantId, (tx) => readNoticeSettings(tx, keys))
    return { keys, accountId: principal.accountId, language: principal.language, timeZone }
  }
  const mark = (id: string, action: string, read: boolean): Endpoint =>
    changeEndpoint({
      id,
      path: `${PATH}/${action}`,
      method: 'POST',
      summary: `Marks messages of one's own as ${read ? 'read' : 'unread'}`,
      realms: BOTH,
      permission: SIGNED_IN,
      params: z.strictObject({}),
      body: z.strictObject({ messageIds: z.array(z.uuid()).min(1).max(1_000) }),
      /** Whether all of them were one's own. */
      answer: z.object({ value: z.boolean() }),
      success: 200,
      change: async ({ principal, tenantId, now }, _, { messageIds }) => {
        const ids = [...new Set(messageIds)]
        const marked = await database.write(tenantId, (tx) =>
          markMessages(tx, principal.accountId, ids, read, now),
        )
        return { value: marked === ids.length }
      },
    })
  return [
    listEndpoint({
      id: 'listServiceUpdateMessages',
      path: PATH,
      summary: "Notices to one's own account, in its language",
      realms: BOTH,
      permission: SIGNED_IN,
      params: z.strictObject({}),
      answer: message,
      pageSize: { usual: 50, most: 200 },
      fields: {
        id: { filter: true, sort: true },
        startDateTime: { filter: true, sort: true },
        'viewPoint/isRead': { filter: true, sort: false },
        'sluss/template': { filter: true, sort: false },
        severity: { filter: false, sort: false, whyNot: 'it follows from the template' },
      },
      list: async (call, _, query) => {
        const by = await reader(call)
        const page = await database.read(call.tenantId, (tx) => listMessages(tx, by, query))
        return { ...page, rows: page.rows.map(asGraph) }
      },
    }),
    getEndpoint({
      id: 'getServiceUpdateMessage',
      path: `${PATH}/{id}`,
      summary: 'One notice',
      realms: BOTH,
      permission: SIGNED_IN,
      params: z.strictObject({ id: z.uuid() }),
      answer: message,
      get: async (call, { id }) => {
        const by = await reader(call)
        const found = await database.read(call.tenantId, (tx) => readMessage(tx, by, id))
        return found && asGraph(found)
      },
    }),
    mark('markServiceUpdateMessagesRead', 'markRead', true),
    mark('markServiceUpdateMessagesUnread', 'markUnread', false),
  ]
}

function asGraph(one: Message): z.input<typeof message> {
  const sent = toTimestamp(one.sentAt.getTime())
  return {
    id: one.id,
    title: one.title,
    category: one.actionRequired ? 'preventOrFixIssue' : 'stayInformed',
    severity: one.severity,
    services: ['Sluss'],
    tags: [one.template],
    startDateTime: sent,
    lastModifiedDateTime: sent,
    actionRequiredByDateTime: one.actionRequired ? (one.until ?? null) : null,
    body: { contentType: 'text', content: one.body },
    viewPoint: { isRead: one.readAt !== null },
    sluss: { template: one.template },
  }
}
