import { z } from 'zod'
import { createConnection, enableConnection, readConnection } from '#connections/connection.ts'
import { issueClientCredentials } from '#connections/credentials.ts'
import {
  type ConnectionRecord,
  listTenantConnections,
  readTenantConnection,
} from '#connections/list-connections.ts'
import type { Database } from '#database/handles.ts'
import { refuse } from '#foundation/refusal.ts'
import type { Keys } from '#keys/keys.ts'
import { type Endpoint, changeEndpoint, getEndpoint, listEndpoint } from '../endpoint.ts'
import { PAGE, READ, TENANT_ONLY, both, by, filterOnly, iso, noBody, noParams } from './shared.ts'

export interface ConnectionParts {
  readonly database: Database
  readonly keys: Keys
  /**
   * Where each connector's party is, as `https://host[:port]`, the usual one first. A tenant chooses from these: an
   * address of its own choice would name another recipient, or something inside the operator's network.
   */
  readonly origins: ReadonlyMap<string, readonly string[]>
}

const CONNECTION_ID = /^[a-z0-9][a-z0-9-]{0,62}$/
export const slug = z.strictObject({
  id: z.string().regex(CONNECTION_ID, 'lower-case letters, digits and hyphens'),
})

const connection = z.object({
  id: z.string(),
  connectorId: z.string(),
  displayName: z.string(),
  origin: z.string(),
  gatewayPort: z.int().nullable(),
  isEnabled: z.boolean(),
  hasCredentials: z.boolean(),
  hasClientCredentials: z.boolean(),
  credentialsExpirationDateTime: z.string().nullable(),
  createdDateTime: z.string(),
})

/** `deviceManagement/connections`: the tenant's links to parties. Secrets are in none of the answers but one. */
export function connectionEndpoints({
  database,
  keys,
  origins,
}: ConnectionParts): readonly Endpoint[] {
  const one = async (tenantId: string, id: string) => {
    const found = await database.read(tenantId, (reader) => readTenantConnection(reader, id))
    return found && describe(found)
  }
  return [
    listEndpoint({
      id: 'listConnections',
      path: '/deviceManagement/connections',
      summary: 'Links to parties',
      realms: TENANT_ONLY,
      permission: READ,
      params: noParams,
      answer: connection,
      pageSize: PAGE,
      fields: {
        id: both,
        connectorId: both,
        displayName: both,
        isEnabled: filterOnly,
        createdDateTime: both,
        credentialsExpirationDateTime: both,
      },
      list: async ({ tenantId }, _, query) => {
        const page = await database.read(tenantId, (reader) => listTenantConnections(reader, query))
        return { ...page, rows: page.rows.map(describe) }
      },
    }),
    getEndpoint({
      id: 'getConnection',
      path: '/deviceManagement/connections/{id}',
      summary: 'One link',
      realms: TENANT_ONLY,
      permission: READ,
      params: slug,
      answer: connection,
      get: ({ tenantId }, { id }) => one(tenantId, id),
    }),
    changeEndpoint({
      id: 'createConnection',
      path: '/deviceManagement/connections',
      method: 'POST',
      summary: 'Makes a link to a party; it shares nothing until it has credentials and consent',
      realms: TENANT_ONLY,
      permission: 'Enrollment programs/Create token',
      params: noParams,
      body: z.strictObject({
        id: z.string().regex(CONNECTION_ID, 'lower-case letters, digits and hyphens'),
        connectorId: z.string().min(1).max(128),
        displayName: z.string().min(1).max(200),
        origin: z.string().max(300).optional(),
      }),
      answer: connection,
      success: 201,
      change: async (call, _, { id, connectorId, displayName, origin }) => {
        const possible = origins.get(connectorId)
        const chosen = origin ?? possible?.[0]
        if (!possible || chosen === undefined)
          return refuse('body_malformed', { field: 'connectorId', expected: [...origins.keys()] })
        if (!possible.includes(chosen))
          return refuse('body_malformed', { field: 'origin', expected: possible })
        const refusal = await database.write(call.tenantId, async (tx) => {
          if (await readConnection(tx, id)) return refuse('name_taken', { field: 'id' })
          const made = { connectionId: id, connectorId, title: displayName, origin: chosen }
          await createConnection(tx, made, by(call))
          return undefined
        })
        return refusal ?? one(call.tenantId, id)
      },
    }),
    changeEndpoint({
      id: 'updateConnection',
      path: '/deviceManagement/connections/{id}',
      method: 'PATCH',
      summary: 'Switches a link on or off; off refuses its calls from the next one on',
      realms: TENANT_ONLY,
      permission: 'Enrollment programs/Update token',
      params: slug,
      body: z.strictObject({ isEnabled: z.boolean() }),
      answer: connection,
      success: 200,
      current: ({ tenantId }, { id }) => one(tenantId, id),
      change: async (call, { id }, { isEnabled }) => {
        if (!(await one(call.tenantId, id))) return refuse('connection_unknown')
        await database.write(call.tenantId, (tx) => enableConnection(tx, id, isEnabled, by(call)))
        return one(call.tenantId, id)
      },
    }),
    changeEndpoint({
      id: 'issueClientCredentials',
      path: '/deviceManagement/connections/{id}/issueClientCredentials',
      method: 'POST',
      summary: "Makes new credentials for the tenant's own client of the gateway; shown this once",
      realms: TENANT_ONLY,
      permission: 'Enrollment programs/Create token',
      stepUp: true,
      params: slug,
      body: noBody,
      answer: z.record(z.string(), z.string()),
      success: 200,
      change: async (call, { id }) => {
        if (!(await one(call.tenantId, id))) return refuse('connection_unknown')
        return database.write(call.tenantId, (tx) => issueClientCredentials(tx, keys, id, by(call)))
      },
    }),
  ]
}

function describe(record: ConnectionRecord): z.input<typeof connection> {
  return {
    id: record.id,
    connectorId: record.connectorId,
    displayName: record.title,
    origin: record.origin,
    gatewayPort: record.gatewayPort,
    isEnabled: record.enabled,
    hasCredentials: record.hasCredentials,
    hasClientCredentials: record.hasClientCredentials,
    credentialsExpirationDateTime: iso(record.credentialsExpireAt),
    createdDateTime: iso(record.createdAt) ?? '',
  }
}
