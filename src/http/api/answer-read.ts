import type { z } from 'zod'
import type { ListQuery } from '#database/list.ts'
import type { Json } from '#foundation/canonical-json.ts'
import { isRefusal, refuse } from '#foundation/refusal.ts'
import type { Admitted, Refused } from './answer-call.ts'
import type { ApiAnswer, ApiParts, ApiRequest } from './api-parts.ts'
import type { GetEndpoint, ListEndpoint } from './endpoint.ts'
import { declared, entityTag, memberNames, names } from './entity-tag.ts'
import { type CollectionQuery, readCollectionQuery, readSelectOnly } from './odata/query.ts'
import { type ListIdentity, openPosition, sealPosition } from './page-token.ts'

type List = ListEndpoint<z.ZodObject, z.ZodType>
type Get = GetEndpoint<z.ZodObject, z.ZodType>

/** One page of a collection, with the link to the next. */
export async function answerList(
  parts: ApiParts,
  request: ApiRequest,
  { call, params }: Admitted,
  endpoint: List,
): Promise<ApiAnswer | Refused> {
  const asked = readCollectionQuery(request.query, request.header('prefer'), {
    fields: endpoint.fields,
    pageSize: endpoint.pageSize,
    names: memberNames(endpoint.answer),
  })
  const identity: ListIdentity = {
    tenantId: call.tenantId,
    accountId: call.principal.accountId,
    endpointId: endpoint.id,
    params: params as Json,
    filter: (asked.filter ?? null) as Json,
    orderBy: asked.orderBy as unknown as Json,
  }
  const query = await positioned(parts, identity, asked)
  if (isRefusal(query)) return { refusal: query }
  const page = await endpoint.list(call, params, query, asked.select)
  if (isRefusal(page)) return { refusal: page }
  const value = page.rows.map((row) => declared(endpoint.answer, row, asked.select))
  const next =
    page.next &&
    (await sealPosition(parts.database, parts.keys, identity, {
      after: page.next,
      top: query.top,
    }))
  return {
    status: 200,
    headers: preferenceHeaders(request),
    body: {
      '@odata.context': `${request.origin}/v1.0/$metadata#${request.path.slice(1)}`,
      ...(page.count === undefined ? {} : { '@odata.count': page.count }),
      ...(next === undefined ? {} : { '@odata.nextLink': nextLink(request, next) }),
      value,
    },
  }
}

/** One thing, with its entity tag. A selection of it has none: it would not be the tag of the whole. */
export async function answerGet(
  parts: ApiParts,
  request: ApiRequest,
  { call, params }: Admitted,
  endpoint: Get,
): Promise<ApiAnswer | Refused> {
  const select = readSelectOnly(request.query, memberNames(endpoint.answer))
  const answer = await endpoint.get(call, params, select)
  if (answer === undefined) return { refusal: refuse('not_found') }
  if (isRefusal(answer)) return { refusal: answer }
  const thing = declared(endpoint.answer, answer, select)
  const context = {
    '@odata.context': `${request.origin}/v1.0/$metadata#${request.path.slice(1)}/$entity`,
  }
  if (select) return { status: 200, headers: {}, body: { ...context, ...thing } }
  const tag = await entityTag(parts, call.tenantId, thing)
  const unless = request.header('if-none-match')
  if (unless !== undefined && names(unless, tag))
    return { status: 304, headers: { etag: tag }, body: undefined }
  return {
    status: 200,
    headers: { etag: tag },
    body: { ...context, '@odata.etag': tag, ...thing },
  }
}

async function positioned(parts: ApiParts, identity: ListIdentity, asked: CollectionQuery) {
  const { orderBy, skip, count } = asked
  const filter = asked.filter ? { filter: asked.filter } : {}
  if (asked.pageToken === undefined)
    return { ...filter, orderBy, skip, count, top: asked.top } satisfies ListQuery
  const position = await openPosition(parts.database, parts.keys, identity, asked.pageToken)
  if (isRefusal(position)) return position
  const { after, top } = position
  return { ...filter, orderBy, skip: 0, count: false, top, after } satisfies ListQuery
}

function nextLink(request: ApiRequest, token: string): string {
  const query = new URLSearchParams(request.query)
  for (const name of ['$skip', '$skiptoken', '$count']) query.delete(name)
  query.set('$skiptoken', token)
  // `$` may stand as it is, and people read it more easily.
  const text = query.toString().replaceAll('%24', '$')
  return `${request.origin}/v1.0${request.path}?${text}`
}

function preferenceHeaders(request: ApiRequest): Record<string, string> {
  const preferred = /odata\.maxpagesize=\d+/.exec(request.header('prefer') ?? '')?.[0]
  return preferred === undefined ? {} : { 'preference-applied': preferred }
}
