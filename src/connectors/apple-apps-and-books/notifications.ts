import { leaf, object } from '#catalog/shape.ts'
import { asObject, parsedJson } from '#foundation/json.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import type { EventSource, SourceEvent } from '#intake/event-source.ts'

/**
 * Apple's notifications of changes: protocols facts, apple_vpp.notifications;
 * https://developer.apple.com/documentation/devicemanagement/subscribing-to-notifications
 *
 * A notification may come late, twice, out of order, or not at all, and names up to a hundred people or devices. So it
 * is taken as word that there is news, and nothing it says about anybody is kept: the news is asked for by `status` and
 * by the lists, which are true whichever notification got lost. It counts once, by its `notificationId`.
 */
const KINDS: ReadonlySet<string> = new Set([
  'ASSET_COUNT',
  'ASSET_MANAGEMENT',
  'USER_MANAGEMENT',
  'USER_ASSOCIATED',
  'TEST_NOTIFICATION',
])
const ID = /^[\w-]{1,100}$/

export const appsAndBooksNotifications = (now: () => number): EventSource => ({
  connectorId: 'apple-apps-and-books',
  flow: 'apple-volume-purchase/inbound',
  purpose: 'app-licensing',
  proof: 'bearer',
  read: (body) => readNotification(body, now()),
})

/**
 * @param now milliseconds since 1970; a notification does not say when it happened
 * @returns `body_malformed` for what is no notification
 */
export function readNotification(body: Buffer, now: number): SourceEvent | Refusal {
  const read = asObject(parsedJson(body))
  const notification = asObject(read?.notification)
  const { notificationId, notificationType } = read ?? {}
  if (typeof notificationId !== 'string' || !ID.test(notificationId))
    return refuse('body_malformed', { expected: 'notificationId' })
  if (typeof notificationType !== 'string' || !notification)
    return refuse('body_malformed', { expected: 'notification' })
  const { eventId } = notification
  const known = KINDS.has(notificationType)
  return {
    name: notificationId,
    at: now,
    section: known ? notificationType : 'unknown',
    // Not a member of the shape: counted as one that is not kept, and never looked at.
    record: { '? 0': 1 },
    shape: NOTHING,
    subjectItem: 'person.intuneUserIdGuid',
    removal: { item: 'person.userStatus', word: 'Retired' },
    wakes: {
      partyEvents: typeof eventId === 'string' && ID.test(eventId) ? [eventId] : [],
      synchronise: known && notificationType !== 'TEST_NOTIFICATION',
    },
  }
}

const NOTHING = object({ clientUserId: leaf('person.intuneUserIdGuid', { subject: true }) })
