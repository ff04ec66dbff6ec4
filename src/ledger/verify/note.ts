import { createPublicKey, hash, verify } from 'node:crypto'

/** C2SP signed-note, Ed25519 (algorithm 0x01). */
const ED25519 = 1
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')
const SIGNATURE_LINE = /^— (\S+) ([A-Za-z0-9+/]+={0,2})$/

export interface NoteKey {
  readonly name: string
  /** First four bytes of SHA-256(name || LF || 0x01 || public key), as a number. */
  readonly id: number
  readonly publicKey: Buffer
}

/** Names a public key as notes do. A name has no spaces and no plus sign. */
export function noteKey(name: string, publicKey: Buffer): NoteKey {
  const id = hash(
    'sha256',
    Buffer.concat([Buffer.from(`${name}\n`), Buffer.of(ED25519), publicKey]),
    'buffer',
  ).readUInt32BE()
  return { name, id, publicKey }
}

/** `name+hex id+base64(0x01 || key)`: what an auditor is given once. */
export function formatVerifierKey(key: NoteKey): string {
  const material = Buffer.concat([Buffer.of(ED25519), key.publicKey]).toString('base64')
  return `${key.name}+${key.id.toString(16).padStart(8, '0')}+${material}`
}

/** @throws Error for anything but a well-formed Ed25519 verifier key whose id fits */
export function parseVerifierKey(text: string): NoteKey {
  const match = /^([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(text.trim())
  const material = Buffer.from(match?.[3] ?? '', 'base64')
  if (!match?.[1] || material.length !== 33 || material[0] !== ED25519) {
    throw new Error('a verifier key is name+8 hex digits+base64 of an Ed25519 key')
  }
  const key = noteKey(match[1], material.subarray(1))
  if (key.id !== Number.parseInt(match[2] ?? '', 16))
    throw new Error('the id of the verifier key does not fit its key')
  return key
}

/** Signs text that ends with a line break. */
export function signNote(text: string, key: NoteKey, sign: (message: Buffer) => Buffer): string {
  if (!text.endsWith('\n')) throw new Error('the text of a note ends with a line break')
  const id = Buffer.alloc(4)
  id.writeUInt32BE(key.id)
  const signature = Buffer.concat([id, sign(Buffer.from(text))]).toString('base64')
  return `${text}\n— ${key.name} ${signature}\n`
}

/** The text of the note when `key` signed it; undefined otherwise. Signatures by others are passed over. */
export function openNote(note: string, key: NoteKey): string | undefined {
  const end = note.lastIndexOf('\n\n')
  if (end < 0 || !note.endsWith('\n')) return undefined
  const text = note.slice(0, end + 1)
  for (const line of note.slice(end + 2, -1).split('\n')) {
    const match = SIGNATURE_LINE.exec(line)
    if (!match) return undefined
    const bytes = Buffer.from(match[2] ?? '', 'base64')
    if (bytes.toString('base64') !== match[2] || bytes.length !== 68) continue
    if (match[1] !== key.name || bytes.readUInt32BE() !== key.id) continue
    const publicKey = createPublicKey({
      key: Buffer.concat([SPKI_PREFIX, key.publicKey]),
      format: 'der',
      type: 'spki',
    })
    if (verify(null, Buffer.from(text), publicKey, bytes.subarray(4))) return text
  }
  return undefined
}
