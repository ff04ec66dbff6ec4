import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { Reader, Transaction } from '#database/handles.ts'
import { sha256 } from '#foundation/hashing.ts'
import { isTenantId, newId } from '#foundation/ids.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import { bumpFactsVersion } from '#tenants/facts-version.ts'
import { type AccountBy, recordAccountChange } from './account-change.ts'
import { readAccount } from './account.ts'

/** Two at once, so that a secret can be changed without a gap. */
const MOST_SECRETS = 2
export const SECRET_LIFETIME_IN_MS = 365 * 24 * 60 * 60_000

export interface ServiceSecret {
  readonly secretId: string
  readonly createdAt: number
  readonly expiresAt: number
}

/** The OAuth client id of a service principal, and the subject of its tokens. */
export function clientIdOf(tenantId: string, accountId: string): string {
  return `${tenantId}/${accountId}`
}

/** Takes a client id, or the subject of a token, apart; undefined for what is neither. */
export function accountOfSubject(
  subject: string,
): { tenantId: string; accountId: string } | undefined {
  const [tenantId = '', accountId = '', more] = subject.split('/')
  const isUuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(accountId)
  return more === undefined && isTenantId(tenantId) && isUuid ? { tenantId, accountId } : undefined
}

/**
 * Makes a secret for a service principal. It is shown once, here; only its hash is kept.
 *
 * @returns `account_unknown` for what is no service, `limit_reached` when two secrets are valid already
 */
export async function addSecret(
  tx: Transaction,
  accountId: string,
  by: AccountBy,
  lifetimeInMs = SECRET_LIFETIME_IN_MS,
): Promise<(ServiceSecret & { readonly secret: string }) | Refusal> {
  await bumpFactsVersion(tx)
  if ((await readAccount(tx, accountId))?.kind !== 'service')
    return refuse('account_unknown', { account: accountId })
  if ((await listSecrets(tx, accountId, by.at)).length >= MOST_SECRETS)
    return refuse('limit_reached', { account: accountId, most: MOST_SECRETS })
  const secret = `sluss_${randomBytes(32).toString('base64url')}`
  const made = { secretId: newId(), createdAt: by.at, expiresAt: by.at + lifetimeInMs }
  await tx.change(
    `insert into service_secrets (tenant_id, account_id, secret_id, secret_hash, created_at, expires_at)
     values ($1, $2, $3, $4, $5, $6)`,
    [
      tx.tenantId,
      accountId,
      made.secretId,
      hashOf(secret),
      new Date(made.createdAt),
      new Date(made.expiresAt),
    ],
  )
  await recordAccountChange(tx, by, 'account.changed', {
    account: accountId,
    change: 'secretAdded',
    secret: made.secretId,
  })
  return { ...made, secret }
}

/** The secrets that are valid, oldest first; never what they are. */
export async function listSecrets(
  reader: Reader,
  accountId: string,
  now: number,
): Promise<readonly ServiceSecret[]> {
  const rows = await reader.rows<{ secret_id: string; created_at: Date; expires_at: Date }>(
    `select secret_id, created_at, expires_at from service_secrets
      where tenant_id = $1 and account_id = $2 and removed_at is null and expires_at > $3
      order by created_at, secret_id`,
    [reader.tenantId, accountId, new Date(now)],
  )
  return rows.map((row) => ({
    secretId: row.secret_id,
    createdAt: row.created_at.getTime(),
    expiresAt: row.expires_at.getTime(),
  }))
}

/** Takes the secret away, and ends the tokens of the service: one of them may have been got with it. */
export async function removeSecret(
  tx: Transaction,
  accountId: string,
  secretId: string,
  by: AccountBy,
): Promise<Refusal | undefined> {
  const removed = await tx.change(
    `update service_secrets set removed_at = $4
      where tenant_id = $1 and account_id = $2 and secret_id = $3 and removed_at is null`,
    [tx.tenantId, accountId, secretId, new Date(by.at)],
  )
  if (removed === 0) return refuse('not_found', { secret: secretId })
  await tx.change(
    `update accounts set tokens_valid_from = greatest(tokens_valid_from, $3::timestamptz)
      where tenant_id = $1 and account_id = $2`,
    [tx.tenantId, accountId, new Date(by.at)],
  )
  await recordAccountChange(tx, by, 'account.changed', {
    account: accountId,
    change: 'secretRemoved',
    secret: secretId,
  })
  return undefined
}

/** Whether the secret is one of the service's valid ones, in a time that tells nothing of them. */
export async function checkSecret(
  reader: Reader,
  accountId: string,
  secret: string,
  now: number,
): Promise<boolean> {
  const rows = await reader.rows<{ secret_hash: string }>(
    `select s.secret_hash from service_secrets s
       join accounts a on a.tenant_id = s.tenant_id and a.account_id = s.account_id
      where s.tenant_id = $1 and s.account_id = $2 and s.removed_at is null and s.expires_at > $3
        and a.state = 'active' and a.kind = 'service'`,
    [reader.tenantId, accountId, new Date(now)],
  )
  const given = Buffer.from(hashOf(secret))
  return rows.map((row) => timingSafeEqual(given, Buffer.from(row.secret_hash))).includes(true)
}

/** A plain hash will do: the secret is 32 random bytes, which nobody guesses. */
function hashOf(secret: string): string {
  return sha256(secret).toString('base64url')
}
