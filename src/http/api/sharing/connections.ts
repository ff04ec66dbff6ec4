import { z } from 'zod'
import { createConnection, enableConnection, readConnection } from '#connections/connection.ts'
import {
  issueClientCredentials,
  issueClientToken,
  issueEventSecret,
  storeCredentials,
} from '#connections/credentials.ts'
import {
  type ConnectionRecord,
  listTenantConnections,
  readTenantConnection,
} from '#connections/list-connections.ts'
import type { Database } from '#database/handles.ts'
import { isRefusal, refuse } from '#foundation/refusal.ts'
import type { Keys } from '#keys/keys.ts'
import type { SharingParts } from '#sharing/parts.ts'
import { type Endpoint, changeEndpoint, getEndpoint, listEndpoint } from '../endpoint.ts'
import {
  PAGE,
  READ,
  TENANT_ONLY,
  both,
  by,
  filterOnly,
  iso,
  noBody,
  noParams,
  nothing,
} from './shared.ts'

export interface ConnectionParts {
  readonly database: Database
  readonly keys: Keys
  /**
   * Where each connector's party is, as `https://host[:port]`, the usual one first. A tenant chooses from these: an
   * address of its own choice would name another recipient, or something inside the operator's network.
   */
  readonly origins: ReadonlyMap<string, readonly string[]>
  readonly sharing: Pick<SharingParts, 'connectors'>
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
  sharing,
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
        const found = await one(call.tenantId, id)
        if (!found) return refuse('connection_unknown')
        const door = sharing.connectors.get(found.connectorId)?.clientDoor
        const issue = door === 'bearer' ? issueClientToken : issueClientCredentials
        return database.write(call.tenantId, (tx) => issue(tx, keys, id, by(call)))
      },
    }),
    uploading({ database, keys, sharing }),
    changeEndpoint({
      id: 'issueEventSecret',
      path: '/deviceManagement/connections/{id}/issueEventSecret',
      method: 'POST',
      summary: 'Makes a new secret for a system that sends events here; shown this once',
      realms: TENANT_ONLY,
      permission: 'Enrollment programs/Create token',
      stepUp: true,
      params: slug,
      body: noBody,
      answer: z.object({ path: z.string(), secret: z.string() }),
      success: 200,
      change: async (call, { id }) => {
        if (!(await one(call.tenantId, id))) return refuse('connection_unknown')
        const secret = await database.write(call.tenantId, (tx) =>
          issueEventSecret(tx, keys, id, by(call)),
        )
        return { path: `/ingest/${call.tenantId}.${id}`, secret }
      },
    }),
  ]
}

/** For parties that hand out a file to keep as it is, such as the key file of a Google service account. */
function uploading({ database, keys, sharing }: Omit<ConnectionParts, 'origins'>): Endpoint {
  return changeEndpoint({
    id: 'uploadCredentials',
    path: '/deviceManagement/connections/{id}/uploadCredentials',
    method: 'POST',
    summary: "Takes the file with the party's credentials; refused when it is of another account",
    realms: TENANT_ONLY,
    permission: 'Enrollment programs/Update token',
    params: slug,
    body: z.strictObject({
      /** The file in base64. */
      file: z.base64().min(1).max(262_144),
      /** The only enterprise that these credentials may be used for, where they open several. */
      enterprise: z
        .string()
        .regex(/^enterprises\/[\w-]{1,100}$/)
        .optional(),
      replacesAccount: z.boolean().optional(),
    }),
    answer: nothing,
    success: 204,
    change: (call, { id }, { file, enterprise, replacesAccount }) =>
      database.write(call.tenantId, async (tx) => {
        const found = await readTenantConnection(tx, id)
        if (!found) return refuse('connection_unknown')
        const read = sharing.connectors
          .get(found.connectorId)
          ?.readCredentials?.(Buffer.from(file, 'base64'))
        if (!read) return refuse('body_malformed', { field: 'file', connector: found.connectorId })
        if (isRefusal(read)) return read
        const credentials = enterprise === undefined ? read : { ...read, enterprise }
        const force = replacesAccount ?? false
        return storeCredentials(tx, keys, id, credentials, { force }, by(call))
      }),
  })
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
