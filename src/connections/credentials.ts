import { randomBytes } from 'node:crypto'
import type { Reader, Transaction } from '#database/handles.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import type { Keys } from '#keys/keys.ts'
import { type ConnectionBy, recordConnection } from './connection.ts'

export type Secrets = Readonly<Record<string, string>>

/** Where each secret stands: authenticated with it, so that rows cannot be swapped. */
const place = (connectionId: string, what: 'party' | 'client' | 'token-key'): string =>
  `connection/${connectionId}/${what}`

/**
 * Keeps the party's credentials, sealed.
 *
 * @returns `token_file_changed` when they belong to another server of the party than those kept so far and
 *   `force` is not given
 */
export async function storeCredentials(
  tx: Transaction,
  keys: Keys,
  connectionId: string,
  credentials: Secrets,
  options: { expiresAt: number; force?: boolean },
  by: ConnectionBy,
): Promise<Refusal | undefined> {
  const kept = await openCredentials(tx, keys, connectionId)
  if (kept && kept.consumer_key !== credentials.consumer_key && !options.force)
    return refuse('token_file_changed', { connection: connectionId })
  await tx.change(
    'update connections set credentials = $3, credentials_expire_at = $4 where tenant_id = $1 and connection_id = $2',
    [
      tx.tenantId,
      connectionId,
      await seal(tx, keys, place(connectionId, 'party'), credentials),
      new Date(options.expiresAt),
    ],
  )
  await recordConnection(tx, connectionId, 'credentials', by)
  return undefined
}

/** The party's credentials; undefined while there are none. */
export function openCredentials(
  reader: Reader,
  keys: Keys,
  connectionId: string,
): Promise<Secrets | undefined> {
  return open(reader, keys, connectionId, 'credentials', 'party')
}

/** Makes credentials for the tenant's own client, which never holds the party's. They are shown once, here. */
export async function issueClientCredentials(
  tx: Transaction,
  keys: Keys,
  connectionId: string,
  by: ConnectionBy,
): Promise<Secrets> {
  const made = {
    consumer_key: `CK_${randomBytes(20).toString('hex')}`,
    consumer_secret: `CS_${randomBytes(20).toString('hex')}`,
    access_token: `AT_${randomBytes(20).toString('hex')}`,
    access_secret: `AS_${randomBytes(20).toString('hex')}`,
  }
  await tx.change(
    'update connections set client_credentials = $3 where tenant_id = $1 and connection_id = $2',
    [tx.tenantId, connectionId, await seal(tx, keys, place(connectionId, 'client'), made)],
  )
  await recordConnection(tx, connectionId, 'client-credentials', by)
  return made
}

export function openClientCredentials(
  reader: Reader,
  keys: Keys,
  connectionId: string,
): Promise<Secrets | undefined> {
  return open(reader, keys, connectionId, 'client_credentials', 'client')
}

/** Keeps the key pair whose certificate the admin uploads to the party's portal. */
export async function storeTokenKeyPair(
  tx: Transaction,
  keys: Keys,
  connectionId: string,
  pair: { privateKey: string; certificate: string },
  by: ConnectionBy,
): Promise<void> {
  await tx.change(
    'update connections set token_private_key = $3, token_certificate = $4 where tenant_id = $1 and connection_id = $2',
    [
      tx.tenantId,
      connectionId,
      await seal(tx, keys, place(connectionId, 'token-key'), { privateKey: pair.privateKey }),
      pair.certificate,
    ],
  )
  await recordConnection(tx, connectionId, 'token-key', by)
}

export async function openTokenKeyPair(
  reader: Reader,
  keys: Keys,
  connectionId: string,
): Promise<{ privateKey: string; certificate: string } | undefined> {
  const secret = await open(reader, keys, connectionId, 'token_private_key', 'token-key')
  const [row] = await reader.rows<{ token_certificate: string | null }>(
    'select token_certificate from connections where tenant_id = $1 and connection_id = $2',
    [reader.tenantId, connectionId],
  )
  return secret?.privateKey && row?.token_certificate
    ? { privateKey: secret.privateKey, certificate: row.token_certificate }
    : undefined
}

function seal(reader: Reader, keys: Keys, context: string, secrets: Secrets): Promise<Buffer> {
  return keys.sealForTenant(reader, context, Buffer.from(JSON.stringify(secrets)))
}

async function open(
  reader: Reader,
  keys: Keys,
  connectionId: string,
  column: 'credentials' | 'client_credentials' | 'token_private_key',
  what: 'party' | 'client' | 'token-key',
): Promise<Secrets | undefined> {
  const [row] = await reader.rows<{ sealed: Buffer | null }>(
    `select ${column} as sealed from connections where tenant_id = $1 and connection_id = $2`,
    [reader.tenantId, connectionId],
  )
  if (!row?.sealed) return undefined
  return JSON.parse(
    (await keys.openForTenant(reader, place(connectionId, what), row.sealed)).toString(),
  ) as Secrets
}
