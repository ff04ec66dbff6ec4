import { createPublicKey } from 'node:crypto'
import type { Reader, Transaction } from '#database/handles.ts'
import { newId } from '#foundation/ids.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import { type AccountBy, recordAccountChange } from './account-change.ts'

/** A key that one person signs approvals with. */
export interface SigningKey {
  readonly keyId: string
  readonly accountId: string
  readonly kind: 'passkey' | 'ed25519'
  /** COSE key of a passkey (RFC 9052), or the raw 32 bytes of an Ed25519 key (RFC 8032). */
  readonly publicKey: Buffer
  /** Milliseconds since 1970. */
  readonly registeredAt: number
  /** After it, nothing new may be signed with the key; what it signed before can still be checked. */
  readonly removedAt: number | undefined
}

interface Row {
  key_id: string
  account_id: string
  kind: SigningKey['kind']
  public_key: Buffer
  registered_at: Date
  removed_at: Date | null
}

const COLUMNS = 'key_id, account_id, kind, public_key, registered_at, removed_at'
const ED25519_SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')

/**
 * Registers the key as the account's own. A passkey keeps its credential id as `keyId`, and is registered only
 * by the passkey ceremony, which has seen it sign.
 *
 * @returns the key's id; `passkey_invalid` for bytes that are no key, `name_taken` for a passkey that is there already
 */
export async function registerSigningKey(
  tx: Transaction,
  key: {
    accountId: string
    kind: SigningKey['kind']
    publicKey: Buffer
    keyId?: string
  },
  by: AccountBy,
): Promise<string | Refusal> {
  if (key.kind === 'ed25519' && !isEd25519(key.publicKey)) {
    return refuse('passkey_invalid', { expected: 'a raw Ed25519 key of 32 bytes' })
  }
  const keyId = key.keyId ?? newId()
  const made = await tx.change(
    `insert into account_signing_keys (tenant_id, key_id, account_id, kind, public_key, registered_at)
     values ($1, $2, $3, $4, $5, $6) on conflict do nothing`,
    [tx.tenantId, keyId, key.accountId, key.kind, key.publicKey, new Date(by.at)],
  )
  if (made === 0) return refuse('name_taken', { key: keyId })
  await recordAccountChange(tx, by, 'key.registered', {
    account: key.accountId,
    key: keyId,
    type: key.kind,
    publicKey: key.publicKey.toString('base64url'),
  })
  return keyId
}

/** The account's keys, removed ones too, oldest first. */
export async function listSigningKeys(
  reader: Reader,
  accountId: string,
): Promise<readonly SigningKey[]> {
  const rows = await reader.rows<Row>(
    `select ${COLUMNS} from account_signing_keys
      where tenant_id = $1 and account_id = $2 order by registered_at, key_id`,
    [reader.tenantId, accountId],
  )
  return rows.map(fromRow)
}

/** The key of that id in the handle's tenant, removed or not. */
export async function readSigningKey(
  reader: Reader,
  keyId: string,
): Promise<SigningKey | undefined> {
  const [row] = await reader.rows<Row>(
    `select ${COLUMNS} from account_signing_keys where tenant_id = $1 and key_id = $2`,
    [reader.tenantId, keyId],
  )
  return row && fromRow(row)
}

/** The key, when it belongs to that account and was not removed. */
export async function signingKeyOf(
  reader: Reader,
  accountId: string,
  keyId: string,
): Promise<SigningKey | undefined> {
  const key = await readSigningKey(reader, keyId)
  return key?.accountId === accountId && key.removedAt === undefined ? key : undefined
}

/** Nothing new may be signed with the key from now on. Answers whether there was such a key to remove. */
export async function removeSigningKey(
  tx: Transaction,
  accountId: string,
  keyId: string,
  by: AccountBy,
): Promise<boolean> {
  const removed = await tx.change(
    `update account_signing_keys set removed_at = $4
      where tenant_id = $1 and account_id = $2 and key_id = $3 and removed_at is null`,
    [tx.tenantId, accountId, keyId, new Date(by.at)],
  )
  if (removed === 0) return false
  await recordAccountChange(tx, by, 'key.removed', { account: accountId, key: keyId })
  return true
}

function isEd25519(raw: Buffer): boolean {
  if (raw.length !== 32) return false
  try {
    createPublicKey({
      key: Buffer.concat([ED25519_SPKI_PREFIX, raw]),
      format: 'der',
      type: 'spki',
    })
    return true
  } catch {
    return false
  }
}

function fromRow(row: Row): SigningKey {
  return {
    keyId: row.key_id,
    accountId: row.account_id,
    kind: row.kind,
    publicKey: row.public_key,
    registeredAt: row.registered_at.getTime(),
    removedAt: row.removed_at?.getTime(),
  }
}
