import { createHmac, timingSafeEqual } from 'node:crypto'
import { sha256 } from '#foundation/hashing.ts'
import type { EventDoor } from './event-doors.ts'

const SIGNATURE = /^[A-Za-z0-9+/]{43}=$/
const BASIC = /^Basic ([A-Za-z0-9+/]{1,2000}={0,2})$/i

/** Whether the body comes from the tenant's own system, by the proof that its source asks for. In constant time. */
export function isFromSender(
  { source, secret }: Pick<EventDoor, 'source' | 'secret'>,
  header: (name: string) => string | undefined,
  body: Buffer,
): boolean {
  switch (source.proof) {
    case 'hmac-header': {
      const signature = header('x-hmac-signature') ?? ''
      if (!SIGNATURE.test(signature)) return false
      const expected = createHmac('sha256', secret).update(body).digest()
      return timingSafeEqual(Buffer.from(signature, 'base64'), expected)
    }
    case 'basic': {
      const [, credentials = ''] = BASIC.exec(header('authorization') ?? '') ?? []
      const given = Buffer.from(credentials, 'base64').toString('utf8')
      const password = given.slice(given.indexOf(':') + 1)
      return given.includes(':') && timingSafeEqual(sha256(password), sha256(secret))
    }
  }
}
