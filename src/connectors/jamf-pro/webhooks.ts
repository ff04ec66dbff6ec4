import { EVENT_FIELDS, type JamfFields } from '#catalog/jamf-fields.ts'
import { leaf, object } from '#catalog/shape.ts'
import { isKeepable } from '#foundation/json.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import type { EventSource, SourceEvent } from '#intake/event-source.ts'
import { type FlatKind, flatKind } from './flat.ts'
import { COMPLIANCE, HISTORIC, type Profile } from './profile.ts'
import { readEventBody } from './read-event-body.ts'

/** Inventory and events are of one section: whichever tells of a later time holds. */
export const DEVICE_SECTION = 'device'
const EVENT = 'webhook.webhookEvent'
export const JAMF_REMOVAL = { item: 'protocol.jamfEvent', word: 'mobiledeviceunenrolled' }
const SUBJECT = 'device.serialNumber'
const LONGEST_NAME = 200
/** Anything earlier is no time in milliseconds. */
const EARLIEST = Date.parse('2000-01-01T00:00:00Z')

/** Webhooks of Jamf Pro for the default profile. */
export const jamfWebhooks: EventSource = sourceOf(COMPLIANCE)
/** Webhooks for the old profile, historic. */
export const jamfHistoricWebhooks: EventSource = sourceOf(HISTORIC)

function sourceOf(profile: Profile): EventSource {
  const keepsAddress = profile === HISTORIC
  const kindsIn = (texts: boolean) =>
    new Map(
      Object.entries(EVENT_FIELDS).map(([name, fields]) => [
        name,
        kindOf(fields, keepsAddress, texts),
      ]),
    )
  const kinds = { json: kindsIn(false), xml: kindsIn(true) }
  return {
    connectorId: profile.connectorId,
    flow: profile.inbound,
    purpose: profile.purpose,
    proof: 'basic-or-token',
    read: (body) => {
      const read = readEventBody(body)
      return read
        ? readEvent(read.content, read.texts ? kinds.xml : kinds.json)
        : refuse('body_malformed', { expected: 'event' })
    },
  }
}

function kindOf(fields: JamfFields, keepsAddress: boolean, texts: boolean): FlatKind {
  const kind = flatKind(fields, keepsAddress, texts)
  const envelope = {
    [EVENT]: leaf('protocol.jamfEvent', { maxLength: LONGEST_NAME }),
    'webhook.id': leaf('organisation.jamfWebhook', { type: 'json' }),
    'webhook.name': leaf('organisation.jamfWebhook', { maxLength: 2_000 }),
  }
  return { ...kind, shape: object({ ...envelope, ...kind.shape.fields }) }
}

/**
 * One event: of envelope and content only what is classified gets further. Events have no id of their own, so what they
 * say, when they say it and what it is about make their name; the JSON and the XML form of one have the same.
 */
function readEvent(
  { webhook, event }: Readonly<Record<string, unknown>>,
  kinds: ReadonlyMap<string, FlatKind>,
): SourceEvent | Refusal {
  const envelope = (webhook ?? {}) as Readonly<Record<string, unknown>>
  const name = envelope.webhookEvent
  const at = Number(envelope.eventTimestamp)
  if (typeof name !== 'string' || name.length > LONGEST_NAME || !isKeepable(name))
    return refuse('body_malformed', { expected: 'webhookEvent' })
  if (!Number.isSafeInteger(at) || at < EARLIEST)
    return refuse('body_malformed', { expected: 'eventTimestamp' })
  const word = name.toLowerCase()
  const kind = kinds.get(word)
  const base = { at, section: DEVICE_SECTION, removal: JAMF_REMOVAL, subjectItem: SUBJECT }
  if (!kind) return { ...base, name: JSON.stringify([word, at]), ...UNKNOWN_KIND }
  const flat = kind.flatten(event)
  for (const [path, value] of Object.entries(flat))
    if (typeof value === 'string' && !isKeepable(value)) {
      delete flat[path]
      flat[`? ${path.length}-${Object.keys(flat).length}`] = 1
    }
  const told = Object.entries(flat).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const { id, name: title } = envelope
  return {
    ...base,
    name: JSON.stringify([word, at, told]),
    record: {
      ...flat,
      [EVENT]: word,
      ...(id === undefined ? {} : { 'webhook.id': id }),
      ...(title === undefined ? {} : { 'webhook.name': title }),
    },
    shape: kind.shape,
  }
}

/** Without a subject: nothing is kept, and the one unknown member is counted. */
const UNKNOWN_KIND = {
  record: { '? 0': 1 },
  shape: object({ serialNumber: leaf(SUBJECT, { subject: true }) }),
}
