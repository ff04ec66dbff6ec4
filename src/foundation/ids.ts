import { randomBytes, randomUUID } from 'node:crypto'

/** A fresh random identifier (RFC 9562 version 4) for a thing that is rare enough to be looked up by it. */
export function newId(): string {
  return randomUUID()
}

/**
 * A fresh identifier that sorts by the time it was made (RFC 9562 version 7), for rows that are
 * inserted by the thousand: a b-tree takes ordered keys at its right edge.
 *
 * @param milliseconds the time of day the id is to carry
 */
export function newOrderedId(milliseconds: number): string {
  const time = milliseconds.toString(16).padStart(12, '0')
  const random = randomHex()
  const variant = ((Number.parseInt(random.charAt(3), 16) & 0x3) | 0x8).toString(16)
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(0, 3)}-${variant}${random.slice(4, 7)}-${random.slice(7, 19)}`
}

let pool = ''
function randomHex(): string {
  if (pool.length < 20) pool = randomBytes(4000).toString('hex')
  const taken = pool.slice(-20)
  pool = pool.slice(0, -20)
  return taken
}

const TENANT_ID = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

/** A tenant id is a DNS label: it stands in addresses and in SQL settings. */
export function isTenantId(text: string): boolean {
  return TENANT_ID.test(text)
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Whether PostgreSQL reads the text as a `uuid`: asked before an id from outside stands in a statement. */
export function isUuid(text: string): boolean {
  return UUID.test(text)
}
