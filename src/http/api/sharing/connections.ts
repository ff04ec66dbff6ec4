import { z } from 'zod'
import { createConnection, enableConnection, readConnection } from '#connections/connection.ts'
import {
  issueClientCredentials,
  issueClientIdAndSecret,
  issueClientToken,
  issueEventSecret,
} from '#connections/credentials.ts'
import {
  type ConnectionRecord,
  listTenantConnections,
  readTenantConnection,
} from '#connections/list-connections.ts'
import type { Database } from '#database/handles.ts'
import {
  ANY_PORT,
  type GatewayPorts,
  chooseGatewayPort,
  freeGatewayPort,
} from '#connections/gateway-port.ts'
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
  slug,
} from './shared.ts'
import { uploadCredentials } from './upload-credentials.ts'

export interface ConnectionParts {
  readonly database: Database
  readonly keys: Keys
  /**
   * Where each connector's party is, as `https://host[:port]`, the usual one first. A tenant chooses from these: an
   * address of its own choice would name another recipient, or something inside the operator's network. Where each
   * customer of the party has a host of its own, `https://*.domain` stands for any one name below the domain.
   */
  readonly origins: ReadonlyMap<string, readonly string[]>
  /** What ports a tenant may choose for its gateways. */
  readonly gatewayPorts: GatewayPorts
  readonly sharing: Pick<SharingParts, 'connectors'>
}

export { slug }

/** 0 is the lowest free one. */
const gatewayPort = z.int().min(ANY_PORT).max(65_535)

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
  gatewayPorts,
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
        ...slug.shape,
        connectorId: z.string().min(1).max(128),
        displayName: z.string().min(1).max(200),
        origin: z.string().max(300).optional(),
        gatewayPort: gatewayPort.optional(),
      }),
      answer: connection,
      success: 201,
      change: async (call, _, { id, connectorId, displayName, origin, gatewayPort: port }) => {
        const possible = origins.get(connectorId)
        const chosen = origin ?? possible?.find((one) => !one.includes('*'))
        if (!possible)
          return refuse('body_malformed', { field: 'connectorId', expected: [...origins.keys()] })
        if (chosen === undefined)
          return refuse('body_malformed', { field: 'origin', expected: possible })
        if (!possible.some((one) => isPartyOrigin(one, chosen)))
          return refuse('body_malformed', { field: 'origin', expected: possible })
        if (port !== undefined && !sharing.connectors.has(connectorId))
          return noGateway(connectorId)
        const refusal = await database.write(call.tenantId, async (tx) => {
          if (await readConnection(tx, id)) return refuse('name_taken', { field: 'id' })
          const at = port === undefined ? port : await freeGatewayPort(tx, id, port, gatewayPorts)
          if (isRefusal(at)) return at
          const made = { connectionId: id, connectorId, title: displayName, origin: chosen }
          await createConnection(
            tx,
            at === undefined ? made : { ...made, gatewayPort: at },
            by(call),
          )
          return undefined
        })
        return refusal ?? one(call.tenantId, id)
      },
    }),
    changeEndpoint({
      id: 'updateConnection',
      path: '/deviceManagement/connections/{id}',
      method: 'PATCH',
      summary:
        'Switches a link on or off, or gives its gateway a port; off refuses its calls from the next one on',
      realms: TENANT_ONLY,
      permission: 'Enrollment programs/Update token',
      params: slug,
      body: z
        .strictObject({
          isEnabled: z.boolean().optional(),
          /** Null closes the gateway. */
          gatewayPort: gatewayPort.nullable().optional(),
        })
        .refine((body) => Object.keys(body).length > 0, 'nothing to change'),
      answer: connection,
      success: 200,
      current: ({ tenantId }, { id }) => one(tenantId, id),
      change: async (call, { id }, { isEnabled, gatewayPort: port }) => {
        const found = await one(call.tenantId, id)
        if (!found) return refuse('connection_unknown')
        if (typeof port === 'number' && !sharing.connectors.has(found.connectorId))
          return noGateway(found.connectorId)
        const refusal = await database.write(call.tenantId, async (tx) => {
          const refused =
            port === undefined
              ? undefined
              : await chooseGatewayPort(tx, id, port, gatewayPorts, by(call))
          if (refused === undefined && isEnabled !== undefined)
            await enableConnection(tx, id, isEnabled, by(call))
          return refused
        })
        return refusal ?? one(call.tenantId, id)
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
        const issue =
          door === 'bearer'
            ? issueClientToken
            : door === 'client-credentials'
              ? issueClientIdAndSecret
              : issueClientCredentials
        const connector = sharing.connectors.get(found.connectorId)
        const end = found.credentialsExpirationDateTime
        const dress = (secret: string) =>
          connector?.clientToken?.(secret, end === null ? undefined : Date.parse(end)) ?? secret
        return database.write(call.tenantId, (tx) =>
          issue === issueClientToken
            ? issueClientToken(tx, keys, id, by(call), dress)
            : issue(tx, keys, id, by(call)),
        )
      },
    }),
    uploadCredentials({ database, keys, sharing }),
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

/** A system that only sends events here is called nowhere. */
function noGateway(connector: string) {
  return refuse('body_malformed', { field: 'gatewayPort', connector })
}

/** Whether an origin is the one that is possible, or one name below the domain that is. */
function isPartyOrigin(possible: string, origin: string): boolean {
  if (!possible.startsWith('https://*.')) return possible === origin
  const domain = possible.slice('https://*'.length)
  const name = origin.slice('https://'.length, -domain.length)
  return (
    origin === `https://${name}${domain}` && /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(name)
  )
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
