import {
  type KeyObject,
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  randomBytes,
} from 'node:crypto'
import { KeyFault } from './keys.ts'

const VERSION = 1
const NONCE = 12
const TAG = 16

/** AES-256-GCM. Layout: version (1 byte), nonce (12), tag (16), ciphertext. `context` is authenticated. */
export function sealBytes(key: Buffer, context: string, plaintext: Buffer): Buffer {
  const nonce = randomBytes(NONCE)
  const cipher = createCipheriv('aes-256-gcm', objectOf(key), nonce)
  cipher.setAAD(Buffer.from(context))
  const body = Buffer.concat([cipher.update(plaintext), cipher.final()])
  return Buffer.concat([Buffer.of(VERSION), nonce, cipher.getAuthTag(), body])
}

/** @throws KeyFault when bytes, key and context do not belong together */
export function openBytes(key: Buffer, context: string, sealed: Buffer): Buffer {
  if (sealed.length < 1 + NONCE + TAG || sealed[0] !== VERSION)
    throw new KeyFault('sealed bytes of an unknown form')
  const decipher = createDecipheriv('aes-256-gcm', objectOf(key), sealed.subarray(1, 1 + NONCE))
  decipher.setAAD(Buffer.from(context))
  decipher.setAuthTag(sealed.subarray(1 + NONCE, 1 + NONCE + TAG))
  try {
    return Buffer.concat([decipher.update(sealed.subarray(1 + NONCE + TAG)), decipher.final()])
  } catch {
    throw new KeyFault('sealed bytes do not belong to this key and place')
  }
}

/** Handing a Buffer to a cipher makes a key object each time, which costs ten times the sealing of a short value. Keys are never written over. */
const objects = new WeakMap<Buffer, KeyObject>()

function objectOf(key: Buffer): KeyObject {
  const known = objects.get(key)
  if (known) return known
  const made = createSecretKey(key)
  objects.set(key, made)
  return made
}
