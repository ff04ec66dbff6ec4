import { type Context, Hono } from 'hono'
import type { ContentfulStatusCode, StatusCode } from 'hono/utils/http-status'
import { toTimestamp } from '#foundation/clock.ts'
import { newId } from '#foundation/ids.ts'
import { refuse } from '#foundation/refusal.ts'
import { type Metrics, createMetrics } from '../metrics.ts'
import type { AnswerNames } from '../problem.ts'
import { type ApiTools, answerCall, refused } from './answer-call.ts'
import type { ApiAnswer, ApiParts, ApiRequest } from './api-parts.ts'
import { BATCH_PATH, answerBatch } from './batch.ts'
import { openApiDocument } from './openapi.ts'
import { USUAL_RATE, createRateLimit } from './rate-limit.ts'
import { createRefusedAccessLog } from './record-refused-access.ts'
import { createRouter } from './router.ts'

export const API_PREFIX = '/v1.0'
/** Largest body of a request, in bytes. */
export const MAX_BODY = 1024 * 1024

export interface Api {
  readonly app: Hono
  readonly metrics: Metrics
  /** Writes the refused calls that have been counted and have no entry yet. */
  flush(): Promise<void>
  close(): Promise<void>
}

/** The API over all declared endpoints: `/v1.0/…`, `/v1.0/$batch` and `/openapi.json`. */
export function createApi(parts: ApiParts): Api {
  const { clock } = parts
  const tools: ApiTools = {
    find: createRouter(parts.endpoints),
    limit: createRateLimit(parts.rate ?? USUAL_RATE, () => clock.elapsed()),
    refused: createRefusedAccessLog(parts),
  }
  const metrics = createMetrics()
  const app = new Hono()
  app.all(`${API_PREFIX}/*`, async (context) => {
    const began = clock.elapsed()
    const names = namesFor(context, parts)
    const request = await readRequest(context, parts)
    const answer = await dispatch(parts, tools, request, names)
    metrics.request(answer.endpoint ?? 'none', answer.status, clock.elapsed() - began)
    if (answer.refusedFor) metrics.refusal(answer.refusedFor)
    return render(context, answer, names)
  })
  const document = JSON.stringify(openApiDocument(parts.endpoints))
  app.get('/openapi.json', (context) =>
    context.body(document, 200, {
      'content-type': 'application/json; charset=utf-8',
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-cache',
    }),
  )
  return { app, metrics, flush: tools.refused.flush, close: tools.refused.close }
}

function dispatch(
  parts: ApiParts,
  tools: ApiTools,
  request: ApiRequest,
  names: AnswerNames,
): Promise<ApiAnswer> | ApiAnswer {
  if (!accepts(request.header('accept')))
    return refused(names, { refusal: refuse('answer_unacceptable') })
  if (request.path !== BATCH_PATH && request.path !== '/%24batch')
    return answerCall(parts, tools, request, names)
  if (request.method === 'POST')
    return answerBatch(parts, tools, request, names).then((answer) => ({
      ...answer,
      endpoint: 'batch',
    }))
  return refused(names, {
    refusal: refuse('method_unsupported', { methods: ['POST'] }),
    headers: { allow: 'POST' },
  })
}

function namesFor(context: Context, { now }: ApiParts): AnswerNames {
  const came = context.req.header('client-request-id')
  return {
    date: toTimestamp(now()),
    requestId: newId(),
    // Echoed into headers and logs of others: only what is plainly an identifier.
    clientRequestId: came !== undefined && /^[\w.-]{1,64}$/.test(came) ? came : undefined,
  }
}

async function readRequest(context: Context, { publicOrigin }: ApiParts): Promise<ApiRequest> {
  const url = new URL(context.req.url)
  return {
    method: context.req.method,
    path: url.pathname.slice(API_PREFIX.length),
    query: url.searchParams,
    header: (name) => context.req.header(name),
    body: await readBody(context.req.raw),
    origin: publicOrigin ?? url.origin,
  }
}

/** The body, or undefined when it is larger than allowed: what is too much is not read. */
async function readBody(request: Request): Promise<Buffer | undefined> {
  if (Number(request.headers.get('content-length') ?? 0) > MAX_BODY) return undefined
  if (!request.body) return Buffer.alloc(0)
  const chunks: Uint8Array[] = []
  let size = 0
  const reader = request.body.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return Buffer.concat(chunks)
    size += value.length
    if (size > MAX_BODY) {
      await reader.cancel()
      return undefined
    }
    chunks.push(value)
  }
}

const SECURITY_HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'odata-version': '4.0',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const

function render(context: Context, answer: ApiAnswer, names: AnswerNames): Response {
  const headers: Record<string, string> = {
    ...SECURITY_HEADERS,
    ...answer.headers,
    'request-id': names.requestId,
    ...(names.clientRequestId === undefined ? {} : { 'client-request-id': names.clientRequestId }),
    ...(context.req.url.startsWith('https:')
      ? { 'strict-transport-security': 'max-age=31536000' }
      : {}),
  }
  if (answer.body === undefined)
    return new Response(null, { status: answer.status as StatusCode, headers })
  headers['content-type'] = 'application/json; charset=utf-8'
  return context.body(JSON.stringify(answer.body), answer.status as ContentfulStatusCode, headers)
}

function accepts(header: string | undefined): boolean {
  if (header === undefined || header.trim() === '') return true
  return header.split(',').some((part) => {
    const [type = '', ...parameters] = part.trim().toLowerCase().split(';')
    const refusedByWeight = parameters.some((one) => /^\s*q=0(?:\.0{0,3})?\s*$/.test(one))
    return ['application/json', 'application/*', '*/*'].includes(type.trim()) && !refusedByWeight
  })
}
