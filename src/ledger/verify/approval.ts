import { createPublicKey, hash, verify } from 'node:crypto'
import { type Json, canonicalJson } from '#foundation/canonical-json.ts'
import { parseCoseKey } from './cose-key.ts'

/** What a stranger finds out about one `support.approved` entry, with nothing but the entry. */
export interface ApprovalVerdict {
  readonly valid: boolean
  /** The first thing that does not fit; `the signature fits` when all does. */
  readonly why: string
  /** SHA-256 of the public key, hex: the key must be one that a `key.registered` entry of the log names for the approver. */
  readonly keyFingerprint?: string
}

interface ApprovalData {
  readonly [member: string]: Json | undefined
}

const ED25519_SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')
const APPROVAL_TYPE = 'sluss.support.approval'
const USER_PRESENT = 0x01
const USER_VERIFIED = 0x04
const COMMON = [
  'approver',
  'asker',
  'case',
  'digest',
  'grant',
  'key',
  'method',
  'publicKey',
  'request',
  'signature',
  'text',
]
const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  ed25519: COMMON,
  passkey: [...COMMON, 'authenticatorData', 'clientDataJSON'],
}

/**
 * Adds the digest of all other members to an entry's data. It shows damage to what the signature does not cover
 * (the entry's own id and time); who wrote those, and that they stood so all along, the log proves.
 */
export function withDigest<E extends { readonly data: { readonly [key: string]: Json } }>(
  entry: E,
): E {
  return { ...entry, data: { ...entry.data, digest: digestOf(entry as unknown as ApprovalData) } }
}

/**
 * Checks a `support.approved` entry offline: canonical form, digest, that it says what the approver signed, and the
 * signature (Ed25519; or a passkey's ES256, EdDSA or RS256 over the SHA-256 of the text as challenge, with the
 * person verified). Any changed bit is found.
 *
 * @param entryJson  the entry as it stands in the log: canonical JSON
 */
export function verifyApproval(entryJson: string): ApprovalVerdict {
  try {
    const entry = JSON.parse(entryJson) as { readonly [member: string]: Json }
    const data = (entry['data'] ?? {}) as ApprovalData
    const why = formFault(entry, data, entryJson) ?? textFault(entry, data) ?? signatureFault(data)
    if (why !== undefined) return { valid: false, why }
    const key = Buffer.from(text(data, 'publicKey'), 'base64url')
    return { valid: true, why: 'the signature fits', keyFingerprint: hash('sha256', key) }
  } catch {
    return { valid: false, why: 'it is not an entry of an approval' }
  }
}

function formFault(
  entry: { readonly [member: string]: Json },
  data: ApprovalData,
  entryJson: string,
): string | undefined {
  if (canonicalJson(entry) !== entryJson) return 'the entry is not canonical JSON'
  if (Object.keys(entry).sort().join() !== 'actor,at,data,id,kind,v' || entry['v'] !== 1)
    return 'the entry has other members than an entry has'
  if (entry['kind'] !== 'support.approved') return 'the entry is not that of an approval'
  const members = MEMBERS[text(data, 'method')]
  if (!members || Object.keys(data).sort().join() !== members.toSorted().join())
    return 'the entry has other members than an approval has'
  return digestOf(entry) === data['digest'] ? undefined : 'the digest does not fit the entry'
}

/** What the entry says beside the text must be what the text says. */
function textFault(
  entry: { readonly [member: string]: Json },
  data: ApprovalData,
): string | undefined {
  const signed = JSON.parse(text(data, 'text')) as { readonly [member: string]: Json }
  if (canonicalJson(signed) !== data['text'] || signed['type'] !== APPROVAL_TYPE)
    return 'the text is not that of an approval'
  for (const member of ['request', 'case', 'grant', 'asker', 'approver'])
    if (signed[member] !== data[member]) return `the entry names another ${member} than the text`
  if (entry['actor'] !== `admin:${text(data, 'approver')}`)
    return 'the entry is not by the approver'
  if (signed['approver'] === signed['asker']) return 'the asker approved'
  if (!(Date.parse(String(entry['at'])) < Date.parse(String(signed['expires']))))
    return 'it was approved after the request had run out'
  return undefined
}

function signatureFault(data: ApprovalData): string | undefined {
  const publicKey = bytes(data, 'publicKey')
  const signature = bytes(data, 'signature')
  const signed = text(data, 'text')
  if (data['method'] === 'ed25519') {
    const key = createPublicKey({
      key: Buffer.concat([ED25519_SPKI_PREFIX, publicKey]),
      format: 'der',
      type: 'spki',
    })
    return verify(null, Buffer.from(signed), key, signature)
      ? undefined
      : 'the signature does not fit the text'
  }
  const clientData = bytes(data, 'clientDataJSON')
  const authenticator = bytes(data, 'authenticatorData')
  const client = JSON.parse(clientData.toString()) as { type?: unknown; challenge?: unknown }
  if (client.type !== 'webauthn.get' || client.challenge !== hash('sha256', signed, 'base64url'))
    return 'the passkey signed another text'
  const wanted = USER_PRESENT | USER_VERIFIED
  if (((authenticator[32] ?? 0) & wanted) !== wanted) return 'the passkey did not verify the person'
  const { key, digest } = parseCoseKey(publicKey)
  const message = Buffer.concat([authenticator, hash('sha256', clientData, 'buffer')])
  return verify(digest, message, key, signature) ? undefined : 'the signature does not fit the text'
}

function digestOf(entry: { readonly [member: string]: Json | undefined }): string {
  const { digest: _digest, ...data } = entry['data'] as { readonly [key: string]: Json }
  return hash('sha256', canonicalJson({ ...entry, data, v: 1 } as Json))
}

function text(data: ApprovalData, member: string): string {
  const value = data[member]
  if (typeof value !== 'string') throw new TypeError('a member is missing')
  return value
}

/** base64url in its one form: bits that decode to nothing may not be changed either. */
function bytes(data: ApprovalData, member: string): Buffer {
  const decoded = Buffer.from(text(data, member), 'base64url')
  if (decoded.toString('base64url') !== data[member]) throw new TypeError('not base64url')
  return decoded
}
