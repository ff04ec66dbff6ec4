import { type ObjectShape, leaf, object } from '#catalog/shape.ts'
import { type Refusal, isRefusal } from '#foundation/refusal.ts'
import type { EventSource, SourceEvent } from '#intake/event-source.ts'
import { type FlatKind, flatKind } from '../google-android-management/flat.ts'
import { type Delivery, readDelivery } from './read-delivery.ts'
import type { EventSender, VerifyToken } from './verify-token.ts'

const SUBJECT = 'device.name'
/** Google tells of a deletion once, in the last report of the device. */
export const ANDROID_REMOVAL = { item: 'device.deviceState', word: 'DELETED' }
/** Reports, and what Sluss itself asks for, are of one section: whichever tells of a later time holds. */
export const ANDROID_SECTION = 'device'
const LONGEST_NAME = 400

/** A device as it is kept. */
export const ANDROID_DEVICE: FlatKind = flatKind('Device')
const COMMAND = flatKind('Operation', { device: leaf(SUBJECT, { subject: true }) })
/** Of a usage log nothing is kept: what people did on the device is counted, and gone. */
const USAGE = flatKind('BatchUsageLogEvents', {}, 'never.androidUsage')
const UPGRADE = flatKind('EnterpriseUpgradeEvent')
const NOTHING: ObjectShape = object({ device: leaf(SUBJECT, { subject: true }) })

interface Kind {
  readonly kind: FlatKind
  readonly section: string
  readonly prepare?: (data: unknown) => unknown
}

/** Every notification type of the facts (google_amapi.notifications), and of a subscription's test. */
export const NOTIFICATIONS: ReadonlyMap<string, Kind> = new Map([
  ['ENROLLMENT', { kind: ANDROID_DEVICE, section: ANDROID_SECTION }],
  ['STATUS_REPORT', { kind: ANDROID_DEVICE, section: ANDROID_SECTION }],
  ['COMPLIANCE_REPORT', { kind: ANDROID_DEVICE, section: ANDROID_SECTION }],
  ['COMMAND', { kind: COMMAND, section: 'command', prepare: withDevice }],
  ['USAGE_LOGS', { kind: USAGE, section: 'usage-log' }],
  ['ENTERPRISE_UPGRADE', { kind: UPGRADE, section: 'enterprise' }],
])

/**
 * Notifications of the Android Management API, pushed by Pub/Sub. A message that comes again has the same name; one that
 * comes late is told by when it was published. What cannot be read, and what is of no known type, is taken and counted as
 * unknown: refused, it would come again for days.
 */
export function googleEvents(verify: VerifyToken): EventSource {
  return {
    connectorId: 'google-android-management',
    flow: 'android-enterprise/inbound',
    purpose: 'device-management',
    proof: 'google-oidc',
    verify: async (authorization, secret, now) => {
      const sender = readSender(secret)
      return sender !== undefined && (await verify(authorization, sender, now))
    },
    read: (body, header = () => undefined) => {
      const delivery = readDelivery(body, header)
      return isRefusal(delivery) ? delivery : readNotification(delivery)
    },
  }
}

/** Undefined for a connection of which nobody said yet who sends its events. */
function readSender(secret: string): EventSender | undefined {
  try {
    const { email, audience } = JSON.parse(secret) as Partial<EventSender>
    return email && audience ? { email, audience } : undefined
  } catch {
    // A secret of another kind: nobody can prove anything by it here.
    return undefined
  }
}

function readNotification({ messageId, publishedAt, type, data }: Delivery): SourceEvent | Refusal {
  const base = {
    name: messageId,
    at: publishedAt,
    subjectItem: SUBJECT,
    removal: ANDROID_REMOVAL,
  }
  const known = NOTIFICATIONS.get(type ?? '')
  if (type === 'test') return { ...base, section: 'test', record: {}, shape: NOTHING }
  if (!known || typeof data !== 'object' || data === null)
    return { ...base, section: 'unknown', record: { '? 0': 1 }, shape: NOTHING }
  const { kind, section, prepare = (same: unknown) => same } = known
  return { ...base, section, record: kind.flatten(prepare(data)), shape: kind.shape }
}

/** An operation does not name its device but in its own name. */
function withDevice(data: unknown): unknown {
  const { name } = data as { name?: unknown }
  const [, device] =
    /^(enterprises\/[^/]+\/devices\/[^/]+)\/operations\//.exec(
      typeof name === 'string' && name.length <= LONGEST_NAME * 2 ? name : '',
    ) ?? []
  const { device: _, ...rest } = data as Record<string, unknown>
  return device === undefined ? rest : { ...rest, device }
}
