import { type Context, Hono } from 'hono'
import { z } from 'zod'
import type { Transaction } from '#database/handles.ts'
import type { Clock } from '#foundation/clock.ts'
import type { Log } from '#foundation/log.ts'
import type { By } from '#subjects/erasure.ts'
import { NOT_THERE, type ScimError, isScimError, scimError } from '#subjects/scim-error.ts'
import {
  changeScimGroup,
  createScimGroup,
  deleteScimGroup,
  listScimGroups,
  readScimGroup,
} from '#subjects/scim-groups.ts'
import { MOST_RESULTS, type ScimPage, type ScimQuery, listScimUsers } from '#subjects/scim-list.ts'
import { PATCH_SCHEMA } from '#subjects/scim-user.ts'
import {
  type ScimParts,
  changeScimUser,
  createScimUser,
  deleteScimUser,
  readScimUser,
} from '#subjects/scim-users.ts'
import { type Rate, createRateLimit } from '../api/rate-limit.ts'
import {
  LIST_SCHEMA,
  type Resource,
  groupResource,
  resourceTypes,
  schemas,
  selectAttributes,
  serviceProviderConfig,
  userResource,
} from './scim-resources.ts'
import { bodyOf, ifMatchOf, queryOf } from './scim-request.ts'
import { type Provisioner, type ScimTokenParts, provisionerOf } from './scim-token.ts'

export interface ScimRouteParts extends ScimTokenParts, ScimParts {
  readonly clock: Clock
  readonly log: Log
  readonly origin: string
  readonly rate?: Rate
  /** After a commit in which somebody became one who is to be erased. */
  readonly erase: (tenantId: string) => Promise<void>
}

const BASE = '/scim/v2'
const ERROR_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:Error'
const RATE: Rate = { burst: 400, perSecond: 50 }
const JSON_TYPE = { 'content-type': 'application/scim+json' }

const patchBody = z.object({
  schemas: z.array(z.string()).refine((all) => all.includes(PATCH_SCHEMA)),
  Operations: z
    .array(z.object({ op: z.string(), path: z.string().optional(), value: z.unknown().optional() }))
    .min(1)
    .max(1_000),
})

type Answer = Resource | ScimError | undefined
type Handler = (context: Context, who: Provisioner, by: By) => Promise<Answer>

/** One kind of resource, as its room offers it. */
interface Kind<Kept extends { readonly version: number }> {
  readonly path: string
  show(base: string, kept: Kept): Resource
  list(tenantId: string, query: ScimQuery): Promise<ScimPage<Kept> | ScimError>
  read(tenantId: string, id: string): Promise<Kept | ScimError>
  create(tx: Transaction, body: unknown, by: By): Promise<Kept | ScimError>
  change(
    tx: Transaction,
    id: string,
    change: Parameters<typeof changeScimUser>[3],
    ifMatch: readonly number[] | undefined,
    by: By,
  ): Promise<Kept | ScimError>
  remove(
    tx: Transaction,
    id: string,
    ifMatch: readonly number[] | undefined,
    by: By,
  ): Promise<ScimError | undefined>
  /** Whether somebody is to be erased after that; undefined once it is removed. */
  leaves(kept?: Kept): boolean
}

/**
 * SCIM 2.0 (RFC 7643, 7644) at `/scim/v2`: by it a tenant's directory says who comes and who goes. The token says whose
 * directory it is. Who goes is erased.
 */
export function scimRoutes(parts: ScimRouteParts): Hono {
  const app = new Hono()
  const { database, keys } = parts
  addKind(app, parts, {
    path: 'Users',
    show: userResource,
    list: (tenantId, query) => database.read(tenantId, (r) => listScimUsers(r, keys, query)),
    read: (tenantId, id) => database.read(tenantId, (r) => readScimUser(r, keys, id)),
    create: (tx, body, by) => createScimUser(tx, parts, body, by),
    change: (tx, id, change, ifMatch, by) => changeScimUser(tx, parts, id, change, ifMatch, by),
    remove: (tx, id, ifMatch, by) => deleteScimUser(tx, parts, id, ifMatch, by),
    leaves: (kept) => kept === undefined || !kept.user.active,
  })
  addKind(app, parts, {
    path: 'Groups',
    show: groupResource,
    list: (tenantId, query) => database.read(tenantId, (r) => listScimGroups(r, keys, query)),
    read: (tenantId, id) => database.read(tenantId, (r) => readScimGroup(r, keys, id)),
    create: (tx, body, by) => createScimGroup(tx, keys, body, by),
    change: (tx, id, change, ifMatch, by) => changeScimGroup(tx, keys, id, change, ifMatch, by),
    remove: (tx, id, ifMatch, by) => deleteScimGroup(tx, keys, id, ifMatch, by),
    leaves: () => false,
  })
  addDescriptions(app, parts)
  const guarded = guard(parts)
  app.all(
    `${BASE}/*`,
    guarded(async () => NOT_THERE),
  )
  return app
}

function addKind<Kept extends { readonly version: number }>(
  app: Hono,
  parts: ScimRouteParts,
  kind: Kind<Kept>,
): void {
  const { database } = parts
  const guarded = guard(parts)
  const base = `${parts.origin}${BASE}`
  const all = `${BASE}/${kind.path}`
  const show = (context: Context, kept: Kept | ScimError): Answer => {
    if (isScimError(kept)) return kept
    const { attributes, excludedAttributes } = context.req.query()
    return selectAttributes(kind.show(base, kept), attributes, excludedAttributes)
  }
  const id = (context: Context): string => context.req.param('id') ?? ''
  app.get(
    all,
    guarded(async (context, { tenantId }) => {
      const query = queryOf(context)
      const page = isScimError(query) ? query : await kind.list(tenantId, query)
      if (isScimError(page)) return page
      return {
        schemas: [LIST_SCHEMA],
        totalResults: page.totalResults,
        startIndex: page.startIndex,
        itemsPerPage: page.resources.length,
        Resources: page.resources.map((kept) => show(context, kept)),
      }
    }),
  )
  app.post(
    all,
    guarded(async (context, { tenantId }, by) => {
      const body = await bodyOf(context)
      if (isScimError(body)) return body
      return show(context, await write(database, tenantId, (tx) => kind.create(tx, body, by)))
    }, 201),
  )
  app.get(
    `${all}/:id`,
    guarded(async (context, { tenantId }) => show(context, await kind.read(tenantId, id(context)))),
  )
  const change = (read: (body: unknown) => Parameters<typeof changeScimUser>[3] | ScimError) =>
    guarded(async (context, { tenantId }, by) => {
      const body = await bodyOf(context)
      const wanted = isScimError(body) ? body : read(body)
      if (isScimError(wanted)) return wanted
      const kept = await write(database, tenantId, (tx) =>
        kind.change(tx, id(context), wanted, ifMatchOf(context), by),
      )
      if (!isScimError(kept) && kind.leaves(kept)) await parts.erase(tenantId)
      return show(context, kept)
    })
  app.put(
    `${all}/:id`,
    change((whole) => ({ whole })),
  )
  app.patch(`${all}/:id`, change(operationsOf))
  app.delete(
    `${all}/:id`,
    guarded(async (context, { tenantId }, by) => {
      const refused = await write(database, tenantId, (tx) =>
        kind.remove(tx, id(context), ifMatchOf(context), by),
      )
      if (!refused && kind.leaves()) await parts.erase(tenantId)
      return refused
    }, 204),
  )
}

/** What fails half way leaves nothing behind: a no inside a transaction rolls back what was counted before it. */
class Refused extends Error {
  readonly error: ScimError
  constructor(error: ScimError) {
    super(error.detail)
    this.error = error
  }
}

async function write<Result>(
  database: ScimRouteParts['database'],
  tenantId: string,
  work: (tx: Transaction) => Promise<Result | ScimError>,
): Promise<Result | ScimError> {
  try {
    return await database.write(tenantId, async (tx) => {
      const result = await work(tx)
      if (isScimError(result)) throw new Refused(result)
      return result
    })
  } catch (fault) {
    if (fault instanceof Refused) return fault.error
    throw fault
  }
}

function operationsOf(body: unknown): Parameters<typeof changeScimUser>[3] | ScimError {
  const read = patchBody.safeParse(body)
  return read.success
    ? { operations: read.data.Operations }
    : scimError(400, 'a PatchOp with its Operations is expected', 'invalidSyntax')
}

function addDescriptions(app: Hono, parts: ScimRouteParts): void {
  const guarded = guard(parts)
  const base = `${parts.origin}${BASE}`
  const listed = (path: string, all: readonly Resource[]): void => {
    app.get(
      `${BASE}/${path}`,
      guarded(async () => ({
        schemas: [LIST_SCHEMA],
        totalResults: all.length,
        startIndex: 1,
        itemsPerPage: all.length,
        Resources: all,
      })),
    )
    app.get(
      `${BASE}/${path}/:id`,
      guarded(
        async (context) => all.find((one) => one.id === context.req.param('id')) ?? NOT_THERE,
      ),
    )
  }
  listed('ResourceTypes', resourceTypes(base))
  listed('Schemas', schemas(base))
  app.get(
    `${BASE}/ServiceProviderConfig`,
    guarded(async () => serviceProviderConfig(base, MOST_RESULTS)),
  )
}

/** Token, rate, then the handler; the answer as the protocol has it. Nothing of a body is ever in a log or an error. */
function guard(parts: ScimRouteParts) {
  const limit = createRateLimit(parts.rate ?? RATE, () => parts.clock.elapsed())
  return (handler: Handler, success: 200 | 201 | 204 = 200) =>
    async (context: Context): Promise<Response> => {
      try {
        const now = parts.clock.now()
        const who = await provisionerOf(parts, context.req.header('authorization'), now)
        if (typeof who === 'number') return failed(context, WHY[who])
        const wait = limit(`${who.tenantId}/${who.actor}`)
        if (wait > 0) {
          context.header('retry-after', String(wait))
          return failed(context, scimError(429, 'too many requests; wait'))
        }
        const answer = await handler(context, who, { actor: who.actor, at: now })
        return isScimError(answer) ? failed(context, answer) : done(context, answer, success)
      } catch (fault) {
        parts.log.error('a call of a directory failed', { code: (fault as Error).name })
        return failed(context, { status: 503, detail: 'it could not be recorded; come again' })
      }
    }
}

const WHY = {
  401: scimError(401, 'a bearer token of a provisioning client is needed'),
  403: scimError(403, 'this client may not provision'),
  503: scimError(503, 'this node is cut off from its database; come again'),
} as const

function failed(context: Context, { status, detail, scimType }: ScimError): Response {
  if (status === 401) context.header('www-authenticate', 'Bearer')
  const body = {
    schemas: [ERROR_SCHEMA],
    status: String(status),
    ...(scimType ? { scimType } : {}),
    detail,
  }
  return context.json(body, status, JSON_TYPE)
}

function done(context: Context, answer: Resource | undefined, success: 200 | 201 | 204): Response {
  if (answer === undefined) return context.body(null, 204)
  const { location, version } = (answer.meta ?? {}) as { location?: string; version?: string }
  if (version !== undefined) context.header('etag', version)
  if (success === 201 && location !== undefined) context.header('location', location)
  const known = context.req.header('if-none-match')
  if (context.req.method === 'GET' && version !== undefined && known === version)
    return context.body(null, 304)
  return context.json(answer, success === 201 ? 201 : 200, JSON_TYPE)
}
