import { hash, timingSafeEqual } from 'node:crypto'

/** SHA-256 of bytes or UTF-8 text, as 32 bytes. */
export function sha256(data: Buffer | string): Buffer {
  return hash('sha256', data, 'buffer')
}

/** SHA-256 as lower-case hex, for things that people compare by eye (manifests, documents). */
export function sha256Hex(data: Buffer | string): string {
  return hash('sha256', data, 'hex')
}

/** Whether a secret that came is the expected one. What was not named at all is not. The time it takes tells nothing. */
export function sameSecret(came: string | null | undefined, expected: string): boolean {
  return secretCheck(expected)(came)
}

/** `sameSecret` for one secret that is expected many times: it is hashed once. */
export function secretCheck(expected: string): (came: string | null | undefined) => boolean {
  const digest = sha256(expected)
  return (came) => {
    // Digests are of equal length, whatever came.
    const isSame = timingSafeEqual(sha256(came ?? ''), digest)
    return isSame && typeof came === 'string'
  }
}

const BLOCK = 64
const DIGEST = 32

/** An HMAC-SHA-256 under one key: bytes in, base64url text of the first `length` bytes out. */
export type KeyedHash = (value: string | Buffer) => string

/**
 * Prepares HMAC-SHA-256 (RFC 2104) under `key` for many short values.
 * Two one-shot hashes over preallocated pads run twice as fast as createHmac with a KeyObject.
 *
 * @param key    any length; longer than a block is hashed first, as the RFC asks
 * @param bytes  how much of the digest to keep: all 32 bytes, or 18, 21 … (whole characters of base64url)
 */
export function keyedHash(key: Buffer, bytes = DIGEST): KeyedHash {
  const block = Buffer.alloc(BLOCK)
  ;(key.length > BLOCK ? sha256(key) : key).copy(block)
  const outer = Buffer.alloc(BLOCK + DIGEST)
  for (let i = 0; i < BLOCK; i++) outer[i] = (block[i] ?? 0) ^ 0x5c
  const characters = Math.ceil((bytes * 4) / 3)
  let inner = innerPad(block, 192)
  return (value) => {
    const size = typeof value === 'string' ? value.length * 3 : value.length
    if (inner.room < size) inner = innerPad(block, size * 2)
    const length = typeof value === 'string' ? put(value, inner.pad) : value.copy(inner.pad, BLOCK)
    putBytes(hash('sha256', inner.upTo(length), 'binary'), outer, BLOCK)
    return hash('sha256', outer, 'base64url').slice(0, characters)
  }
}

/** The inner pad with room for a value behind it; views of short values are kept. */
function innerPad(block: Buffer, room: number) {
  const pad = Buffer.alloc(BLOCK + room)
  for (let i = 0; i < BLOCK; i++) pad[i] = (block[i] ?? 0) ^ 0x36
  const views: Buffer[] = []
  return {
    pad,
    room,
    upTo: (length: number): Buffer => {
      const known = length < 64 ? views[length] : undefined
      if (known) return known
      const view = pad.subarray(0, BLOCK + length)
      if (length < 64) views[length] = view
      return view
    },
  }
}

/** Puts text behind the pad as UTF-8 and answers its length. ASCII by hand: short text spares the call. */
function put(text: string, pad: Buffer): number {
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c > 0x7f) return pad.write(text, BLOCK, 'utf8')
    pad[BLOCK + i] = c
  }
  return text.length
}

/** Digests come as latin1 text, because made as buffers they would cost more than the hash. */
function putBytes(latin1: string, into: Buffer, at: number): void {
  for (let i = 0; i < latin1.length; i++) into[at + i] = latin1.charCodeAt(i)
}
