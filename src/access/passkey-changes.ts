import type { Reader, Transaction } from '#database/handles.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import type { Keys } from '#keys/keys.ts'
import { bumpFactsVersion } from '#tenants/facts-version.ts'
import { type AccountBy, recordAccountChange } from './account-change.ts'
import { openPasskeyName, sealPasskeyName } from './passkey.ts'

export interface Passkey {
  readonly passkeyId: string
  readonly name: string
  readonly registeredAt: number
  readonly usedAt: number | undefined
}

/** The account's passkeys that can be used, oldest first. */
export async function listPasskeys(
  reader: Reader,
  keys: Keys,
  accountId: string,
): Promise<readonly Passkey[]> {
  const rows = await reader.rows<{
    passkey_id: string
    name: Buffer
    registered_at: Date
    used_at: Date | null
  }>(
    `select passkey_id, name, registered_at, used_at from passkeys
      where tenant_id = $1 and account_id = $2 and removed_at is null order by registered_at, passkey_id`,
    [reader.tenantId, accountId],
  )
  return Promise.all(
    rows.map(async (row) => ({
      passkeyId: row.passkey_id,
      name: await openPasskeyName(reader, keys, accountId, row.passkey_id, row.name),
      registeredAt: row.registered_at.getTime(),
      usedAt: row.used_at?.getTime(),
    })),
  )
}

/** Gives the passkey another name. Refuses with `not_found`. */
export async function renamePasskey(
  tx: Transaction,
  keys: Keys,
  accountId: string,
  passkeyId: string,
  name: string,
): Promise<Refusal | undefined> {
  const [known] = await tx.rows(
    `select 1 from passkeys
      where tenant_id = $1 and account_id = $2 and passkey_id = $3 and removed_at is null for update`,
    [tx.tenantId, accountId, passkeyId],
  )
  if (!known) return refuse('not_found', { passkey: passkeyId })
  await tx.change('update passkeys set name = $3 where tenant_id = $1 and passkey_id = $2', [
    tx.tenantId,
    passkeyId,
    await sealPasskeyName(tx, keys, accountId, passkeyId, name),
  ])
  return undefined
}

/**
 * Takes the passkey away, and signs its account out: whoever holds the key may be signed in.
 *
 * @returns `not_found`, or `last_way_in` when the account has no other passkey and no provider
 */
export async function removePasskey(
  tx: Transaction,
  accountId: string,
  passkeyId: string,
  by: AccountBy,
): Promise<Refusal | undefined> {
  // Two removals at once must not each count on the key that the other takes.
  await bumpFactsVersion(tx)
  const removed = await tx.change(
    `update passkeys p set removed_at = $4
      where tenant_id = $1 and account_id = $2 and passkey_id = $3 and removed_at is null`,
    [tx.tenantId, accountId, passkeyId, new Date(by.at)],
  )
  if (removed === 0) return refuse('not_found', { passkey: passkeyId })
  if (!(await hasWayIn(tx, accountId))) {
    await tx.change(
      'update passkeys set removed_at = null where tenant_id = $1 and passkey_id = $2',
      [tx.tenantId, passkeyId],
    )
    return refuse('last_way_in', { account: accountId })
  }
  await tx.change(
    `update accounts set tokens_valid_from = greatest(tokens_valid_from, $3::timestamptz)
      where tenant_id = $1 and account_id = $2`,
    [tx.tenantId, accountId, new Date(by.at)],
  )
  await recordAccountChange(tx, by, 'key.removed', {
    account: accountId,
    key: passkeyId,
    type: 'sign-in',
  })
  return undefined
}

/** Whether the account's person can still sign in: by a passkey, or at an enabled provider that knows them. */
export async function hasWayIn(reader: Reader, accountId: string): Promise<boolean> {
  const [row] = await reader.rows(
    `select 1 where exists (select 1 from passkeys where tenant_id = $1 and account_id = $2 and removed_at is null)
        or exists (select 1 from account_identities i
                     join identity_providers p on p.tenant_id = i.tenant_id and p.provider_id = i.provider_id
                    where i.tenant_id = $1 and i.account_id = $2 and p.enabled)`,
    [reader.tenantId, accountId],
  )
  return row !== undefined
}
