import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { markingEffects } from '#access/idempotency.ts'
import { type Headers, fetch } from 'undici'
import { createAccount } from '#access/account-updates.ts'
import { type AccessReader, type EffectiveAccess, effectiveOf } from '#access/effective.ts'
import type { PermissionId } from '#access/permission.ts'
import type { Principal } from '#access/principal.ts'
import { PERMISSIONS, resourceOf } from '#access/role-facts.ts'
import { makeAdministrator } from '#access/role-change.ts'
import type { RoleAssignment } from '#access/role.ts'
import { INSTALLATION } from '#database/handles.ts'
import { type ManualClock, manualClock } from '#foundation/clock.ts'
import { silentLog } from '#foundation/log.ts'
import { isRefusal, refuse } from '#foundation/refusal.ts'
import { type EndpointParts, allEndpoints } from '#http/api/all-endpoints.ts'
import type { ApiParts } from '#http/api/api-parts.ts'
import { type Api, createApi } from '#http/api/create-api.ts'
import type { Endpoint } from '#http/api/endpoint.ts'
import { startServer } from '#http/server.ts'
import { createKeys } from '#keys/create-keys.ts'
import { fileRootKey } from '#keys/root-key.ts'
import type { Entry } from '#ledger/entry.ts'
import { createTenant } from '#tenants/create-tenant.ts'
import { openRooms } from './api-rooms.ts'
import { type TestDatabase, testDatabase, waitingEntries } from '../database.ts'

export const ACME = 'acme'
export const BETA = 'beta'
export { APPLE_ORIGIN } from './api-rooms.ts'

/** Someone with a token; what they may do can be changed while the test runs. */
export interface Person {
  readonly principal: Principal
  readonly token: string
  permissions: 'all' | Set<PermissionId>
}

export interface ApiWorld {
  readonly db: TestDatabase
  readonly parts: ApiParts
  readonly endpointParts: EndpointParts
  readonly api: Api
  readonly clock: ManualClock
  readonly url: string
  readonly port: number
  readonly synchronised: string[]
  lease: boolean
  person(tenantId: string, permissions: Person['permissions'], over?: Partial<Principal>): Person
  /** Somebody with an account and the role of a first administrator, whom the rooms know as such too. */
  administrator(tenantId: string): Promise<Person>
  call(
    person: Person | undefined,
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Called>
  /** Entries of a tenant that are written, in order, sequenced or not. */
  entries(tenantId: string): Promise<readonly Entry[]>
  stop(): Promise<void>
}

export interface Called {
  readonly status: number
  readonly headers: Headers
  // oxlint-disable-next-line typescript/no-explicit-any -- a test reads of an answer what it knows is there
  readonly body: any
  readonly text: string
}

/** The API over the real database, keys, policies and rooms; only tokens and roles are as the test says. */
export async function startApiWorld(
  options: {
    endpoints?: (parts: EndpointParts) => readonly Endpoint[]
    rate?: ApiParts['rate']
    tls?: { keyFile: string; certFile: string }
  } = {},
): Promise<ApiWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'sluss-api-'))
  const db = await testDatabase()
  const clock = manualClock()
  const keys = await createKeys({
    database: db.database,
    rootKey: await fileRootKey(join(folder, 'root.key')),
  })
  const database = markingEffects(db.database)
  await database.write(INSTALLATION, (tx) => keys.createTenantKeys(tx))
  for (const [tenantId, name] of [
    [ACME, 'Acme'],
    [BETA, 'Beta'],
  ] as const) {
    await database.write(tenantId, (tx) =>
      createTenant(tx, keys, { name, region: 'EU', actor: 'operator:test', at: clock.now() }),
    )
  }
  const people = new Map<string, Person>()
  const synchronised: string[] = []
  const state = { lease: true }
  const lease = { held: () => state.lease }
  const access: AccessReader = {
    of: async ({ accountId }) => {
      const found = [...people.values()].find((one) => one.principal.accountId === accountId)
      return accessOf(found?.permissions ?? new Set())
    },
  }
  const rooms = await openRooms({
    database,
    keys,
    clock,
    access,
    lease,
    synchronise: async (tenantId, connectionId) => {
      synchronised.push(`${tenantId}/${connectionId}`)
    },
  })
  const endpointParts = rooms.parts
  const person: ApiWorld['person'] = (tenantId, permissions, over = {}) => {
    const token = randomUUID()
    const principal: Principal = {
      tenantId,
      accountId: randomUUID(),
      kind: 'person',
      groups: [],
      personMarks: [],
      language: 'en',
      authenticatedAt: clock.now(),
      methods: ['hwk'],
      ...over,
    }
    const made = { principal, token, permissions }
    people.set(token, made)
    return made
  }
  const parts: ApiParts = {
    endpoints: (options.endpoints ?? allEndpoints)(endpointParts),
    database,
    keys,
    clock,
    now: () => clock.now(),
    log: silentLog,
    lease,
    rate: options.rate ?? { burst: 100_000, perSecond: 100_000 },
    tokens: {
      authenticate: async (authorization) => {
        const token = /^Bearer (\S+)$/.exec(authorization ?? '')?.[1]
        if (token === undefined) return refuse('unauthenticated')
        return people.get(token)?.principal ?? refuse('token_invalid')
      },
    },
    access,
  }
  const api = createApi(parts)
  const server = await startServer({
    ...parts,
    lease: { ...lease, deadNodes: async () => [], forget: async () => {}, stop: async () => {} },
    ledgerName: 'sluss.example',
    host: '127.0.0.1',
    port: 0,
    api,
    tls: options.tls,
  })
  const url = `${options.tls ? 'https' : 'http'}://127.0.0.1:${server.port}`
  return {
    db,
    parts,
    endpointParts,
    api,
    clock,
    url,
    port: server.port,
    synchronised,
    get lease() {
      return state.lease
    },
    set lease(held) {
      state.lease = held
    },
    person,
    administrator: async (tenantId) => {
      const by = { actor: 'operator:test', at: clock.now() }
      const accountId = await database.write(tenantId, async (tx) => {
        const made = await createAccount(
          tx,
          endpointParts,
          { kind: 'person', displayName: 'Somebody' },
          by,
        )
        if (isRefusal(made)) throw new Error(made.message)
        await makeAdministrator(tx, made, by)
        return made
      })
      return person(tenantId, 'all', { accountId })
    },
    call: async (person, method, path, body, headers = {}) => {
      const answer = await fetch(path.startsWith('http') ? path : `${url}/v1.0${path}`, {
        method,
        headers: {
          ...(person ? { authorization: `Bearer ${person.token}` } : {}),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined
          ? {}
          : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      })
      const text = await answer.text()
      const json = answer.headers.get('content-type')?.includes('json') && text !== ''
      return {
        status: answer.status,
        headers: answer.headers,
        body: json ? JSON.parse(text) : undefined,
        text,
      }
    },
    entries: async (tenantId) => {
      await api.flush()
      const rows = await waitingEntries(db, tenantId)
      return rows.map((row) => JSON.parse(row.bytes.toString()) as Entry)
    },
    stop: async () => {
      await server.close()
      await rooms.close()
      await keys.close()
      await db.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** As one assignment over all scope tags gives it. */
function accessOf(wanted: Person['permissions']): EffectiveAccess {
  const permissions = new Set(wanted === 'all' ? PERMISSIONS.keys() : wanted)
  const assignment = {
    assignmentId: '00000000-0000-4000-8000-00000000000a',
    roleId: 'of-the-test',
    name: 'of the test',
    description: '',
    memberGroups: [],
    memberAccounts: [],
    allScopeTags: true,
    scopeTags: [],
  } as unknown as RoleAssignment
  const spreadsOn = new Set([...permissions].map(resourceOf))
  return effectiveOf([{ assignment, tags: 'all', permissions, spreadsOn }], 1)
}
