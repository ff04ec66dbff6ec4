import { z } from 'zod'
import { NOTICE_KINDS } from '#breach/notice.ts'
import {
  type Copy,
  acknowledgeNotice,
  listCopies,
  noticeUndelivered,
} from '#breach/notice-delivery.ts'
import type { Reader } from '#database/handles.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { addContact, listContacts, removeContact } from '#notify/contacts.ts'
import { readDocument } from '#notify/document.ts'
import { takeReport } from '#notify/take-report.ts'
import { type Endpoint, changeEndpoint, getEndpoint, listEndpoint } from '../endpoint.ts'
import { listInMemory } from '../odata/list-in-memory.ts'
import {
  type IncidentEndpointParts,
  OPERATOR,
  PAGE,
  both,
  noParams,
  nothing,
  numbered,
  stamp,
} from './shapes.ts'

const TENANT = ['tenant'] as const
const READ = 'Incident notices/Read'
const PATH = '/security/incidentNotices'
const CONTACTS = '/security/notificationContacts'

const text = z.object({
  subject: z.string(),
  sections: z.array(z.object({ heading: z.string(), text: z.string() })),
})
const answer = z.object({
  id: z.string(),
  incidentId: z.string(),
  kind: z.enum(NOTICE_KINDS),
  receivedDateTime: z.string(),
  acknowledgedDateTime: z.string().nullable(),
  /** SHA-256 of the approved notice, hex, as the tenant's log has it. */
  hash: z.string(),
})
const whole = answer.extend({ en: text.nullable(), sv: text.nullable() })

const describe = (copy: Copy): z.input<typeof answer> => ({
  id: copy.noticeId,
  incidentId: copy.incidentId,
  kind: copy.kind,
  receivedDateTime: toTimestamp(copy.madeAt),
  acknowledgedDateTime: stamp(copy.acknowledgedAt),
  hash: copy.hash,
})

/** `security/incidentNotices`: the notices that came to the tenant, and its contacts for them. */
export function receivedNoticeEndpoints(parts: IncidentEndpointParts): readonly Endpoint[] {
  return [...noticeEndpoints(parts), ...contactEndpoints(parts), reportEndpoint(parts)]
}

/** What the suite team tells the tenant is not told here as well. */
const received = async (reader: Reader): Promise<readonly Copy[]> =>
  (await listCopies(reader)).filter((copy) => copy.state !== 'suite')

function noticeEndpoints({ breach }: IncidentEndpointParts): readonly Endpoint[] {
  return [
    listEndpoint({
      id: 'listReceivedIncidentNotices',
      path: PATH,
      summary: 'Notices of incidents that concern the organisation',
      realms: TENANT,
      permission: READ,
      params: noParams,
      answer,
      pageSize: PAGE,
      fields: { id: both, incidentId: both, kind: both, receivedDateTime: both },
      list: (call, _, query) =>
        breach.database.read(call.tenantId, async (reader) =>
          listInMemory((await received(reader)).map(describe), 'id', query),
        ),
    }),
    getEndpoint({
      id: 'getReceivedIncidentNotice',
      path: `${PATH}/{id}`,
      summary: 'One notice, with its words in English and Swedish',
      realms: TENANT,
      permission: READ,
      params: numbered,
      answer: whole,
      get: (call, { id }) =>
        breach.database.read(call.tenantId, async (reader) => {
          const copy = (await received(reader)).find((one) => one.noticeId === id)
          if (!copy) return undefined
          const document = await readDocument(reader, breach.keys, id)
          const say = (language: 'en' | 'sv') =>
            document
              ? {
                  subject: document[language].subject,
                  sections: document[language].sections.map(([heading, said]) => ({
                    heading,
                    text: said,
                  })),
                }
              : null
          return { ...describe(copy), en: say('en'), sv: say('sv') }
        }),
    }),
    changeEndpoint({
      id: 'acknowledgeIncidentNotice',
      path: `${PATH}/{id}/acknowledge`,
      method: 'POST',
      summary: 'Says that the organisation has the notice; nobody is reminded any more',
      realms: TENANT,
      permission: READ,
      params: numbered,
      body: nothing,
      answer: z.object({ id: z.string(), isFirst: z.boolean() }),
      success: 200,
      change: (call, { id }) =>
        breach.database.write(call.tenantId, async (tx) => {
          const by = { actor: call.actor, now: call.now, how: 'account' as const }
          const isFirst = await acknowledgeNotice(tx, id, by)
          return isRefusal(isFirst) ? isFirst : { id, isFirst }
        }),
    }),
  ]
}

function contactEndpoints({ breach }: IncidentEndpointParts): readonly Endpoint[] {
  const contact = z.object({
    id: z.string(),
    mail: z.string(),
    language: z.enum(['en', 'sv']),
    createdDateTime: z.string(),
    /** Since when mail to it comes back; adding it again says that it is right now. */
    bouncedDateTime: z.string().nullable(),
  })
  const common = { realms: TENANT, permission: 'Incident notices/Manage contacts' }
  const list = async (reader: Reader) =>
    (await listContacts(reader, breach.keys)).map((one) => ({
      id: one.contactId,
      mail: one.mail,
      language: one.language,
      createdDateTime: toTimestamp(one.addedAt.getTime()),
      bouncedDateTime: stamp(one.bouncedAt?.getTime()),
    }))
  return [
    listEndpoint({
      ...common,
      id: 'listNotificationContacts',
      path: CONTACTS,
      summary: 'Security contacts: who is told of incidents after the privacy contact',
      params: noParams,
      answer: contact,
      pageSize: PAGE,
      fields: { id: both, createdDateTime: both },
      list: (call, _, query) =>
        breach.database.read(call.tenantId, async (reader) =>
          listInMemory(await list(reader), 'id', query),
        ),
    }),
    changeEndpoint({
      ...common,
      id: 'addNotificationContact',
      path: CONTACTS,
      method: 'POST',
      summary: 'Adds a security contact',
      params: noParams,
      body: z.strictObject({ mail: z.email().max(254), language: z.enum(['en', 'sv']) }),
      answer: z.object({ id: z.string() }),
      success: 201,
      change: (call, _, body) =>
        breach.database.write(call.tenantId, async (tx) => {
          const id = await addContact(tx, breach.keys, body, { actor: call.actor, now: call.now })
          return isRefusal(id) ? id : { id }
        }),
    }),
    changeEndpoint({
      ...common,
      id: 'removeNotificationContact',
      path: `${CONTACTS}/{id}/remove`,
      method: 'POST',
      summary: 'Removes a security contact',
      params: numbered,
      body: nothing,
      answer: z.object({ id: z.string() }),
      success: 200,
      change: (call, { id }) =>
        breach.database.write(call.tenantId, async (tx) => {
          const gone = await removeContact(tx, id, { actor: call.actor, now: call.now })
          return isRefusal(gone) ? gone : { id }
        }),
    }),
  ]
}

function reportEndpoint({ breach }: IncidentEndpointParts): Endpoint {
  return changeEndpoint({
    id: 'submitDeliveryReport',
    path: '/security/deliveryReports',
    method: 'POST',
    summary:
      "A mail server's report of a mail that came back (RFC 3464), as the relay hands it over",
    realms: OPERATOR,
    permission: 'Notices/Report deliveries',
    params: noParams,
    /** The whole message in base64. */
    body: z.strictObject({ message: z.base64().max(400_000) }),
    answer: z.object({ outcome: z.enum(['failed', 'delayed', 'delivered', 'repeated']) }),
    success: 200,
    change: async (call, _, { message }) => {
      const parts = { database: breach.database, escalate: noticeUndelivered }
      const outcome = await takeReport(parts, Buffer.from(message, 'base64'), call.now)
      return isRefusal(outcome) ? outcome : { outcome }
    },
  })
}
