import type { Reader, Transaction } from '#database/handles.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { newOrderedId } from '#foundation/ids.ts'
import { append } from '#ledger/append.ts'
import { bumpFactsVersion } from '#tenants/facts-version.ts'

/** A tenant's link to one party. Secrets are not in it; see `credentials.ts`. */
export interface Connection {
  readonly connectionId: string
  readonly connectorId: string
  readonly title: string
  /** `https://host[:port]`, no path. */
  readonly origin: string
  readonly gatewayPort: number | undefined
  readonly enabled: boolean
  readonly credentialsExpireAt: number | undefined
}

export interface ConnectionBy {
  readonly actor: string
  readonly at: number
}

const CONNECTION_ID = /^[a-z0-9][a-z0-9-]{0,62}$/

/** @throws RangeError for an id that is no slug or an origin that is more than scheme, host and port */
export async function createConnection(
  tx: Transaction,
  connection: {
    connectionId: string
    connectorId: string
    title: string
    origin: string
    gatewayPort?: number
  },
  by: ConnectionBy,
): Promise<void> {
  if (!CONNECTION_ID.test(connection.connectionId))
    throw new RangeError('a connection id is lower-case letters, digits and hyphens')
  if (new URL(connection.origin).origin !== connection.origin)
    throw new RangeError('an origin is scheme, host and port only')
  await tx.change(
    `insert into connections (tenant_id, connection_id, connector_id, title, origin, gateway_port, created_at)
     values ($1, $2, $3, $4, $5, $6, $7)`,
    [
      tx.tenantId,
      connection.connectionId,
      connection.connectorId,
      connection.title,
      connection.origin,
      connection.gatewayPort ?? null,
      new Date(by.at),
    ],
  )
  await recordConnection(tx, connection.connectionId, 'created', by)
}

/** Switches the connection on or off; off refuses its calls from the next one on. */
export async function enableConnection(
  tx: Transaction,
  connectionId: string,
  enabled: boolean,
  by: ConnectionBy,
): Promise<void> {
  await tx.change(
    'update connections set enabled = $3 where tenant_id = $1 and connection_id = $2',
    [tx.tenantId, connectionId, enabled],
  )
  await recordConnection(tx, connectionId, enabled ? 'enabled' : 'disabled', by)
}

/** Where the party and the gateway are, such as after a move. */
export async function moveConnection(
  tx: Transaction,
  connectionId: string,
  to: { origin: string; gatewayPort?: number },
  by: ConnectionBy,
): Promise<void> {
  await tx.change(
    'update connections set origin = $3, gateway_port = coalesce($4, gateway_port) where tenant_id = $1 and connection_id = $2',
    [tx.tenantId, connectionId, to.origin, to.gatewayPort ?? null],
  )
  await recordConnection(tx, connectionId, 'moved', by)
}

export async function recordConnection(
  tx: Transaction,
  connectionId: string,
  change: string,
  by: ConnectionBy,
): Promise<void> {
  await bumpFactsVersion(tx)
  await append(tx, {
    id: newOrderedId(by.at),
    at: toTimestamp(by.at),
    kind: 'connection.changed',
    actor: by.actor,
    data: { connection: connectionId, change },
  })
}

export async function readConnection(
  reader: Reader,
  connectionId: string,
): Promise<Connection | undefined> {
  const [row] = await reader.rows<{
    connector_id: string
    title: string
    origin: string
    gateway_port: number | null
    enabled: boolean
    credentials_expire_at: Date | null
  }>(
    `select connector_id, title, origin, gateway_port, enabled, credentials_expire_at
       from connections where tenant_id = $1 and connection_id = $2`,
    [reader.tenantId, connectionId],
  )
  return (
    row && {
      connectionId,
      connectorId: row.connector_id,
      title: row.title,
      origin: row.origin,
      gatewayPort: row.gateway_port ?? undefined,
      enabled: row.enabled,
      credentialsExpireAt: row.credentials_expire_at?.getTime(),
    }
  )
}

export interface GatewayAddress {
  readonly tenantId: string
  readonly connectionId: string
  readonly connectorId: string
  readonly port: number
}

/** Every connection that is enabled, across tenants: identifiers only. */
export async function listConnections(
  reader: Reader,
): Promise<readonly { tenantId: string; connectionId: string; connectorId: string }[]> {
  const rows = await reader.rows<{
    tenant_id: string
    connection_id: string
    connector_id: string
  }>('select tenant_id, connection_id, connector_id from sluss_connections()')
  return rows.map((row) => ({
    tenantId: row.tenant_id,
    connectionId: row.connection_id,
    connectorId: row.connector_id,
  }))
}

/** Every connection that has a gateway, across tenants: identifiers and ports only. */
export async function listGateways(reader: Reader): Promise<readonly GatewayAddress[]> {
  const rows = await reader.rows<{
    tenant_id: string
    connection_id: string
    connector_id: string
    gateway_port: number
  }>('select tenant_id, connection_id, connector_id, gateway_port from sluss_gateways()')
  return rows.map((row) => ({
    tenantId: row.tenant_id,
    connectionId: row.connection_id,
    connectorId: row.connector_id,
    port: row.gateway_port,
  }))
}
