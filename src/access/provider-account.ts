import type { Transaction } from '#database/handles.ts'
import { isRefusal, type Refusal, refuse } from '#foundation/refusal.ts'
import { bumpFactsVersion } from '#tenants/facts-version.ts'
import { type Account, type AccountParts, findByMail, readAccount } from './account.ts'
import { type AccountBy, recordAccountChange } from './account-change.ts'
import { addPersonMarks, createAccount, setProvidedGroups } from './account-updates.ts'
import type { IdentityProvider } from './identity-provider.ts'
import { domainOfMail } from './person-mark.ts'

/** What a provider said of the person, after its ID token was checked. */
export interface ProviderClaims {
  readonly subject: string
  readonly name: string | undefined
  readonly mail: string | undefined
  /** Whether the provider vouches for the address. */
  readonly mailVerified: boolean
  /** Groups and roles together, as the provider names them. */
  readonly groups: readonly string[]
}

/**
 * Finds the account of the person that a provider let in, links or makes it where the tenant allows that, and takes
 * over the groups the provider says.
 *
 * @returns `account_unknown` for somebody without an account where unknown people get none, or whose address is not
 *   the provider's to speak for; `account_disabled`
 */
export async function accountOfProvider(
  tx: Transaction,
  parts: Pick<AccountParts, 'keys' | 'marks'>,
  provider: IdentityProvider,
  claims: ProviderClaims,
  now: number,
): Promise<Account | Refusal> {
  const by = { actor: `provider:${provider.providerId}`, at: now }
  const hash = await parts.keys.blindIndex(tx, 'account.subject')
  const subject = hash(`${provider.issuer}\n${claims.subject}`)
  const linked = (): Promise<string | undefined> => linkedAccount(tx, provider, subject)
  let accountId: string | Refusal | undefined = await linked()
  if (accountId === undefined) {
    // Two first sign-ins of one person at once make one account: the second waits here, and finds it.
    await bumpFactsVersion(tx)
    accountId = (await linked()) ?? (await linkOrCreate(tx, parts, provider, claims, subject, by))
  }
  if (isRefusal(accountId)) return accountId
  const account = await readAccount(tx, accountId)
  if (!account) return refuse('account_unknown', { provider: provider.providerId })
  if (account.state !== 'active') return refuse('account_disabled', { account: accountId })
  await setProvidedGroups(tx, account, claims.groups, by)
  const marks = [parts.marks.ofSubject(provider.issuer, claims.subject)]
  if (claims.mail !== undefined && claims.mailVerified) marks.push(parts.marks.ofMail(claims.mail))
  await addPersonMarks(tx, accountId, marks)
  return (await readAccount(tx, accountId)) ?? refuse('account_unknown', { account: accountId })
}

async function linkedAccount(
  tx: Transaction,
  { providerId }: IdentityProvider,
  subject: string,
): Promise<string | undefined> {
  const [row] = await tx.rows<{ account_id: string }>(
    `select account_id from account_identities
      where tenant_id = $1 and provider_id = $2 and subject_blind = $3`,
    [tx.tenantId, providerId, subject],
  )
  return row?.account_id
}

async function linkOrCreate(
  tx: Transaction,
  parts: Pick<AccountParts, 'keys' | 'marks'>,
  provider: IdentityProvider,
  claims: ProviderClaims,
  subject: string,
  by: AccountBy,
): Promise<string | Refusal> {
  const spokenFor =
    claims.mail !== undefined &&
    claims.mailVerified &&
    provider.mailDomains.includes(domainOfMail(claims.mail))
  const invited = spokenFor ? await findByMail(tx, parts.keys, claims.mail) : undefined
  if (!invited && !(provider.createsAccounts && (spokenFor || provider.mailDomains.length === 0)))
    return refuse('account_unknown', { provider: provider.providerId })
  const accountId =
    invited?.accountId ??
    (await createAccount(
      tx,
      parts,
      {
        kind: 'person',
        displayName: claims.name ?? 'Unnamed',
        ...(spokenFor ? { mail: claims.mail } : {}),
      },
      by,
    ))
  if (isRefusal(accountId)) return accountId
  const made = await tx.change(
    `insert into account_identities (tenant_id, provider_id, subject_blind, account_id, linked_at)
     values ($1, $2, $3, $4, $5) on conflict do nothing`,
    [tx.tenantId, provider.providerId, subject, accountId, new Date(by.at)],
  )
  // The account is somebody else's at this provider already, though the address is the same.
  if (made === 0) return refuse('account_unknown', { provider: provider.providerId })
  await recordAccountChange(tx, by, 'account.changed', {
    account: accountId,
    change: 'linked',
    provider: provider.providerId,
  })
  return accountId
}
