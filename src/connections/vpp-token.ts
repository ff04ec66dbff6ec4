import type { Reader, Transaction } from '#database/handles.ts'
import { type ListQuery, type Page, listPage } from '#database/list.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import type { Keys } from '#keys/keys.ts'
import { type ConnectionBy, createConnection, recordConnection } from './connection.ts'
import {
  type Secrets,
  destroyCredentials,
  openCredentials,
  storeCredentials,
} from './credentials.ts'

export const APPS_AND_BOOKS = 'apple-apps-and-books'
export type SyncStatus = 'none' | 'inProgress' | 'completed' | 'failed'
export type AccountType = 'business' | 'education'

/** A content token of Apple's Apps and Books as it is listed; the token itself never is. */
export interface VppToken {
  readonly id: string
  readonly title: string
  readonly organizationName: string | null
  readonly locationName: string | null
  readonly country: string | null
  readonly libraryId: string | null
  readonly accountType: AccountType
  readonly expiresAt: Date | null
  readonly enabled: boolean
  readonly hasCredentials: boolean
  readonly syncStatus: SyncStatus
  readonly synchronisedAt: Date | null
  readonly lastError: number | null
  readonly modifiedAt: Date
}

/** What Apple says of the token's organisational unit. */
export interface VppFacts {
  readonly country?: string | undefined
  readonly locationName?: string | undefined
  readonly libraryId?: string | undefined
}

/** Makes the connection of a content token: sealed token, known end, nothing shared before there is consent. */
export async function createVppToken(
  tx: Transaction,
  keys: Keys,
  token: {
    readonly id: string
    readonly title: string
    readonly origin: string
    readonly accountType: AccountType
    readonly credentials: Secrets
    readonly expiresAt: number
  },
  by: ConnectionBy,
): Promise<void> {
  const { id, title, origin, accountType, credentials, expiresAt } = token
  const connection = { connectionId: id, connectorId: APPS_AND_BOOKS, title, origin }
  await createConnection(tx, connection, by)
  await storeCredentials(tx, keys, id, credentials, { expiresAt }, by)
  await tx.change(
    `insert into vpp_tokens (tenant_id, connection_id, organization_name, account_type, modified_at)
     values ($1, $2, $3, $4, $5)`,
    [tx.tenantId, id, credentials.org_name ?? null, accountType, new Date(by.at)],
  )
}

/**
 * Puts a new token of the same organisation in the place of the old one.
 *
 * @returns `connection_unknown`, or `token_file_changed` for one of another organisation unless `force`
 */
export async function renewVppToken(
  tx: Transaction,
  keys: Keys,
  id: string,
  credentials: Secrets,
  options: { readonly expiresAt: number; readonly force: boolean },
  by: ConnectionBy,
): Promise<Refusal | undefined> {
  if (!(await readVppToken(tx, id))) return refuse('connection_unknown')
  const kept = await openCredentials(tx, keys, id)
  const { notification_url, notification_token } = kept ?? {}
  const subscribed =
    notification_url === undefined || notification_token === undefined
      ? {}
      : { notification_url, notification_token }
  const renewed = { ...credentials, ...subscribed }
  const refusal = await storeCredentials(tx, keys, id, renewed, options, by)
  if (refusal) return refusal
  await tx.change(
    `update vpp_tokens set organization_name = $3, last_error = null, modified_at = $4
      where tenant_id = $1 and connection_id = $2`,
    [tx.tenantId, id, credentials.org_name ?? null, new Date(by.at)],
  )
  return undefined
}

/** Destroys the token, switches its connection off and forgets what was known of the licences. @returns whether there was one */
export async function deleteVppToken(
  tx: Transaction,
  id: string,
  by: ConnectionBy,
): Promise<boolean> {
  const gone = await tx.change(
    'delete from vpp_tokens where tenant_id = $1 and connection_id = $2',
    [tx.tenantId, id],
  )
  if (gone === 0) return false
  await tx.change('delete from vpp_assets where tenant_id = $1 and connection_id = $2', [
    tx.tenantId,
    id,
  ])
  await destroyCredentials(tx, id, by)
  await recordConnection(tx, id, 'vpp-token-deleted', by)
  return true
}

export function listVppTokens(reader: Reader, query: ListQuery): Promise<Page<VppToken>> {
  return listPage<VppToken>(
    reader,
    {
      select: `c.connection_id as id, c.title, v.organization_name as "organizationName", v.location_name as "locationName",
        v.country, v.library_id as "libraryId", v.account_type as "accountType", c.credentials_expire_at as "expiresAt",
        c.enabled, c.credentials is not null as "hasCredentials", v.sync_status as "syncStatus",
        v.synchronised_at as "synchronisedAt", v.last_error as "lastError", v.modified_at as "modifiedAt"`,
      from: `vpp_tokens v join connections c on c.tenant_id = v.tenant_id and c.connection_id = v.connection_id
        where v.tenant_id = $1`,
      values: [reader.tenantId],
      key: 'id',
      columns: {
        id: { sql: 'c.connection_id', type: 'text' },
        displayName: { sql: 'c.title', type: 'text' },
        organizationName: { sql: 'v.organization_name', type: 'text' },
        countryOrRegion: { sql: 'v.country', type: 'text' },
        expirationDateTime: { sql: 'c.credentials_expire_at', type: 'timestamptz' },
        lastSyncDateTime: { sql: 'v.synchronised_at', type: 'timestamptz' },
        lastSyncStatus: { sql: 'v.sync_status', type: 'text' },
        lastModifiedDateTime: { sql: 'v.modified_at', type: 'timestamptz' },
        vppTokenAccountType: { sql: 'v.account_type', type: 'text' },
      },
    },
    query,
  )
}

export async function readVppToken(reader: Reader, id: string): Promise<VppToken | undefined> {
  const page = await listVppTokens(reader, {
    filter: { op: 'eq', field: 'id', value: id },
    orderBy: [],
    top: 1,
    skip: 0,
    count: false,
  })
  return page.rows[0]
}

/** What Apple says of the token comes in with its synchronisation. A connection that was made without one gets one, but no token that was deleted comes back. */
export async function keepVppFacts(
  tx: Transaction,
  id: string,
  facts: VppFacts & { readonly status: SyncStatus; readonly error?: number | undefined },
  now: number,
): Promise<void> {
  await tx.change(
    `insert into vpp_tokens (tenant_id, connection_id, location_name, country, library_id, sync_status, last_error, synchronised_at, modified_at)
     select c.tenant_id, c.connection_id, $3, $4, $5, $6, $7::int, $8::timestamptz, $9::timestamptz from connections c
      where c.tenant_id = $1 and c.connection_id = $2 and c.credentials is not null
     on conflict (tenant_id, connection_id) do update set
       location_name = coalesce($3, vpp_tokens.location_name), country = coalesce($4, vpp_tokens.country),
       library_id = coalesce($5, vpp_tokens.library_id), sync_status = $6, last_error = $7,
       synchronised_at = coalesce($8, vpp_tokens.synchronised_at)`,
    [
      tx.tenantId,
      id,
      facts.locationName ?? null,
      facts.country ?? null,
      facts.libraryId ?? null,
      facts.status,
      facts.error ?? null,
      facts.status === 'completed' ? new Date(now) : null,
      new Date(now),
    ],
  )
}

/** There is news to be asked for. Many pieces of news in a short time are asked for once. */
export async function wantVppSynchronisation(
  tx: Transaction,
  id: string,
  now: number,
): Promise<void> {
  await tx.change(
    `update vpp_tokens set sync_wanted_at = coalesce(sync_wanted_at, $3)
      where tenant_id = $1 and connection_id = $2`,
    [tx.tenantId, id, new Date(now)],
  )
}

/** Takes the news up. Called before the lists are read, so that news that comes meanwhile is asked for again. */
export async function takeVppNews(tx: Transaction, id: string): Promise<void> {
  await tx.change(
    'update vpp_tokens set sync_wanted_at = null where tenant_id = $1 and connection_id = $2',
    [tx.tenantId, id],
  )
}

/** Tokens with news, across tenants: identifiers only. */
export async function vppTokensWithNews(
  reader: Reader,
  now: number,
): Promise<readonly { tenantId: string; connectionId: string }[]> {
  const rows = await reader.rows<{ tenant_id: string; connection_id: string }>(
    'select tenant_id, connection_id from sluss_vpp_news($1, 1000)',
    [new Date(now)],
  )
  return rows.map((row) => ({ tenantId: row.tenant_id, connectionId: row.connection_id }))
}
