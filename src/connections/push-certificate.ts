import type { Reader, Transaction } from '#database/handles.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import type { Keys } from '#keys/keys.ts'
import { type ConnectionBy, recordConnection } from './connection.ts'
import {
  openClientCredentials,
  openTokenKeyPair,
  storeCredentials,
  storeTokenKeyPair,
} from './credentials.ts'
import { makeClientCertificate } from './push-certificate-client.ts'
import {
  type PushCertificateFile,
  makeSigningRequest,
  readPushCertificate,
} from './push-certificate-file.ts'

export const PUSH_CONNECTOR = 'apple-push'

/** A push certificate as it is shown: nothing of it is secret. */
export interface PushCertificateRecord {
  readonly connectionId: string
  readonly topic: string
  readonly serialNumber: string
  readonly fingerprint: string
  readonly expiresAt: Date
  readonly uploadedAt: Date
  /** Why Apple does not take it, as Apple says it; undefined while it does, or was not asked yet. */
  readonly refusedBecause: string | undefined
}

/** The tenant's connection for pushes: the first one where there are several. */
export async function pushConnectionOf(reader: Reader): Promise<string | undefined> {
  const [row] = await reader.rows<{ id: string }>(
    `select connection_id as id from connections where tenant_id = $1 and connector_id = $2
      order by connection_id limit 1`,
    [reader.tenantId, PUSH_CONNECTOR],
  )
  return row?.id
}

/** The request for a certificate (PEM) that waits for Apple's answer; made, with its key, where there is none. */
export async function pushSigningRequest(
  tx: Transaction,
  keys: Keys,
  connectionId: string,
  by: ConnectionBy,
): Promise<string> {
  await tx.rows(
    'select 1 from connections where tenant_id = $1 and connection_id = $2 for update',
    [tx.tenantId, connectionId],
  )
  const waiting = await openTokenKeyPair(tx, keys, connectionId)
  if (waiting) return waiting.certificate
  const { privateKey, request } = await makeSigningRequest('Sluss push')
  await storeTokenKeyPair(tx, keys, connectionId, { privateKey, certificate: request }, by)
  return request
}

/**
 * Keeps a push certificate with its key, sealed.
 *
 * @returns what `readPushCertificate` refuses, and `push_certificate_topic` where its topic is another than that of the
 *   one before: every device would have to enrol anew
 */
export async function uploadPushCertificate(
  tx: Transaction,
  keys: Keys,
  connectionId: string,
  file: PushCertificateFile,
  by: ConnectionBy,
): Promise<Refusal | undefined> {
  const pending = await openTokenKeyPair(tx, keys, connectionId)
  const read = readPushCertificate(file, pending?.privateKey, by.at)
  if (isRefusal(read)) return read
  const [before] = await tx.rows<{ topic: string }>(
    'select topic from push_certificates where tenant_id = $1 and connection_id = $2 for update',
    [tx.tenantId, connectionId],
  )
  if (before && before.topic !== read.topic)
    return refuse('push_certificate_topic', { connection: connectionId, expected: before.topic })
  const { certificate, privateKey, topic, fingerprint, serialNumber, expiresAt } = read
  await storeCredentials(
    tx,
    keys,
    connectionId,
    { certificate, privateKey, topic, fingerprint },
    { expiresAt },
    by,
  )
  await tx.change(
    `insert into push_certificates (tenant_id, connection_id, topic, serial_number, fingerprint, expires_at, uploaded_at)
     values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (tenant_id, connection_id) do update set topic = $3, serial_number = $4, fingerprint = $5,
       expires_at = $6, uploaded_at = $7, warned_days = null`,
    [
      tx.tenantId,
      connectionId,
      topic,
      serialNumber,
      fingerprint,
      new Date(expiresAt),
      new Date(by.at),
    ],
  )
  // The next request is for another key, and what Apple said of the old certificate is not said of this one.
  await tx.change(
    'update connections set token_private_key = null, token_certificate = null where tenant_id = $1 and connection_id = $2',
    [tx.tenantId, connectionId],
  )
  return undefined
}

export async function readPushCertificateRecord(
  reader: Reader,
  keys: Keys,
  connectionId: string,
): Promise<PushCertificateRecord | undefined> {
  const [row] = await reader.rows<Omit<PushCertificateRecord, 'refusedBecause'>>(
    `select p.connection_id as "connectionId", p.topic, p.serial_number as "serialNumber", p.fingerprint,
        p.expires_at as "expiresAt", p.uploaded_at as "uploadedAt"
       from push_certificates p join connections c using (tenant_id, connection_id)
      where p.tenant_id = $1 and p.connection_id = $2 and c.credentials is not null`,
    [reader.tenantId, connectionId],
  )
  return (
    row && {
      ...row,
      refusedBecause: await refusedBecause(reader, keys, connectionId, row.fingerprint),
    }
  )
}

/** The connector leaves word where the party's session stands, since it does no database work itself. */
async function refusedBecause(
  reader: Reader,
  keys: Keys,
  connectionId: string,
  fingerprint: string,
): Promise<string | undefined> {
  const [row] = await reader.rows<{ token: Buffer | null }>(
    'select token from party_sessions where tenant_id = $1 and connection_id = $2',
    [reader.tenantId, connectionId],
  )
  if (!row?.token) return undefined
  const text = await keys.openForTenant(reader, `connection/${connectionId}/session`, row.token)
  const said = JSON.parse(text.toString()) as { fingerprint: string; reason: string }
  return said.fingerprint === fingerprint ? said.reason : undefined
}

/**
 * Makes a certificate with which the tenant's management server knows itself to the gateway, in the place of the push
 * certificate that it no longer has: of the same topic, so that it is taken for one. It is shown once, here.
 *
 * @returns `credentials_missing` while there is no push certificate, since its topic is not known
 */
export async function issuePushClientCertificate(
  tx: Transaction,
  keys: Keys,
  connectionId: string,
  by: ConnectionBy,
): Promise<{ certificate: string; privateKey: string } | Refusal> {
  const record = await readPushCertificateRecord(tx, keys, connectionId)
  if (!record) return refuse('credentials_missing', { connection: connectionId })
  const { fingerprint, ...made } = await makeClientCertificate(
    record.topic,
    by.at,
    record.expiresAt.getTime(),
  )
  const known = await openClientCredentials(tx, keys, connectionId)
  const secrets = JSON.stringify({ ...known, fingerprint })
  await tx.change(
    'update connections set client_credentials = $3 where tenant_id = $1 and connection_id = $2',
    [
      tx.tenantId,
      connectionId,
      await keys.sealForTenant(tx, `connection/${connectionId}/client`, Buffer.from(secrets)),
    ],
  )
  await recordConnection(tx, connectionId, 'client-certificate', by)
  return made
}
