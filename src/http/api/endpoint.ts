import type { z } from 'zod'
import type { PermissionId, Access } from '#access/permission.ts'
import type { Principal, Realm } from '#access/principal.ts'
import type { ListQuery, Page } from '#database/list.ts'
import type { Refusal } from '#foundation/refusal.ts'

/** What a handler knows of the call, beside its validated parameters and body. */
export interface Call {
  readonly principal: Principal
  /** `admin:<id>`, `service:<id>` or `operator:<id>`: who did it, for entries. */
  readonly actor: string
  /** The tenant that is asked about: the principal's own. */
  readonly tenantId: string
  readonly access: Access
  /** Milliseconds since 1970; never runs backwards on a node. */
  readonly now: number
  readonly requestId: string
}

/** Stands for a permission where being signed in is enough. */
export const SIGNED_IN: PermissionId = 'signedIn'

/** A field of a collection, by its name in Graph: what `$filter` and `$orderby` may name. */
export interface CollectionField {
  readonly filter: boolean
  readonly sort: boolean
  /** Why not, where people would expect to: told in the refusal. */
  readonly whyNot?: string
}

interface Common<Params extends z.ZodObject, Answer extends z.ZodType> {
  /** Stable name in OpenAPI, such as `listManagedDevices`. */
  readonly id: string
  /** Below `/v1.0`, in Graph's way: `/deviceManagement/managedDevices/{id}`. */
  readonly path: string
  readonly summary: string
  readonly realms: readonly Realm[]
  /** The permission without which nobody gets further; `SIGNED_IN` for what is one's own. */
  readonly permission: PermissionId
  /** The person must have proved who they are within the last five minutes. */
  readonly stepUp?: boolean
  readonly params: Params
  /** One item of a collection, or the whole answer. */
  readonly answer: Answer
}

/** Answers one page of a collection. `$select`, paging and `@odata` members are the framework's work. */
export interface ListEndpoint<Params extends z.ZodObject, Answer extends z.ZodType>
  extends Common<Params, Answer> {
  readonly kind: 'list'
  readonly method: 'GET'
  readonly fields: Readonly<Record<string, CollectionField>>
  /** Page size without `$top`, and the largest. */
  readonly pageSize: { readonly usual: number; readonly most: number }
  list(
    call: Call,
    params: z.output<Params>,
    query: ListQuery,
    /** What `$select` asks for; undefined is all. A handler must not read what was not asked for. */
    select: ReadonlySet<string> | undefined,
  ): Promise<Page<z.input<Answer>> | Refusal>
}

/** Answers one thing. The framework makes its ETag, and checks `If-None-Match`. */
export interface GetEndpoint<Params extends z.ZodObject, Answer extends z.ZodType>
  extends Common<Params, Answer> {
  readonly kind: 'get'
  readonly method: 'GET'
  get(
    call: Call,
    params: z.output<Params>,
    select: ReadonlySet<string> | undefined,
  ): Promise<z.input<Answer> | Refusal | undefined>
}

/** Changes something. Repeated with the same `Idempotency-Key`, it answers what it answered first. */
export interface ChangeEndpoint<
  Params extends z.ZodObject,
  Body extends z.ZodType,
  Answer extends z.ZodType,
> extends Common<Params, Answer> {
  readonly kind: 'change'
  readonly method: 'POST' | 'PATCH' | 'PUT' | 'DELETE'
  readonly body: Body
  /** Status on success: 201 where something new has an address, 204 where there is nothing to say. */
  readonly success: 200 | 201 | 202 | 204
  /** The thing as it stands, so that `If-Match` can be checked; absent where nothing stands yet. */
  readonly current?: (call: Call, params: z.output<Params>) => Promise<object | undefined>
  change(
    call: Call,
    params: z.output<Params>,
    body: z.output<Body>,
  ): Promise<z.input<Answer> | Refusal | undefined>
}

/** Any endpoint, for the framework: what it was built with is checked where it is declared. */
export type Endpoint =
  | ListEndpoint<z.ZodObject, z.ZodType>
  | GetEndpoint<z.ZodObject, z.ZodType>
  | ChangeEndpoint<z.ZodObject, z.ZodType, z.ZodType>

/** Declares an endpoint with its types checked, and hands it to the framework. */
export function listEndpoint<P extends z.ZodObject, A extends z.ZodType>(
  endpoint: Omit<ListEndpoint<P, A>, 'kind' | 'method'>,
): Endpoint {
  return { ...endpoint, kind: 'list', method: 'GET' } as unknown as Endpoint
}

export function getEndpoint<P extends z.ZodObject, A extends z.ZodType>(
  endpoint: Omit<GetEndpoint<P, A>, 'kind' | 'method'>,
): Endpoint {
  return { ...endpoint, kind: 'get', method: 'GET' } as unknown as Endpoint
}

export function changeEndpoint<P extends z.ZodObject, B extends z.ZodType, A extends z.ZodType>(
  endpoint: Omit<ChangeEndpoint<P, B, A>, 'kind'>,
): Endpoint {
  return { ...endpoint, kind: 'change' } as unknown as Endpoint
}
