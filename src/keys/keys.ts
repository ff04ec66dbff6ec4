import type { Reader, Transaction } from '#database/handles.ts'
import type { KeyedHash } from '#foundation/hashing.ts'

/**
 * Envelope encryption for one installation: a person's key under the tenant's key under the root key
 * (AES-256-GCM at each step). The tenant is always the handle's. Keys in memory are caches of rows.
 */
export interface Keys {
  /** Makes the tenant's keys. Once per tenant; a second call changes nothing. */
  createTenantKeys(tx: Transaction): Promise<void>

  /** Makes the subject's key where there is none yet. */
  createSubjectKey(tx: Transaction, subjectId: string): Promise<void>
  /** Many subjects at once, in one statement. */
  createSubjectKeys(tx: Transaction, subjectIds: readonly string[]): Promise<void>
  /** Destroys the subject's key: everything sealed under it, and every commitment, is dead. */
  destroySubjectKey(tx: Transaction, subjectId: string): Promise<boolean>

  /** Fetches the keys of many subjects in one statement, before they are used one by one. */
  loadSubjectKeys(reader: Reader, subjectIds: readonly string[]): Promise<void>
  /** Seals under the subject's key. `context` binds the ciphertext to its place (table, record, item). */
  sealFor(reader: Reader, subjectId: string, context: string, plaintext: Buffer): Promise<Buffer>
  /** @throws KeyDestroyed when the subject was erased; KeyFault when the bytes or their place do not fit */
  openFor(reader: Reader, subjectId: string, context: string, sealed: Buffer): Promise<Buffer>

  /** Seals under the tenant's own key: credentials and other things of no person. */
  sealForTenant(reader: Reader, context: string, plaintext: Buffer): Promise<Buffer>
  openForTenant(reader: Reader, context: string, sealed: Buffer): Promise<Buffer>

  /** HMAC for equality look-up of one item within the tenant. */
  blindIndex(reader: Reader, item: string): Promise<KeyedHash>
  /** Names subjects in the ledger: keyed by the subject's own key, gone when that key goes. 24 characters. */
  subjectCommitments(
    reader: Reader,
    subjectIds: readonly string[],
  ): Promise<ReadonlyMap<string, string>>
  /** HMAC for hashes over payloads and previews, keyed per tenant. */
  payloadCommitment(reader: Reader): Promise<KeyedHash>
  /** 32 bytes per tenant and recipient, for pseudonyms that do not join. */
  pseudonymKey(reader: Reader, recipient: string): Promise<Buffer>

  /** The installation's Ed25519 key of that name, made at first use. */
  signer(name: string): Promise<Signer>
  /** The same key as a private JWK (RFC 8037), for a library that signs by itself. Never leaves the process. */
  signingJwk(name: string): Promise<SigningJwk>
}

export interface SigningJwk {
  readonly kty: 'OKP'
  readonly crv: 'Ed25519'
  readonly x: string
  readonly d: string
}

export interface Signer {
  /** Raw Ed25519 public key, 32 bytes. */
  readonly publicKey: Buffer
  /** Ed25519 signature, 64 bytes. */
  sign(message: Buffer): Buffer
}

export class KeyDestroyed extends Error {
  constructor() {
    super('the key of this subject was destroyed')
    this.name = 'KeyDestroyed'
  }
}

/** Ciphertext, key or context do not belong together. */
export class KeyFault extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'KeyFault'
  }
}
