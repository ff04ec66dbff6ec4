import type { ListSource } from '#database/list.ts'
import type { Reader, Transaction } from '#database/handles.ts'
import { newId } from '#foundation/ids.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import type { Keys } from '#keys/keys.ts'
import { type AccountBy, recordAccountChange } from './account-change.ts'

/** A tenant's own OpenID provider. */
export interface IdentityProvider {
  readonly providerId: string
  readonly title: string
  readonly issuer: string
  readonly clientId: string
  readonly hasSecret: boolean
  /** The claims that carry groups and roles, such as `groups` and `roles`. */
  readonly groupsClaim: string | undefined
  readonly rolesClaim: string | undefined
  /** Addresses that the provider may speak for; empty is none, and then nobody is found or made by address. */
  readonly mailDomains: readonly string[]
  /** Whether somebody unknown gets an account at their first sign-in. */
  readonly createsAccounts: boolean
  readonly enabled: boolean
}

export interface ProviderSettings {
  readonly title: string
  readonly issuer: string
  readonly clientId: string
  readonly groupsClaim?: string | null | undefined
  readonly rolesClaim?: string | null | undefined
  readonly mailDomains?: readonly string[] | undefined
  readonly createsAccounts?: boolean | undefined
  readonly enabled?: boolean | undefined
  readonly clientSecret?: string | undefined
}

export interface ProviderRow {
  provider_id: string
  title: string
  issuer: string
  client_id: string
  has_secret: boolean
  groups_claim: string | null
  roles_claim: string | null
  mail_domains: string[]
  creates_accounts: boolean
  enabled: boolean
}

const COLUMNS = `provider_id, title, issuer, client_id, client_secret is not null as has_secret, groups_claim,
  roles_claim, mail_domains, creates_accounts, enabled`

/** Makes the provider known to the handle's tenant; answers its id. */
export async function createIdentityProvider(
  tx: Transaction,
  keys: Keys,
  settings: ProviderSettings,
  by: AccountBy,
): Promise<string> {
  const providerId = newId()
  await tx.change(
    `insert into identity_providers (tenant_id, provider_id, title, issuer, client_id, groups_claim, roles_claim,
       mail_domains, creates_accounts, enabled, created_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
    [
      tx.tenantId,
      providerId,
      settings.title,
      settings.issuer,
      settings.clientId,
      settings.groupsClaim ?? null,
      settings.rolesClaim ?? null,
      domains(settings.mailDomains ?? []),
      settings.createsAccounts ?? false,
      settings.enabled ?? true,
      new Date(by.at),
    ],
  )
  await storeSecret(tx, keys, providerId, settings.clientSecret)
  await recordProvider(tx, providerId, 'providerCreated', by)
  return providerId
}

/**
 * Changes the provider. Another issuer takes what it is known by away from every account that it let in: the same
 * subject at another issuer is somebody else.
 *
 * @returns `not_found`
 */
export async function updateIdentityProvider(
  tx: Transaction,
  keys: Keys,
  providerId: string,
  change: Partial<ProviderSettings>,
  by: AccountBy,
): Promise<Refusal | undefined> {
  const old = await readIdentityProvider(tx, providerId)
  if (!old) return refuse('not_found', { provider: providerId })
  const optional = (given: string | null | undefined, kept: string | undefined) =>
    given === undefined ? (kept ?? null) : given
  await tx.change(
    `update identity_providers set title = $3, issuer = $4, client_id = $5, groups_claim = $6, roles_claim = $7,
       mail_domains = $8, creates_accounts = $9, enabled = $10 where tenant_id = $1 and provider_id = $2`,
    [
      tx.tenantId,
      providerId,
      change.title ?? old.title,
      change.issuer ?? old.issuer,
      change.clientId ?? old.clientId,
      optional(change.groupsClaim, old.groupsClaim),
      optional(change.rolesClaim, old.rolesClaim),
      domains(change.mailDomains ?? old.mailDomains),
      change.createsAccounts ?? old.createsAccounts,
      change.enabled ?? old.enabled,
    ],
  )
  if (change.issuer !== undefined && change.issuer !== old.issuer)
    await tx.change('delete from account_identities where tenant_id = $1 and provider_id = $2', [
      tx.tenantId,
      providerId,
    ])
  await storeSecret(tx, keys, providerId, change.clientSecret)
  await recordProvider(tx, providerId, 'providerUpdated', by)
  return undefined
}

export async function readIdentityProvider(
  reader: Reader,
  providerId: string,
): Promise<IdentityProvider | undefined> {
  const [row] = await reader.rows<ProviderRow>(
    `select ${COLUMNS} from identity_providers where tenant_id = $1 and provider_id::text = $2`,
    [reader.tenantId, providerId],
  )
  return row && providerOf(row)
}

/** The tenant's providers that people may come by. */
export async function enabledProviders(reader: Reader): Promise<readonly IdentityProvider[]> {
  const rows = await reader.rows<ProviderRow>(
    `select ${COLUMNS} from identity_providers where tenant_id = $1 and enabled order by title, provider_id`,
    [reader.tenantId],
  )
  return rows.map(providerOf)
}

/** For `listPage`; rows are `ProviderRow`. */
export function providersSource(tenantId: string): ListSource {
  return {
    select: COLUMNS,
    from: 'identity_providers where tenant_id = $1',
    values: [tenantId],
    columns: {
      id: { sql: 'provider_id', type: 'uuid' },
      displayName: { sql: 'title', type: 'text' },
      issuer: { sql: 'issuer', type: 'text' },
      enabled: { sql: 'enabled', type: 'boolean' },
    },
    key: 'id',
  }
}

export function providerOf(row: ProviderRow): IdentityProvider {
  return {
    providerId: row.provider_id,
    title: row.title,
    issuer: row.issuer,
    clientId: row.client_id,
    hasSecret: row.has_secret,
    groupsClaim: row.groups_claim ?? undefined,
    rolesClaim: row.roles_claim ?? undefined,
    mailDomains: row.mail_domains,
    createsAccounts: row.creates_accounts,
    enabled: row.enabled,
  }
}

/** The secret that the provider gave Sluss; undefined for a public client. */
export async function openProviderSecret(
  reader: Reader,
  keys: Keys,
  providerId: string,
): Promise<string | undefined> {
  const [row] = await reader.rows<{ client_secret: Buffer | null }>(
    'select client_secret from identity_providers where tenant_id = $1 and provider_id::text = $2',
    [reader.tenantId, providerId],
  )
  if (!row?.client_secret) return undefined
  return (await keys.openForTenant(reader, place(providerId), row.client_secret)).toString()
}

async function storeSecret(
  tx: Transaction,
  keys: Keys,
  providerId: string,
  secret: string | undefined,
): Promise<void> {
  if (secret === undefined) return
  await tx.change(
    'update identity_providers set client_secret = $3 where tenant_id = $1 and provider_id = $2',
    [tx.tenantId, providerId, await keys.sealForTenant(tx, place(providerId), Buffer.from(secret))],
  )
}

function recordProvider(
  tx: Transaction,
  providerId: string,
  change: string,
  by: AccountBy,
): Promise<void> {
  return recordAccountChange(tx, by, 'account.changed', { provider: providerId, change })
}

const place = (providerId: string): string => `identity-provider/${providerId}/secret`

function domains(given: readonly string[]): string[] {
  return [...new Set(given.map((domain) => domain.trim().toLowerCase()))].sort()
}
