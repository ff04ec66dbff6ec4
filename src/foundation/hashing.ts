import { hash } from 'node:crypto'

/** SHA-256 of bytes or UTF-8 text, as 32 bytes. */
export function sha256(data: Buffer | string): Buffer {
  return hash('sha256', data, 'buffer')
}

/** SHA-256 as lower-case hex, for things that people compare by eye (manifests, documents). */
export function sha256Hex(data: Buffer | string): string {
  return hash('sha256', data, 'hex')
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
 * @param bytes  how much of the digest to keep, 16 to 32 bytes
 */
export function keyedHash(key: Buffer, bytes = DIGEST): KeyedHash {
  const block = Buffer.alloc(BLOCK)
  ;(key.length > BLOCK ? sha256(key) : key).copy(block)
  const outer = Buffer.alloc(BLOCK + DIGEST)
  for (let i = 0; i < BLOCK; i++) outer[i] = (block[i] ?? 0) ^ 0x5c
  let inner = Buffer.alloc(BLOCK + 192)
  const writeInnerPad = () => {
    for (let i = 0; i < BLOCK; i++) inner[i] = (block[i] ?? 0) ^ 0x36
  }
  writeInnerPad()
  return (value) => {
    const size = typeof value === 'string' ? value.length * 3 : value.length
    if (inner.length < BLOCK + size) {
      inner = Buffer.alloc(BLOCK + size * 2)
      writeInnerPad()
    }
    const length =
      typeof value === 'string' ? inner.write(value, BLOCK, 'utf8') : value.copy(inner, BLOCK)
    outer.write(hash('sha256', inner.subarray(0, BLOCK + length), 'binary'), BLOCK, 'latin1')
    return hash('sha256', outer, 'buffer').toString('base64url', 0, bytes)
  }
}
