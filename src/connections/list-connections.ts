import type { Reader } from '#database/handles.ts'
import { type ListQuery, type Page, listPage } from '#database/list.ts'

/** A connection as it is listed: whether it has credentials, never which. */
export interface ConnectionRecord {
  readonly id: string
  readonly connectorId: string
  readonly title: string
  readonly origin: string
  readonly gatewayPort: number | null
  readonly enabled: boolean
  readonly hasCredentials: boolean
  readonly hasClientCredentials: boolean
  readonly credentialsExpireAt: Date | null
  readonly createdAt: Date
  readonly synchronisedAt: Date | null
}

/** The tenant's connections, all or those of one connector. */
export function listTenantConnections(
  reader: Reader,
  query: ListQuery,
  connectorId?: string,
): Promise<Page<ConnectionRecord>> {
  return listPage<ConnectionRecord>(
    reader,
    {
      select: `c.connection_id as id, c.connector_id as "connectorId", c.title, c.origin, c.gateway_port as "gatewayPort",
        c.enabled, c.credentials is not null as "hasCredentials",
        c.client_credentials is not null as "hasClientCredentials", c.credentials_expire_at as "credentialsExpireAt",
        c.created_at as "createdAt",
        (select u.committed_at from cursors u where u.tenant_id = c.tenant_id and u.connection_id = c.connection_id)
          as "synchronisedAt"`,
      from: 'connections c where c.tenant_id = $1 and ($2::text is null or c.connector_id = $2)',
      values: [reader.tenantId, connectorId ?? null],
      key: 'id',
      columns: {
        id: { sql: 'c.connection_id', type: 'text' },
        connectorId: { sql: 'c.connector_id', type: 'text' },
        displayName: { sql: 'c.title', type: 'text' },
        tokenName: { sql: 'c.title', type: 'text' },
        isEnabled: { sql: 'c.enabled', type: 'boolean' },
        createdDateTime: { sql: 'c.created_at', type: 'timestamptz' },
        credentialsExpirationDateTime: { sql: 'c.credentials_expire_at', type: 'timestamptz' },
        tokenExpirationDateTime: { sql: 'c.credentials_expire_at', type: 'timestamptz' },
      },
    },
    query,
  )
}

export async function readTenantConnection(
  reader: Reader,
  connectionId: string,
  connectorId?: string,
): Promise<ConnectionRecord | undefined> {
  const page = await listTenantConnections(
    reader,
    {
      filter: { op: 'eq', field: 'id', value: connectionId },
      orderBy: [],
      top: 1,
      skip: 0,
      count: false,
    },
    connectorId,
  )
  return page.rows[0]
}
