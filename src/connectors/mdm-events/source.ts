import { leaf, object } from '#catalog/shape.ts'
import { asObject, isKeepable, parsedJson } from '#foundation/json.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import type { EventProof, EventSource, SourceEvent } from '#intake/event-source.ts'
import { flatten, topText } from './flatten.ts'
import { type Enrolment, MESSAGE_KINDS } from './keys.ts'
import { readPlist } from './plist/read-plist.ts'
import type { PlistValue } from './plist/value.ts'

/** Ids of devices are 25 to 40 characters; ids of events less than 100. */
const LONGEST_ID = 200
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/
const REMOVAL = { item: 'protocol.messageType', word: 'CheckOut' }

/** Webhooks of NanoMDM: every request of a device, signed. */
export const nanoMdm: EventSource = sourceOf('nanomdm', 'hmac-header')
/** Webhooks of MicroMDM: the same bodies, unsigned, so the secret goes with the address. */
export const microMdm: EventSource = sourceOf('micromdm', 'basic')

function sourceOf(connectorId: string, proof: EventProof): EventSource {
  return {
    connectorId,
    flow: 'apple-mdm-checkin/inbound',
    purpose: 'device-management',
    proof,
    read: readMdmEvent,
  }
}

/**
 * One event of the management server: the message of a device in an envelope of JSON. Of envelope and message only
 * what is classified gets further; a message of an unknown kind is counted, and nothing of it is kept.
 *
 * @returns `body_malformed` for what is no event
 */
export function readMdmEvent(body: Buffer): SourceEvent | Refusal {
  const envelope = readEnvelope(body)
  if (isRefusal(envelope)) return envelope
  const message = readPlist(envelope.payload)
  if (isRefusal(message)) return message
  const name = kindName(envelope.topic, message)
  const kinds = MESSAGE_KINDS.get(name)
  const enrolment = enrolmentOf(envelope, message)
  const kind = kinds?.[enrolment]
  const base = {
    name: JSON.stringify([envelope.topic, envelope.eventId, envelope.createdAt, envelope.id]),
    at: envelope.at,
    removal: REMOVAL,
    alsoKnownBy: 'device.serialNumber',
  }
  if (!kind) return { ...base, ...UNKNOWN_KIND }
  const record = flatten(message, kind)
  // Some messages do not say themselves whose they are.
  if (record[kind.subjectKey] === undefined && envelope.ids[enrolment] !== undefined)
    record[kind.subjectKey] = envelope.ids[enrolment]
  return {
    ...base,
    section: sectionOf(name, message),
    record,
    shape: kind.shape,
    subjectItem: kind.subjectItem,
  }
}

interface Envelope {
  readonly topic: string
  readonly eventId: string
  readonly at: number
  readonly createdAt: string
  readonly id: string
  readonly ids: Readonly<Partial<Record<Enrolment, string>>>
  readonly payload: Buffer
}

function readEnvelope(body: Buffer): Envelope | Refusal {
  const event = asObject(parsedJson(body))
  const inner = asObject(event?.acknowledge_event ?? event?.checkin_event)
  const topic = text(event?.topic)
  const createdAt = text(event?.created_at)
  const payload = inner?.raw_payload
  const at = Date.parse(createdAt ?? '')
  if (topic === undefined || createdAt === undefined || Number.isNaN(at))
    return refuse('body_malformed', { expected: 'event' })
  if (typeof payload !== 'string' || payload.length % 4 !== 0 || !BASE64.test(payload))
    return refuse('body_malformed', { expected: 'raw_payload' })
  const device = text(inner?.udid)
  const personal = text(inner?.enrollment_id)
  return {
    topic,
    eventId: text(event?.event_id) ?? '',
    at,
    createdAt,
    id: personal ?? device ?? '',
    ids: {
      ...(device === undefined ? {} : { device }),
      ...(personal === undefined ? {} : { personal }),
    },
    payload: Buffer.from(payload, 'base64'),
  }
}

function kindName(topic: string, message: PlistValue): string {
  return topic === 'mdm.Connect' ? 'Connect' : (topText(message, 'MessageType') ?? '')
}

/** A personal device has an enrollment id. Where both ids come, it is treated as the personal one that it may be. */
function enrolmentOf({ ids }: Envelope, message: PlistValue): Enrolment {
  return (topText(message, 'EnrollmentID') ?? ids.personal) ? 'personal' : 'device'
}

/** Answers of one kind replace each other, and so do messages of the device and of each channel of users. */
function sectionOf(name: string, message: PlistValue): string {
  if (!(message instanceof Map)) return name
  if (name !== 'Connect')
    return message.has('UserID') || message.has('EnrollmentUserID') ? `${name}/user` : name
  const answer = ANSWERS.find((key) => message.has(key))
  return answer === undefined ? name : `${name}/${answer}`
}

const ANSWERS = [
  'QueryResponses',
  'SecurityInfo',
  'InstalledApplicationList',
  'ManagedApplicationList',
]

/** Without a subject: nothing is kept, and the one unknown member is counted. */
const UNKNOWN_KIND: Pick<SourceEvent, 'section' | 'record' | 'shape' | 'subjectItem'> = {
  section: 'unknown',
  record: { '? 0': 1 },
  shape: object({ UDID: leaf('device.udid', { subject: true }) }),
  subjectItem: 'device.udid',
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' &&
    value !== '' &&
    value.length <= LONGEST_ID &&
    isKeepable(value)
    ? value
    : undefined
}
