import { createHmac, timingSafeEqual } from 'node:crypto'
import { sameSecret } from '#foundation/hashing.ts'
import { isSignedWebhook, webhookKey } from '#foundation/standard-webhooks.ts'
import { bearerOf } from '../bearer.ts'
import type { EventDoor } from './event-doors.ts'

const SIGNATURE = /^[A-Za-z0-9+/]{43}=$/
const BASIC = /^Basic ([A-Za-z0-9+/]{1,2000}={0,2})$/i

/** Whether the body comes from the tenant's own system, by the proof that its source asks for. In constant time. */
export function isFromSender(
  { source, secret }: Pick<EventDoor, 'source' | 'secret'>,
  header: (name: string) => string | undefined,
  body: Buffer,
  /** Milliseconds since 1970; a proof that has a time is none without it. */
  now?: number,
): boolean {
  switch (source.proof) {
    case 'hmac-header': {
      const signature = header('x-hmac-signature') ?? ''
      if (!SIGNATURE.test(signature)) return false
      const expected = createHmac('sha256', secret).update(body).digest()
      return timingSafeEqual(Buffer.from(signature, 'base64'), expected)
    }
    case 'standard-webhooks': {
      const key = webhookKey(secret)
      return (
        key !== undefined && now !== undefined && isSignedWebhook(key, header, now / 1_000, body)
      )
    }
    case 'bearer':
      return sameSecret(bearerOf(header('authorization')), secret)
    case 'google-oidc':
      // Only its source can tell: see `isProven`.
      return false
    case 'basic':
      return isBasic(header, secret)
    case 'basic-or-token': {
      const token = header('x-sluss-token')
      return token === undefined ? isBasic(header, secret) : sameSecret(token, secret)
    }
  }
}

/** As `isFromSender`, for those too whose proof the source itself checks. */
export async function isProven(
  door: Pick<EventDoor, 'source' | 'secret'>,
  header: (name: string) => string | undefined,
  body: Buffer,
  now: number,
): Promise<boolean> {
  const { source, secret } = door
  return source.verify
    ? source.verify(header('authorization'), secret, now)
    : isFromSender(door, header, body, now)
}

function isBasic(header: (name: string) => string | undefined, secret: string): boolean {
  const [, credentials = ''] = BASIC.exec(header('authorization') ?? '') ?? []
  const given = Buffer.from(credentials, 'base64').toString('utf8')
  const password = given.slice(given.indexOf(':') + 1)
  return given.includes(':') && sameSecret(password, secret)
}
