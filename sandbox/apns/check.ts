import type { IncomingHttpHeaders } from 'node:http2'

/** How the stand-in answers one push: `undefined` where it takes it. */
export interface Complaint {
  readonly status: number
  readonly reason: string
  readonly timestamp?: number
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const LARGEST = 4_096

/** Checks what Apple checks of a push of device management, in the order of what a client would see first. */
export function complaintAbout(
  headers: IncomingHttpHeaders,
  body: Buffer,
  known: { readonly topic: string; readonly gone: ReadonlyMap<string, number> },
): Complaint | undefined {
  const no = (status: number, reason: string): Complaint => ({ status, reason })
  const path = String(headers[':path'])
  if (!path.startsWith('/3/device')) return no(404, 'BadPath')
  if (headers[':method'] !== 'POST') return no(405, 'MethodNotAllowed')
  const token = path.slice('/3/device/'.length)
  if (token === '') return no(400, 'MissingDeviceToken')
  if (!/^(?:[0-9a-f]{2}){1,100}$/i.test(token)) return no(400, 'BadDeviceToken')
  const { 'apns-topic': topic = known.topic, 'apns-push-type': type = 'mdm' } = headers
  if (topic !== known.topic) return no(400, 'TopicDisallowed')
  if (type !== 'mdm') return no(400, 'InvalidPushType')
  if (!isOrNone(headers['apns-id'], UUID)) return no(400, 'BadMessageId')
  if (!isOrNone(headers['apns-expiration'], /^\d{1,12}$/)) return no(400, 'BadExpirationDate')
  if (!isOrNone(headers['apns-priority'], /^(?:10|5|1)$/)) return no(400, 'BadPriority')
  if (!isOrNone(headers['apns-collapse-id'], /^.{1,64}$/)) return no(400, 'BadCollapseId')
  if (body.length > LARGEST) return no(413, 'PayloadTooLarge')
  if (!holdsMagic(body)) return no(400, 'PayloadEmpty')
  const gone = known.gone.get(token.toLowerCase())
  return gone === undefined ? undefined : { status: 410, reason: 'Unregistered', timestamp: gone }
}

function isOrNone(value: string | string[] | undefined, form: RegExp): boolean {
  return value === undefined || (typeof value === 'string' && form.test(value))
}

/** `{"mdm":"…"}`, and nothing beside it. */
function holdsMagic(body: Buffer): boolean {
  try {
    const payload = JSON.parse(body.toString()) as Record<string, unknown>
    return (
      Object.keys(payload).join() === 'mdm' &&
      typeof payload.mdm === 'string' &&
      payload.mdm.length > 0
    )
  } catch {
    // Not JSON.
    return false
  }
}
