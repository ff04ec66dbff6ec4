import { z } from 'zod'
import { openCredentials } from '#connections/credentials.ts'
import { readTenantConnection } from '#connections/list-connections.ts'
import type { Database } from '#database/handles.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import type { Keys } from '#keys/keys.ts'
import type { Exchange } from '#sharing/exchange.ts'
import type { Sharing } from '#sharing/share.ts'
import type { Call } from '../endpoint.ts'

/** What Sluss itself asks Google for, through the door out like everybody's calls. */
export interface AndroidEnterpriseParts {
  readonly database: Database
  readonly keys: Keys
  /** `https://sluss.example.com`: where Google pushes to. */
  readonly origin: string
  readonly androidEnterprise: {
    readonly exchanges: readonly Exchange[]
    readonly share: Sharing['share']
    /** Asks for the devices of the connection to be fetched; answers before they are. */
    synchronise(tenantId: string, connectionId: string): Promise<void>
  }
}

export const CONNECTOR = 'google-android-management'
export const PATH = '/deviceManagement/androidManagedStoreAccountEnterpriseSettings'
export const READ_ANDROID = 'Android for work/Read'
export const BIND = 'Android for work/Update onboarding'
export const ENROLL = 'Android for work/Update Enrollment Profiles'
const MOST_PAGES = 50

export interface Asked {
  readonly parameters?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string>>
  readonly body?: object
}

/**
 * Makes one call of the Android Management API for a person who asked for it.
 *
 * @returns what came in of the answer; the gate's refusal; `party_refused` with Google's status; `party_unreachable`
 */
export async function ask(
  { database, androidEnterprise }: AndroidEnterpriseParts,
  { tenantId, actor }: Call,
  connectionId: string,
  id: string,
  { parameters, query, body }: Asked,
): Promise<Readonly<Record<string, unknown>> | Refusal> {
  const known = await database.read(tenantId, (reader) =>
    readTenantConnection(reader, connectionId, CONNECTOR),
  )
  if (!known) return refuse('connection_unknown')
  const exchange = androidEnterprise.exchanges.find(
    (one) => one.id === `google.androidManagement.${id}`,
  )
  if (!exchange) throw new RangeError(`no exchange ${id}`)
  const [method = 'GET'] = exchange.methods
  const shared = await androidEnterprise.share({
    tenantId,
    connectionId,
    exchange,
    call: {
      method,
      parameters,
      query: new URLSearchParams(query),
      body: body === undefined ? undefined : Buffer.from(JSON.stringify(body)),
    },
    actor,
  })
  if (isRefusal(shared)) return shared
  if ('failed' in shared)
    return refuse('party_unreachable', { exchange: exchange.id, outcome: shared.outcome })
  const { status, body: admitted } = shared.admitted.response
  if (status >= 300) return refuse('party_refused', { exchange: exchange.id, status })
  return JSON.parse(admitted.toString()) as Readonly<Record<string, unknown>>
}

/** All pages of a list that belongs to the enterprise. */
export async function askAll(
  parts: AndroidEnterpriseParts,
  call: Call,
  connectionId: string,
  id: string,
  list: string,
): Promise<readonly Readonly<Record<string, unknown>>[] | Refusal> {
  const parent = await enterpriseOf(parts, call.tenantId, connectionId)
  if (isRefusal(parent)) return parent
  const all: Readonly<Record<string, unknown>>[] = []
  let pageToken: unknown
  for (let pages = 0; pages < MOST_PAGES; pages++) {
    const query = {
      pageSize: '100',
      ...(typeof pageToken === 'string' ? { pageToken } : {}),
    }
    const page = await ask(parts, call, connectionId, id, { parameters: { parent }, query })
    if (isRefusal(page)) return page
    if (Array.isArray(page[list])) all.push(...(page[list] as Readonly<Record<string, unknown>>[]))
    pageToken = page.nextPageToken
    if (typeof pageToken !== 'string' || pageToken === '') return all
  }
  return refuse('limit_reached', { list })
}

/** The one enterprise that the connection is bound to. */
export async function enterpriseOf(
  { database, keys }: AndroidEnterpriseParts,
  tenantId: string,
  connectionId: string,
): Promise<string | Refusal> {
  return database.read(tenantId, async (reader) => {
    if (!(await readTenantConnection(reader, connectionId, CONNECTOR)))
      return refuse('connection_unknown')
    const credentials = await openCredentials(reader, keys, connectionId)
    return credentials?.enterprise ?? refuse('credentials_missing', { field: 'enterprise' })
  })
}

export const text = (value: unknown): string | null => (typeof value === 'string' ? value : null)
/** The last part of a resource's name: what can stand in an address. */
export const lastOf = (name: unknown): string =>
  typeof name === 'string' ? name.slice(name.lastIndexOf('/') + 1) : ''

const CONNECTION_ID = /^[a-z0-9][a-z0-9-]{0,62}$/
export const RESOURCE_ID = /^[\w.~-]{1,200}$/
export const withToken = z.strictObject({
  id: z.string().regex(CONNECTION_ID),
  tokenId: z.string().regex(RESOURCE_ID),
})
