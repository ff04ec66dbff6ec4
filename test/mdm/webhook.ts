import { createHmac } from 'node:crypto'
import { type Writable, xmlPlist } from './plist.ts'

export interface MdmEvent {
  readonly topic: string
  readonly message: Readonly<Record<string, Writable>>
  readonly at: number
  readonly eventId?: string
  readonly encode?: (message: Writable) => Buffer
}

/** The body that NanoMDM posts for one request of a device. */
export function webhookBody({ topic, message, at, eventId, encode = xmlPlist }: MdmEvent): Buffer {
  const inner = {
    ids: { id: message.EnrollmentID ?? message.UDID, type: 'Device' },
    ...(message.UDID === undefined ? {} : { udid: message.UDID }),
    ...(message.EnrollmentID === undefined ? {} : { enrollment_id: message.EnrollmentID }),
    raw_payload: encode(message).toString('base64'),
  }
  return Buffer.from(
    JSON.stringify({
      topic,
      ...(eventId === undefined ? {} : { event_id: eventId }),
      created_at: new Date(at).toISOString(),
      ...(topic === 'mdm.Connect'
        ? { acknowledge_event: { status: message.Status ?? 'Acknowledged', ...inner } }
        : { checkin_event: inner }),
    }),
  )
}

export function sign(secret: string, body: Buffer): string {
  return createHmac('sha256', secret).update(body).digest('base64')
}
