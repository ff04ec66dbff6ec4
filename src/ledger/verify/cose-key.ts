import { type KeyObject, createPublicKey } from 'node:crypto'

/** A public key as a passkey registers it (COSE, RFC 9052 and 9053), and how it signs. */
export interface CoseKey {
  readonly key: KeyObject
  /** Digest for `crypto.verify`; null where the algorithm has its own. */
  readonly digest: 'sha256' | null
}

const KTY = 1
const ALG = 3
const EC2 = 2
const RSA = 3
const OKP = 1

/** Reads ES256, EdDSA (Ed25519) and RS256. @throws Error for anything else, or for bytes after the key */
export function parseCoseKey(bytes: Buffer): CoseKey {
  const reader = { bytes, at: 0 }
  const map = readMap(reader)
  if (reader.at !== bytes.length) throw new Error('bytes after the key')
  const kty = map.get(KTY)
  const alg = map.get(ALG)
  if (kty === OKP && alg === -8 && map.get(-1) === 6 && map.size === 4)
    return { key: fromJwk({ kty: 'OKP', crv: 'Ed25519', x: part(map, -2, 32) }), digest: null }
  if (kty === EC2 && alg === -7 && map.get(-1) === 1 && map.size === 5) {
    const jwk = { kty: 'EC', crv: 'P-256', x: part(map, -2, 32), y: part(map, -3, 32) }
    return { key: fromJwk(jwk), digest: 'sha256' }
  }
  if (kty === RSA && alg === -257 && map.size === 4)
    return {
      key: fromJwk({ kty: 'RSA', n: part(map, -1), e: part(map, -2) }),
      digest: 'sha256',
    }
  throw new Error('a key of a kind that is not known here')
}

function fromJwk(jwk: Record<string, string>): KeyObject {
  return createPublicKey({ key: jwk, format: 'jwk' })
}

function part(map: ReadonlyMap<number, number | Buffer>, label: number, length?: number): string {
  const value = map.get(label)
  if (!Buffer.isBuffer(value) || (length !== undefined && value.length !== length))
    throw new Error('a part of the key is missing')
  return value.toString('base64url')
}

interface Cursor {
  readonly bytes: Buffer
  at: number
}

/** A CBOR map (RFC 8949) from integers to integers and byte strings: all that a key needs. */
function readMap(reader: Cursor): ReadonlyMap<number, number | Buffer> {
  const { major, value: size } = readHead(reader)
  if (major !== 5 || size > 8) throw new Error('a key is a small map')
  const map = new Map<number, number | Buffer>()
  for (let i = 0; i < size; i++) {
    const label = readItem(reader)
    if (typeof label !== 'number' || map.has(label)) throw new Error('a label is an integer')
    map.set(label, readItem(reader))
  }
  return map
}

function readItem(reader: Cursor): number | Buffer {
  const { major, value } = readHead(reader)
  if (major === 0) return value
  if (major === 1) return -1 - value
  if (major !== 2 || reader.at + value > reader.bytes.length) throw new Error('not a key')
  reader.at += value
  return reader.bytes.subarray(reader.at - value, reader.at)
}

function readHead(reader: Cursor): { major: number; value: number } {
  const first = readByte(reader)
  const low = first & 0x1f
  if (low < 24) return { major: first >> 5, value: low }
  if (low > 26) throw new Error('a length that is not known here')
  let value = 0
  for (let i = 0; i < 1 << (low - 24); i++) value = value * 256 + readByte(reader)
  return { major: first >> 5, value }
}

function readByte(reader: Cursor): number {
  const byte = reader.bytes[reader.at++]
  if (byte === undefined) throw new Error('the key ends too early')
  return byte
}
