import { z } from 'zod'
import { readConnection } from '#connections/connection.ts'
import { listVppAssets } from '#connections/vpp-token-assets.ts'
import {
  APPS_AND_BOOKS,
  createVppToken,
  deleteVppToken,
  listVppTokens,
  readVppToken,
  renewVppToken,
} from '#connections/vpp-token.ts'
import type { Database } from '#database/handles.ts'
import { newId } from '#foundation/ids.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import type { Keys } from '#keys/keys.ts'
import type { Credentials } from '#sharing/exchange.ts'
import type { SharingParts } from '#sharing/parts.ts'
import { type Endpoint, changeEndpoint, getEndpoint, listEndpoint } from '../endpoint.ts'
import { slug } from '../sharing/connections.ts'
import { PAGE, TENANT_ONLY, both, by, noBody, noParams, nothing } from '../sharing/shared.ts'
import { describeToken, isGranted, oneToken, vppToken } from './token-shape.ts'

export interface VppParts {
  readonly database: Database
  readonly keys: Keys
  /** Where each connector's party is, the usual one first. */
  readonly origins: ReadonlyMap<string, readonly string[]>
  readonly sharing: Pick<SharingParts, 'connectors'>
  readonly vpp: {
    /** Asks for the licences of the token to be read; answers before they are. */
    synchronise(tenantId: string, connectionId: string): Promise<void>
    /** Asks Apple to send notifications here. */
    subscribe(
      tenantId: string,
      connectionId: string,
      by: { readonly actor: string; readonly at: number },
    ): Promise<{ readonly entryId: string; readonly isSubscribed: boolean } | Refusal>
  }
}

const PATH = '/deviceAppManagement/vppTokens'
const APPS = 'Mobile apps'
/** `deviceAppManagement/vppTokens`: content tokens of Apple's Apps and Books, as Graph names them. */
export function vppTokenEndpoints(parts: VppParts): readonly Endpoint[] {
  return [...reading(parts), ...changing(parts), ...asking(parts)]
}

function reading({ database }: VppParts): readonly Endpoint[] {
  return [
    listEndpoint({
      id: 'listVppTokens',
      path: PATH,
      summary: "Content tokens of Apple's Apps and Books",
      realms: TENANT_ONLY,
      permission: `${APPS}/Read`,
      params: noParams,
      answer: vppToken,
      pageSize: PAGE,
      fields: {
        id: both,
        displayName: both,
        organizationName: both,
        countryOrRegion: both,
        expirationDateTime: both,
        lastModifiedDateTime: both,
        lastSyncDateTime: both,
        lastSyncStatus: both,
        vppTokenAccountType: both,
        state: { filter: false, sort: false, whyNot: 'it follows from expirationDateTime and now' },
      },
      list: ({ tenantId, now }, _, query) =>
        database.read(tenantId, async (reader) => {
          const granted = await isGranted(reader, now)
          const page = await listVppTokens(reader, query)
          return { ...page, rows: page.rows.map((row) => describeToken(row, granted, now)) }
        }),
    }),
    getEndpoint({
      id: 'getVppToken',
      path: `${PATH}/{id}`,
      summary: 'One token',
      realms: TENANT_ONLY,
      permission: `${APPS}/Read`,
      params: slug,
      answer: vppToken,
      get: ({ tenantId, now }, { id }) => oneToken(database, tenantId, id, now),
    }),
    listEndpoint({
      id: 'listVppTokenAssets',
      path: `${PATH}/{id}/assets`,
      summary: 'How many licences there are of each product, as of the last synchronisation',
      realms: TENANT_ONLY,
      permission: `${APPS}/Read`,
      params: slug,
      answer: z.object({
        id: z.string(),
        adamId: z.string(),
        pricingParam: z.string(),
        productType: z.string().nullable(),
        totalCount: z.int().nullable(),
        assignedCount: z.int().nullable(),
        availableCount: z.int().nullable(),
        retiredCount: z.int().nullable(),
      }),
      pageSize: PAGE,
      fields: { id: both, adamId: both, pricingParam: both, productType: both },
      list: ({ tenantId }, { id }, query) =>
        database.read(tenantId, async (reader) => {
          if (!(await readVppToken(reader, id))) return refuse('connection_unknown')
          const page = await listVppAssets(reader, id, query)
          const rows = page.rows.map(({ facts, ...asset }) => {
            const count = (name: string) =>
              Number.isSafeInteger(facts[name]) ? (facts[name] as number) : null
            return {
              ...asset,
              productType: typeof facts.productType === 'string' ? facts.productType : null,
              totalCount: count('totalCount'),
              assignedCount: count('assignedCount'),
              availableCount: count('availableCount'),
              retiredCount: count('retiredCount'),
            }
          })
          return { ...page, rows }
        }),
    }),
  ]
}

const tokenText = z.string().min(1).max(16_384)

function changing(parts: VppParts): readonly Endpoint[] {
  const { database, keys, origins } = parts
  return [
    changeEndpoint({
      id: 'createVppToken',
      path: PATH,
      method: 'POST',
      summary: "Takes a content token of Apple's portal; it is sealed and never shown again",
      realms: TENANT_ONLY,
      permission: `${APPS}/Create`,
      params: noParams,
      body: z.strictObject({
        /** The text of the file that the portal gives. */
        token: tokenText,
        id: slug.shape.id.optional(),
        displayName: z.string().min(1).max(200).optional(),
        vppTokenAccountType: z.enum(['business', 'education']).optional(),
        /** As Graph has it; Sluss keeps nobody's Apple account. */
        appleId: z.string().max(320).optional(),
        automaticallyUpdateApps: z.literal(false).optional(),
      }),
      answer: vppToken,
      success: 201,
      change: async (call, _, body) => {
        const read = readToken(parts, body.token, call.now)
        if (isRefusal(read)) return read
        const [origin] = origins.get(APPS_AND_BOOKS) ?? []
        if (origin === undefined) return refuse('connection_unknown', { field: 'token' })
        const id = body.id ?? `vpp-${newId().slice(0, 8)}`
        const refusal = await database.write(call.tenantId, async (tx) => {
          if (await readConnection(tx, id)) return refuse('name_taken', { field: 'id' })
          const title = body.displayName ?? read.credentials.org_name ?? id
          const accountType = body.vppTokenAccountType ?? 'business'
          await createVppToken(tx, keys, { id, title, origin, accountType, ...read }, by(call))
          return undefined
        })
        return refusal ?? oneToken(database, call.tenantId, id, call.now)
      },
    }),
    changeEndpoint({
      id: 'updateVppToken',
      path: `${PATH}/{id}`,
      method: 'PATCH',
      summary:
        'Takes a newer token in the place of this one; refused when it is of another organisation',
      realms: TENANT_ONLY,
      permission: `${APPS}/Update`,
      params: slug,
      body: z.strictObject({ token: tokenText, replacesOrganization: z.boolean().optional() }),
      answer: vppToken,
      success: 200,
      current: ({ tenantId, now }, { id }) => oneToken(database, tenantId, id, now),
      change: async (call, { id }, body) => {
        const read = readToken(parts, body.token, call.now)
        if (isRefusal(read)) return read
        const { credentials, expiresAt } = read
        const options = { expiresAt, force: body.replacesOrganization ?? false }
        const refusal = await database.write(call.tenantId, (tx) =>
          renewVppToken(tx, keys, id, credentials, options, by(call)),
        )
        return refusal ?? oneToken(database, call.tenantId, id, call.now)
      },
    }),
    changeEndpoint({
      id: 'deleteVppToken',
      path: `${PATH}/{id}`,
      method: 'DELETE',
      summary: 'Destroys the token and switches its connection off; what Apple has stays there',
      realms: TENANT_ONLY,
      permission: `${APPS}/Delete`,
      params: slug,
      body: noBody,
      answer: nothing,
      success: 204,
      change: async (call, { id }) => {
        const gone = await database.write(call.tenantId, (tx) => deleteVppToken(tx, id, by(call)))
        return gone ? undefined : refuse('connection_unknown')
      },
    }),
  ]
}

function asking({ database, vpp }: VppParts): readonly Endpoint[] {
  /** Why nothing can be asked under the token, if so. */
  const unfit = async (tenantId: string, id: string): Promise<Refusal | undefined> => {
    const found = await database.read(tenantId, (reader) => readVppToken(reader, id))
    if (!found) return refuse('connection_unknown')
    if (!found.enabled) return refuse('connection_disabled')
    return found.hasCredentials ? undefined : refuse('credentials_missing')
  }
  return [
    changeEndpoint({
      id: 'syncLicenses',
      path: `${PATH}/{id}/syncLicenses`,
      method: 'POST',
      summary: 'Asks for licences and their holders to be read now',
      realms: TENANT_ONLY,
      permission: `${APPS}/Update`,
      params: slug,
      body: noBody,
      answer: vppToken,
      success: 200,
      change: async ({ tenantId, now }, { id }) => {
        const refusal = await unfit(tenantId, id)
        if (refusal) return refusal
        await vpp.synchronise(tenantId, id)
        return oneToken(database, tenantId, id, now)
      },
    }),
    changeEndpoint({
      id: 'subscribeToVppNotifications',
      path: `${PATH}/{id}/subscribeToNotifications`,
      method: 'POST',
      summary: 'Asks Apple to send word of changes here; the token that proves it is made anew',
      realms: TENANT_ONLY,
      permission: `${APPS}/Update`,
      params: slug,
      body: noBody,
      answer: z.object({ entryId: z.string(), isSubscribed: z.boolean() }),
      success: 200,
      change: async (call, { id }) =>
        (await unfit(call.tenantId, id)) ?? vpp.subscribe(call.tenantId, id, by(call)),
    }),
  ]
}

function readToken(
  { sharing }: VppParts,
  text: string,
  now: number,
): { readonly credentials: Credentials; readonly expiresAt: number } | Refusal {
  const read = sharing.connectors.get(APPS_AND_BOOKS)?.readCredentials?.(Buffer.from(text))
  if (!read) return refuse('token_file_invalid', { field: 'token' })
  if (isRefusal(read)) return read
  const expiresAt = Date.parse(read.expires_at ?? '')
  return expiresAt > now ? { credentials: read, expiresAt } : refuse('token_file_expired')
}
