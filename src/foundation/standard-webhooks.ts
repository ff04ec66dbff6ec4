import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

const SECRET = /^(?:whsec_)?([A-Za-z0-9+/]{16,200}={0,2})$/
const LEAST_BYTES = 16
const NEW_BYTES = 32

/** A new secret, as Standard Webhooks writes it. */
export const newWebhookSecret = (): string => `whsec_${randomBytes(NEW_BYTES).toString('base64')}`

/** The key in a secret as Standard Webhooks writes it (`whsec_` and base64); undefined for what is none or too short. */
export function webhookKey(secret: string): Buffer | undefined {
  const [, encoded] = SECRET.exec(secret) ?? []
  const key = Buffer.from(encoded ?? '', 'base64')
  return key.length >= LEAST_BYTES ? key : undefined
}

/**
 * Headers that sign one message (Standard Webhooks, symmetric `v1`): the same id for every attempt, the time of this one.
 *
 * @param seconds since 1970
 */
export function webhookHeaders(
  key: Buffer,
  id: string,
  seconds: number,
  body: string,
): Record<string, string> {
  const at = Math.floor(seconds)
  const signature = createHmac('sha256', key).update(`${id}.${at}.${body}`).digest('base64')
  return {
    'webhook-id': id,
    'webhook-timestamp': String(at),
    'webhook-signature': `v1,${signature}`,
  }
}

/** How far the time of a message may lie from ours, either way. */
export const WEBHOOK_TOLERANCE_IN_SECONDS = 300

/**
 * Whether a message is signed with the key and of this time. Several signatures may stand beside each other while a
 * secret is replaced. In constant time.
 */
export function isSignedWebhook(
  key: Buffer,
  header: (name: string) => string | undefined,
  seconds: number,
  body: Buffer,
): boolean {
  const id = header('webhook-id') ?? ''
  const at = header('webhook-timestamp') ?? ''
  if (!/^[\w.:-]{1,200}$/.test(id) || !/^\d{1,12}$/.test(at)) return false
  if (Math.abs(seconds - Number(at)) > WEBHOOK_TOLERANCE_IN_SECONDS) return false
  const expected = createHmac('sha256', key).update(`${id}.${at}.`).update(body).digest()
  return (header('webhook-signature') ?? '').split(' ').some((one) => {
    const [, encoded = ''] = /^v1,([A-Za-z0-9+/]{43}=)$/.exec(one) ?? []
    const came = Buffer.from(encoded, 'base64')
    return came.length === expected.length && timingSafeEqual(came, expected)
  })
}
