import { randomBytes } from 'node:crypto'
import type { Reader, Transaction } from '#database/handles.ts'
import { sha256 } from '#foundation/hashing.ts'
import { isTenantId } from '#foundation/ids.ts'
import { isRefusal, type Refusal, refuse } from '#foundation/refusal.ts'
import { type AccountParts, readAccount } from './account.ts'
import { createAccount } from './account-updates.ts'
import { type AccountBy, recordAccountChange } from './account-change.ts'

export type LinkPurpose = 'firstAdmin' | 'invitation' | 'recovery'

/** How long a link can be used. */
export const LINK_LIFETIME_IN_MS = 24 * 60 * 60_000

/** Who a link is for. */
export interface LinkHolder {
  readonly accountId: string
  readonly purpose: LinkPurpose
}

/**
 * Makes a link through which the account's person registers a passkey: once, within 24 hours. Only the token's
 * hash is kept; whoever made the link hands the token over. An older unused link of the account ends.
 *
 * @returns the token, for `/sign-in/link?token=`; `account_unknown` or `account_disabled`
 */
export async function createLink(
  tx: Transaction,
  holder: LinkHolder,
  by: AccountBy,
): Promise<string | Refusal> {
  const account = await readAccount(tx, holder.accountId)
  if (account?.kind !== 'person') return refuse('account_unknown', { account: holder.accountId })
  if (account.state !== 'active') return refuse('account_disabled', { account: holder.accountId })
  const token = `${tx.tenantId}.${randomBytes(32).toString('base64url')}`
  await tx.change(
    'delete from one_time_links where tenant_id = $1 and account_id = $2 and used_at is null',
    [tx.tenantId, holder.accountId],
  )
  await tx.change(
    `insert into one_time_links (tenant_id, link_hash, account_id, purpose, created_by, created_at, expires_at)
     values ($1, $2, $3, $4, $5, $6, $7)`,
    [
      tx.tenantId,
      hashOf(token),
      holder.accountId,
      holder.purpose,
      by.actor,
      new Date(by.at),
      new Date(by.at + LINK_LIFETIME_IN_MS),
    ],
  )
  await recordAccountChange(tx, by, 'account.changed', {
    account: holder.accountId,
    change: 'linkMade',
    purpose: holder.purpose,
  })
  return token
}

/** The tenant that the token belongs to, or undefined for what cannot be a token. */
export function tenantOfLink(token: string): string | undefined {
  const [tenantId = '', secret = ''] = token.split('.')
  return isTenantId(tenantId) && /^[A-Za-z0-9_-]{43}$/.test(secret) ? tenantId : undefined
}

/** Who the link is for while it can still be used; looking uses nothing up. Refuses with `link_used`. */
export async function readLink(
  reader: Reader,
  token: string,
  now: number,
): Promise<LinkHolder | Refusal> {
  const [row] = await reader.rows<{ account_id: string; purpose: LinkPurpose }>(
    `select account_id, purpose from one_time_links
      where tenant_id = $1 and link_hash = $2 and used_at is null and expires_at > $3`,
    [reader.tenantId, hashOf(token), new Date(now)],
  )
  return row ? { accountId: row.account_id, purpose: row.purpose } : refuse('link_used')
}

/**
 * Uses the link up. The guard stands in the statement: of two uses at once, one finds the link used.
 * Called in the transaction that gives its holder a way in.
 */
export async function useLink(
  tx: Transaction,
  token: string,
  now: number,
): Promise<LinkHolder | Refusal> {
  const [row] = await tx.rows<{ account_id: string; purpose: LinkPurpose }>(
    `update one_time_links set used_at = $3
      where tenant_id = $1 and link_hash = $2 and used_at is null and expires_at > $3
      returning account_id, purpose`,
    [tx.tenantId, hashOf(token), new Date(now)],
  )
  if (!row) return refuse('link_used')
  const account = await readAccount(tx, row.account_id)
  if (account?.state !== 'active') return refuse('account_disabled', { account: row.account_id })
  return { accountId: row.account_id, purpose: row.purpose }
}

/** Whether the tenant has nobody who could let others in, so that a first link should be made. */
export async function needsFirstAdmin(
  reader: Reader,
  { administrators }: Pick<AccountParts, 'administrators'>,
  now: number,
): Promise<boolean> {
  const [row] = await reader.rows(
    `select 1 from unnest($2::uuid[]) as a (account_id)
      where exists (select 1 from passkeys p
                     where p.tenant_id = $1 and p.account_id = a.account_id and p.removed_at is null)
         or exists (select 1 from account_identities i
                     where i.tenant_id = $1 and i.account_id = a.account_id)
         or exists (select 1 from service_secrets s
                     where s.tenant_id = $1 and s.account_id = a.account_id and s.removed_at is null
                       and s.expires_at > $3)
      limit 1`,
    [reader.tenantId, [...(await administrators(reader))], new Date(now)],
  )
  return row === undefined
}

/**
 * The token of a link for the tenant's (or the operator realm's) first administrator, when there is none who has
 * a way in; undefined otherwise. A second call before the link was used ends the first link and makes another
 * for the same account.
 */
export async function firstAdminLink(
  tx: Transaction,
  parts: AccountParts,
  by: AccountBy,
): Promise<string | undefined> {
  if (!(await needsFirstAdmin(tx, parts, by.at))) return undefined
  const accountId =
    (await waitingAdministrator(tx, parts)) ?? (await createAdministrator(tx, parts, by))
  const token = await createLink(tx, { accountId, purpose: 'firstAdmin' }, by)
  if (isRefusal(token)) throw new Error('no link could be made for the first administrator')
  return token
}

/** Somebody who has the role but no way in yet. */
async function waitingAdministrator(
  tx: Transaction,
  { administrators }: AccountParts,
): Promise<string | undefined> {
  const [row] = await tx.rows<{ account_id: string }>(
    `select account_id from accounts
      where tenant_id = $1 and account_id = any($2::uuid[]) and kind = 'person' and state = 'active'
      order by created_at limit 1`,
    [tx.tenantId, [...(await administrators(tx))]],
  )
  return row?.account_id
}

async function createAdministrator(
  tx: Transaction,
  parts: AccountParts,
  by: AccountBy,
): Promise<string> {
  const made = await createAccount(tx, parts, { kind: 'person', displayName: 'Administrator' }, by)
  if (isRefusal(made)) throw new Error('the first administrator could not be made')
  await parts.makeAdministrator(tx, made, by)
  return made
}

function hashOf(token: string): string {
  return sha256(token).toString('base64url')
}
