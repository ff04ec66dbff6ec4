import type { Reader, Transaction } from '#database/handles.ts'
import { newId } from '#foundation/ids.ts'
import { isRefusal, type Refusal, refuse } from '#foundation/refusal.ts'
import { bumpFactsVersion } from '#tenants/facts-version.ts'
import {
  type Account,
  type AccountParts,
  type Language,
  blindMail,
  openNames,
  readAccountRow,
  sealNames,
} from './account.ts'
import { type AccountBy, recordAccountChange } from './account-change.ts'

export interface NewAccount {
  readonly kind: Account['kind']
  readonly displayName: string
  readonly mail?: string | undefined
  readonly language?: Language | undefined
  readonly groups?: readonly string[] | undefined
}

/**
 * Makes an account in the handle's tenant. It has no way in yet: a link, a provider or a secret gives one.
 *
 * @returns the account's id, or `name_taken` when another account has the mail address
 */
export async function createAccount(
  tx: Transaction,
  { keys, marks }: Pick<AccountParts, 'keys' | 'marks'>,
  account: NewAccount,
  by: AccountBy,
): Promise<string | Refusal> {
  const accountId = newId()
  await keys.createSubjectKey(tx, accountId)
  const { displayName, mail } = account
  const groups = tidyGroups(account.groups ?? [])
  const made = await tx.change(
    `insert into accounts (tenant_id, account_id, kind, sealed, login_blind, language, groups, own_groups,
       person_marks, created_at)
     values ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9) on conflict do nothing`,
    [
      tx.tenantId,
      accountId,
      account.kind,
      await sealNames(tx, keys, accountId, { displayName, mail }),
      mail === undefined ? null : await blindMail(tx, keys, mail),
      account.language ?? 'en',
      groups,
      mail === undefined ? [] : [marks.ofMail(mail)],
      new Date(by.at),
    ],
  )
  if (made === 0) return refuse('name_taken', { field: 'mail' })
  await recordAccountChange(tx, by, 'account.changed', {
    account: accountId,
    change: 'created',
    type: account.kind,
    groups,
  })
  return accountId
}

/**
 * Changes name, mail address or language. A person keeps the marks of addresses they had before, so that nobody
 * becomes another person by a new address.
 *
 * @returns `account_unknown`, or `name_taken` when another account has the mail address
 */
export async function updateAccount(
  tx: Transaction,
  { keys, marks }: Pick<AccountParts, 'keys' | 'marks'>,
  accountId: string,
  change: {
    displayName?: string | undefined
    mail?: string | undefined
    language?: Language | undefined
  },
  by: AccountBy,
): Promise<Refusal | undefined> {
  await bumpFactsVersion(tx)
  const found = await readAccountRow(tx, accountId)
  if (!found) return refuse('account_unknown', { account: accountId })
  const old = await openNames(tx, keys, found.row)
  const names = {
    displayName: change.displayName ?? old.displayName,
    mail: change.mail ?? old.mail,
  }
  const blind = names.mail === undefined ? null : await blindMail(tx, keys, names.mail)
  const [taken] = await tx.rows(
    'select 1 from accounts where tenant_id = $1 and login_blind = $2 and account_id <> $3',
    [tx.tenantId, blind, accountId],
  )
  if (taken) return refuse('name_taken', { field: 'mail' })
  await tx.change(
    `update accounts set sealed = $3, login_blind = $4, language = $5, person_marks = $6
      where tenant_id = $1 and account_id = $2`,
    [
      tx.tenantId,
      accountId,
      await sealNames(tx, keys, accountId, names),
      blind,
      change.language ?? found.account.language,
      [
        ...new Set([
          ...found.account.personMarks,
          ...(names.mail === undefined ? [] : [marks.ofMail(names.mail)]),
        ]),
      ],
    ],
  )
  await recordAccountChange(tx, by, 'account.changed', {
    account: accountId,
    change: 'updated',
    fields: Object.entries(change).flatMap(([name, value]) => (value === undefined ? [] : [name])),
  })
  return undefined
}

/**
 * Switches the account on or off. Off, its tokens count no more, on every node within a second.
 *
 * @returns `account_unknown`, or `last_admin` when no other active administrator would remain
 */
export async function enableAccount(
  tx: Transaction,
  { administrators }: Pick<AccountParts, 'administrators'>,
  accountId: string,
  enabled: boolean,
  by: AccountBy,
): Promise<Refusal | undefined> {
  const last = enabled ? undefined : await refuseLastAdministrator(tx, administrators, accountId)
  if (isRefusal(last)) return last
  const changed = await tx.change(
    `update accounts set state = $3,
        tokens_valid_from = case when $3 = 'disabled' then $4 else tokens_valid_from end
      where tenant_id = $1 and account_id = $2`,
    [tx.tenantId, accountId, enabled ? 'active' : 'disabled', new Date(by.at)],
  )
  if (changed === 0) return refuse('account_unknown', { account: accountId })
  await recordAccountChange(tx, by, 'account.changed', {
    account: accountId,
    change: enabled ? 'enabled' : 'disabled',
  })
  return undefined
}

/** Switches the account off; see `enableAccount`. */
export function disableAccount(
  tx: Transaction,
  parts: Pick<AccountParts, 'administrators'>,
  accountId: string,
  by: AccountBy,
): Promise<Refusal | undefined> {
  return enableAccount(tx, parts, accountId, false, by)
}

/**
 * Says which groups the account is in by an admin's word; those its provider says stay.
 *
 * @returns `account_unknown`, or `last_admin` when the tenant would be without an administrator
 */
export async function setGroups(
  tx: Transaction,
  { administrators }: Pick<AccountParts, 'administrators'>,
  accountId: string,
  groups: readonly string[],
  by: AccountBy,
): Promise<Refusal | undefined> {
  const before = await administrators(tx)
  const tidy = tidyGroups(groups)
  const [old] = await tx.rows<{ groups: string[]; own_groups: string[] }>(
    'select groups, own_groups from accounts where tenant_id = $1 and account_id = $2',
    [tx.tenantId, accountId],
  )
  if (!old) return refuse('account_unknown', { account: accountId })
  const provided = old.groups.filter((group) => !old.own_groups.includes(group))
  await writeGroups(tx, accountId, tidyGroups([...provided, ...tidy]), tidy)
  if (before.size > 0 && (await administrators(tx)).size === 0) {
    await writeGroups(tx, accountId, old.groups, old.own_groups)
    return refuse('last_admin', { account: accountId })
  }
  await recordAccountChange(tx, by, 'account.changed', {
    account: accountId,
    change: 'groups',
    groups: tidy,
  })
  return undefined
}

/** Replaces the groups that the provider said by those it says now; records only a difference. */
export async function setProvidedGroups(
  tx: Transaction,
  account: Account,
  provided: readonly string[],
  by: AccountBy,
): Promise<void> {
  const groups = tidyGroups([...account.ownGroups, ...provided])
  if (groups.join('\n') === tidyGroups(account.groups).join('\n')) return
  await writeGroups(tx, account.accountId, groups, account.ownGroups)
  await recordAccountChange(tx, by, 'account.changed', {
    account: account.accountId,
    change: 'providedGroups',
    groups,
  })
}

/** Adds marks to those the account has; a mark is never taken away. */
export async function addPersonMarks(
  tx: Transaction,
  accountId: string,
  marks: readonly string[],
): Promise<void> {
  const added = await tx.change(
    `update accounts set person_marks = array(select distinct unnest(person_marks || $3::text[]) order by 1)
      where tenant_id = $1 and account_id = $2 and not person_marks @> $3::text[]`,
    [tx.tenantId, accountId, marks],
  )
  if (added > 0) await bumpFactsVersion(tx)
}

/**
 * Ends everything the account is signed in to: access tokens, refresh tokens and sessions of before now.
 * A sign-in within the same second does not count either.
 *
 * @returns `account_unknown`
 */
export async function signOutEverywhere(
  tx: Transaction,
  accountId: string,
  by: AccountBy,
): Promise<Refusal | undefined> {
  const changed = await tx.change(
    `update accounts set tokens_valid_from = greatest(tokens_valid_from, $3::timestamptz)
      where tenant_id = $1 and account_id = $2`,
    [tx.tenantId, accountId, new Date(by.at)],
  )
  if (changed === 0) return refuse('account_unknown', { account: accountId })
  await recordAccountChange(tx, by, 'account.changed', {
    account: accountId,
    change: 'signedOutEverywhere',
  })
  return undefined
}

/** Counting waits for other changes that count, so that two at once do not each rely on the other's administrator. */
async function refuseLastAdministrator(
  tx: Transaction,
  administrators: (reader: Reader) => Promise<ReadonlySet<string>>,
  accountId: string,
): Promise<Refusal | undefined> {
  const left = await administrators(tx)
  return left.has(accountId) && left.size === 1
    ? refuse('last_admin', { account: accountId })
    : undefined
}

async function writeGroups(
  tx: Transaction,
  accountId: string,
  groups: readonly string[],
  own: readonly string[],
): Promise<void> {
  await tx.change(
    'update accounts set groups = $3, own_groups = $4 where tenant_id = $1 and account_id = $2',
    [tx.tenantId, accountId, groups, own],
  )
}

function tidyGroups(groups: readonly string[]): string[] {
  return [...new Set(groups)].sort()
}
