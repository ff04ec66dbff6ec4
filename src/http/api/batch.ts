import { z } from 'zod'
import type { Principal } from '#access/principal.ts'
import { newId } from '#foundation/ids.ts'
import { isRefusal, refuse } from '#foundation/refusal.ts'
import type { AnswerNames, Detail } from '../problem.ts'
import { type ApiTools, answerCall, authenticate, refused, unauthenticated } from './answer-call.ts'
import { isJson } from './answer-change.ts'
import type { ApiAnswer, ApiParts, ApiRequest } from './api-parts.ts'
import { malformed, readJson, validate } from './validate.ts'

export const BATCH_PATH = '/$batch'
const MOST_REQUESTS = 20
const AT_A_TIME = 4

export const batchBody = z.strictObject({
  requests: z
    .array(
      z.strictObject({
        id: z.string().min(1).max(64),
        method: z.enum(['GET', 'POST', 'PATCH', 'PUT', 'DELETE']),
        url: z.string().min(1).max(8_000),
        headers: z.record(z.string(), z.string()).optional(),
        body: z.json().optional(),
        dependsOn: z.array(z.string()).max(MOST_REQUESTS).optional(),
      }),
    )
    .min(1)
    .max(MOST_REQUESTS),
})

export const batchAnswer = z.object({
  responses: z.array(
    z.object({
      id: z.string(),
      status: z.int(),
      headers: z.record(z.string(), z.string()),
      body: z.json().optional(),
    }),
  ),
})

type Inner = z.output<typeof batchBody>['requests'][number]

/** Headers that an inner request may have of its own; the rest, and above all `Authorization`, is the outer call's. */
const OWN_HEADERS = new Set([
  'content-type',
  'prefer',
  'if-match',
  'if-none-match',
  'idempotency-key',
  'client-request-id',
  'accept',
])

/**
 * Up to 20 requests in one, each answered as it would be by itself, under the outer call's sign-in. One that depends
 * on another runs after it, and not at all (424) when that one failed.
 */
export async function answerBatch(
  parts: ApiParts,
  tools: ApiTools,
  request: ApiRequest,
  names: AnswerNames,
): Promise<ApiAnswer> {
  if (!parts.lease.held()) return refused(names, { refusal: refuse('lease_expired') })
  const principal = await authenticate(parts, tools, request, 'batch')
  if (isRefusal(principal)) return refused(names, unauthenticated(principal))
  if (!request.body) return refused(names, { refusal: refuse('body_too_large') })
  if (!isJson(request.header('content-type')))
    return refused(names, {
      refusal: refuse('content_type_unsupported', { expected: 'application/json' }),
    })
  const json = readJson(request.body)
  const read = 'refusal' in json ? json : validate(batchBody, json.value)
  if ('refusal' in read) return refused(names, read)
  const { requests } = read.value
  const wrong = faultOf(requests)
  if (wrong) return refused(names, { ...malformed(wrong.target, wrong.message) })
  const responses = await runAll(requests, (inner) =>
    answerInner(parts, tools, { outer: request, principal, names }, inner),
  )
  return { status: 200, headers: {}, body: { responses } }
}

interface InnerAnswer {
  readonly id: string
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body?: unknown
}

/** Each as soon as what it depends on is done, a few at a time. */
async function runAll(
  requests: readonly Inner[],
  answer: (inner: Inner) => Promise<InnerAnswer>,
): Promise<readonly InnerAnswer[]> {
  const done = new Map<string, InnerAnswer>()
  const left = [...requests]
  while (left.length > 0) {
    const ready = left.filter((one) => (one.dependsOn ?? []).every((id) => done.has(id)))
    const now = ready.slice(0, AT_A_TIME)
    const answers = await Promise.all(
      now.map((one) => {
        const failed = (one.dependsOn ?? []).some((id) => (done.get(id)?.status ?? 500) >= 400)
        return failed ? Promise.resolve(dependencyFailed(one)) : answer(one)
      }),
    )
    for (const one of answers) done.set(one.id, one)
    for (const one of now) left.splice(left.indexOf(one), 1)
  }
  return requests.map((one) => done.get(one.id) ?? dependencyFailed(one))
}

/** What only the whole of the requests shows: an id given twice, and dependencies that are unknown or go in a ring. */
function faultOf(requests: readonly Inner[]): Pick<Detail, 'target' | 'message'> | undefined {
  const place = new Map(requests.map((one, i) => [one.id, i]))
  if (place.size < requests.length)
    return { target: 'requests.id', message: 'each id may stand once' }
  // As Graph asks: a request may only depend on those before it, so there can be no ring.
  const wrong = requests.findIndex((one, i) =>
    (one.dependsOn ?? []).some((id) => (place.get(id) ?? i) >= i),
  )
  return wrong < 0
    ? undefined
    : { target: `requests.${wrong}.dependsOn`, message: 'ids of earlier requests are expected' }
}

async function answerInner(
  parts: ApiParts,
  tools: ApiTools,
  batch: { outer: ApiRequest; principal: Principal; names: AnswerNames },
  inner: Inner,
): Promise<InnerAnswer> {
  const headers = new Map(
    Object.entries(inner.headers ?? {})
      .map(([name, value]) => [name.toLowerCase(), value] as const)
      .filter(([name]) => OWN_HEADERS.has(name)),
  )
  const outerKey = batch.outer.header('idempotency-key')
  if (outerKey !== undefined && !headers.has('idempotency-key'))
    headers.set('idempotency-key', `${outerKey}/${inner.id}`)
  if (inner.body !== undefined && !headers.has('content-type'))
    headers.set('content-type', 'application/json')
  const [path = '', query = ''] = inner.url.replace(/^\/?(?:v1\.0\/)?/, '/').split('?', 2)
  const names = { ...batch.names, requestId: newId() }
  const request: ApiRequest = {
    method: inner.method,
    path,
    query: new URLSearchParams(query),
    header: (name) => headers.get(name),
    body: inner.body === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(inner.body)),
    origin: batch.outer.origin,
  }
  const answer =
    path === BATCH_PATH
      ? refused(names, malformed('url', 'a batch holds no batch'))
      : await answerCall(parts, tools, request, names, batch.principal)
  return {
    id: inner.id,
    status: answer.status,
    headers: asGraphWrites({
      ...(answer.body ? { 'content-type': 'application/json' } : {}),
      'request-id': names.requestId,
      ...answer.headers,
    }),
    ...(answer.body ? { body: answer.body } : {}),
  }
}

function dependencyFailed({ id }: Inner): InnerAnswer {
  const error = { code: 'FailedDependency', message: 'a request that this one depends on failed' }
  return { id, status: 424, headers: { 'Content-Type': 'application/json' }, body: { error } }
}

/** Headers in a batch are members of an object, and clients look for them in the spelling of Graph. */
function asGraphWrites(headers: Readonly<Record<string, string>>): Record<string, string> {
  const spelled = (name: string): string => {
    if (name === 'etag') return 'ETag'
    return name.endsWith('request-id')
      ? name
      : name.replaceAll(/(?:^|-)[a-z]/g, (start) => start.toUpperCase())
  }
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [spelled(name), value]))
}
