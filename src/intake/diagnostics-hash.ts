import { type KeyedHash, sha256 } from '#foundation/hashing.ts'

const HEX = '[0-9a-f]'
const DASHED = `${HEX}{8}-${HEX}{4}-${HEX}{4}-${HEX}{4}-${HEX}{12}`
/** The forms of a GUID that people write: plain, dashed, in braces, in parentheses. */
const GUID = new RegExp(`^(?:(${HEX}{32})|(${DASHED})|\\{(${DASHED})\\}|\\((${DASHED})\\))$`, 'i')

/** Marks a value that is kept in keyed form only. */
const KEYED = 'hmac-sha256:'

/**
 * The bytes that Configuration Manager hashes: of a GUID its 16 bytes as .NET orders them (the first three fields
 * little-endian), of anything else its text in UTF-16LE.
 */
export function hashedBytes(value: string): Buffer {
  const match = GUID.exec(value.trim())
  if (!match) return Buffer.from(value, 'utf16le')
  const digits = (match.slice(1).find((form) => form !== undefined) ?? '').replaceAll('-', '')
  const bytes = Buffer.from(digits, 'hex')
  bytes.subarray(0, 4).reverse()
  bytes.subarray(4, 6).reverse()
  bytes.subarray(6, 8).reverse()
  return bytes
}

/**
 * The published form: SHA-256 without a key, in Base64. Whoever guesses the value finds it by hashing the guess, so it
 * is only ever shown to compare with what a site shows, and never kept.
 */
export function publishedHash(value: string): string {
  return sha256(hashedBytes(value)).toString('base64')
}

/** Ours: the same bytes under the tenant's key. Equal values stay equal within a tenant, and join nothing beyond it. */
export function keyedForm(keyed: KeyedHash, value: string): string {
  return KEYED + keyed(hashedBytes(value))
}
