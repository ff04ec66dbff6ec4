import type { Transaction } from '#database/handles.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import { recordAccountChange, type AccountBy } from './account-change.ts'
import { type AccountParts, readAccount } from './account.ts'

/**
 * Takes the account away for good: its key is destroyed, so that its names are dead wherever they stand, and all its
 * ways in end. The row stays under its id, for what it did stands in the log; so do the keyed marks of its person, lest
 * anybody come back as somebody else to approve what they asked for.
 *
 * @returns `account_unknown`, or `last_admin` when no other active administrator would remain
 */
export async function eraseAccount(
  tx: Transaction,
  { keys, administrators }: Pick<AccountParts, 'keys' | 'administrators'>,
  accountId: string,
  by: AccountBy,
): Promise<Refusal | undefined> {
  const left = await administrators(tx)
  if (left.has(accountId) && left.size === 1) return refuse('last_admin', { account: accountId })
  if (!(await readAccount(tx, accountId))) return refuse('account_unknown', { account: accountId })
  await tx.change(
    `update accounts set state = 'erased', login_blind = null, groups = '{}', own_groups = '{}',
       tokens_valid_from = $3 where tenant_id = $1 and account_id = $2`,
    [tx.tenantId, accountId, new Date(by.at)],
  )
  for (const table of ['account_identities', 'one_time_links'])
    await tx.change(`delete from ${table} where tenant_id = $1 and account_id = $2`, [
      tx.tenantId,
      accountId,
    ])
  for (const table of ['passkeys', 'account_signing_keys', 'service_secrets'])
    await tx.change(
      `update ${table} set removed_at = $3
        where tenant_id = $1 and account_id = $2 and removed_at is null`,
      [tx.tenantId, accountId, new Date(by.at)],
    )
  await keys.destroySubjectKey(tx, accountId)
  await recordAccountChange(tx, by, 'account.changed', { account: accountId, change: 'erased' })
  return undefined
}
