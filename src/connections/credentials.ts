import { randomBytes } from 'node:crypto'
import type { Reader, Transaction } from '#database/handles.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import type { Keys } from '#keys/keys.ts'
import { type ConnectionBy, recordConnection } from './connection.ts'

export type Secrets = Readonly<Record<string, string>>

/** What tells whose credentials they are, whichever kind they are. */
const ACCOUNT = ['consumer_key', 'client_email', 'client_id', 'username', 'org_name']

/** Where each secret stands: authenticated with it, so that rows cannot be swapped. */
const place = (connectionId: string, what: 'party' | 'client' | 'token-key' | 'event'): string =>
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
  options: { expiresAt?: number; force?: boolean },
  by: ConnectionBy,
): Promise<Refusal | undefined> {
  const kept = await openCredentials(tx, keys, connectionId)
  if (kept && ACCOUNT.some((name) => kept[name] !== credentials[name]) && !options.force)
    return refuse('token_file_changed', { connection: connectionId })
  await tx.change(
    'update connections set credentials = $3, credentials_expire_at = $4 where tenant_id = $1 and connection_id = $2',
    [
      tx.tenantId,
      connectionId,
      await seal(tx, keys, place(connectionId, 'party'), credentials),
      options.expiresAt === undefined ? null : new Date(options.expiresAt),
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
  await keepForClient(tx, keys, connectionId, made, by)
  return made
}

/**
 * Makes a token for a client that names it in every call, instead of signing. It is shown once, here.
 *
 * @param dress gives it the form that clients of the party take for a token
 */
export async function issueClientToken(
  tx: Transaction,
  keys: Keys,
  connectionId: string,
  by: ConnectionBy,
  dress: (secret: string) => string = (secret) => secret,
): Promise<Secrets> {
  const made = { token: dress(`sluss_${randomBytes(32).toString('base64url')}`) }
  await keepForClient(tx, keys, connectionId, made, by)
  return made
}

/** Makes an id and a secret for a client that gets itself short-lived tokens with them. They are shown once, here. */
export async function issueClientIdAndSecret(
  tx: Transaction,
  keys: Keys,
  connectionId: string,
  by: ConnectionBy,
): Promise<Secrets> {
  const made = {
    client_id: `sluss-${randomBytes(12).toString('hex')}`,
    client_secret: randomBytes(32).toString('base64url'),
  }
  await keepForClient(tx, keys, connectionId, made, by)
  return made
}

async function keepForClient(
  tx: Transaction,
  keys: Keys,
  connectionId: string,
  made: Secrets,
  by: ConnectionBy,
): Promise<void> {
  await tx.change(
    'update connections set client_credentials = $3 where tenant_id = $1 and connection_id = $2',
    [tx.tenantId, connectionId, await seal(tx, keys, place(connectionId, 'client'), made)],
  )
  await recordConnection(tx, connectionId, 'client-credentials', by)
}

export function openClientCredentials(
  reader: Reader,
  keys: Keys,
  connectionId: string,
): Promise<Secrets | undefined> {
  return open(reader, keys, connectionId, 'client_credentials', 'client')
}

/**
 * Makes the secret by which a system of the tenant proves that events come from it. It is shown once, here; one that
 * was made before ends.
 */
export async function issueEventSecret(
  tx: Transaction,
  keys: Keys,
  connectionId: string,
  by: ConnectionBy,
): Promise<string> {
  const secret = randomBytes(32).toString('hex')
  await tx.change(
    'update connections set event_secret = $3 where tenant_id = $1 and connection_id = $2',
    [tx.tenantId, connectionId, await seal(tx, keys, place(connectionId, 'event'), { secret })],
  )
  await recordConnection(tx, connectionId, 'event-secret', by)
  return secret
}

/** Keeps by what it is known who sends events, where the sender has no secret of ours but signs itself. */
export async function storeEventSender(
  tx: Transaction,
  keys: Keys,
  connectionId: string,
  sender: Secrets,
  by: ConnectionBy,
): Promise<void> {
  const secret = JSON.stringify(sender)
  await tx.change(
    'update connections set event_secret = $3 where tenant_id = $1 and connection_id = $2',
    [tx.tenantId, connectionId, await seal(tx, keys, place(connectionId, 'event'), { secret })],
  )
  await recordConnection(tx, connectionId, 'event-sender', by)
}

/** The secret of `issueEventSecret`; undefined where there is none. */
export async function openEventSecret(
  reader: Reader,
  keys: Keys,
  connectionId: string,
): Promise<string | undefined> {
  return (await open(reader, keys, connectionId, 'event_secret', 'event'))?.secret
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
  column: 'credentials' | 'client_credentials' | 'token_private_key' | 'event_secret',
  what: 'party' | 'client' | 'token-key' | 'event',
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

/**
 * Destroys every secret of a connection, the party's session among them, and switches the connection off. Its sealed
 * bytes are gone from the rows with this commit.
 */
export async function destroyCredentials(
  tx: Transaction,
  connectionId: string,
  by: ConnectionBy,
): Promise<void> {
  await tx.change(
    `update connections set enabled = false, credentials = null, credentials_expire_at = null,
        client_credentials = null, token_private_key = null, token_certificate = null, event_secret = null
      where tenant_id = $1 and connection_id = $2`,
    [tx.tenantId, connectionId],
  )
  await tx.change(
    `update party_sessions set token = null, fingerprint = '' where tenant_id = $1 and connection_id = $2`,
    [tx.tenantId, connectionId],
  )
  await recordConnection(tx, connectionId, 'credentials-destroyed', by)
}
