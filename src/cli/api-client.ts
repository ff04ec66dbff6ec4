import { randomUUID } from 'node:crypto'
import { type Dispatcher, request } from 'undici'
import { EXIT, Failure, type Terminal } from './terminal.ts'
import { type Say, hintFor } from './words/say.ts'

export type Json = null | boolean | number | string | Json[] | { [member: string]: Json }
export type JsonObject = { [member: string]: Json }

/** The API of one installation, as the signed-in person. */
export interface Api {
  get(path: string): Promise<JsonObject>
  /** Every element of a collection, page after page. */
  list(path: string, query?: Readonly<Record<string, string>>): AsyncGenerator<JsonObject>
  /** Changes something; sent again only under the same idempotency key. */
  change(method: 'POST' | 'PATCH' | 'DELETE', path: string, body?: JsonObject): Promise<JsonObject>
}

const TIMEOUT_IN_MS = 60_000
const TRIES = 4
const LONGEST_WAIT_IN_S = 30
const LARGEST_ANSWER = 64 * 1024 * 1024

/** @param token  answers a token that is good now */
export function apiClient(
  origin: string,
  terminal: Terminal,
  say: Say,
  token: () => Promise<string>,
): Api {
  const base = `${origin}/v1.0`

  const call = async (
    method: Dispatcher.HttpMethod,
    url: string,
    body?: JsonObject,
  ): Promise<JsonObject> => {
    const headers: Record<string, string> = {
      authorization: `Bearer ${await token()}`,
      accept: 'application/json',
      'client-request-id': randomUUID(),
      ...(method === 'GET' ? {} : { 'idempotency-key': randomUUID() }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    }
    for (let tries = 1; ; tries++) {
      const answer = await once(method, url, headers, body).catch((thrown: unknown) => {
        if (tries < TRIES) return undefined
        const { code = 'fault' } = thrown as { code?: string }
        throw new Failure(
          EXIT.unavailable,
          say('noAnswer', { url: origin, code }),
          say('noAnswerHint'),
        )
      })
      if (answer && answer.status < 400) return answer.body
      const wait = answer ? retryAfter(answer) : 2 ** tries / 4
      if (wait === undefined || tries >= TRIES) throw refusalOf(answer as Answer, origin, say, url)
      await terminal.pause(wait * 1000)
    }
  }

  return {
    get: (path) => call('GET', base + path),
    change: (method, path, body) => call(method, base + path, body ?? {}),
    async *list(path, query = {}) {
      const parameters = new URLSearchParams(query)
        .toString()
        .replaceAll('%24', '$')
        .replaceAll('+', '%20')
      let next: string | undefined = `${base}${path}${parameters === '' ? '' : `?${parameters}`}`
      while (next !== undefined) {
        const page: JsonObject = await call('GET', next)
        if (!Array.isArray(page.value)) throw strange(origin, say)
        for (const one of page.value) yield one as JsonObject
        const link: Json | undefined = page['@odata.nextLink']
        next = typeof link === 'string' ? link : undefined
        // The token goes to whom it was made for, whatever a link says.
        if (next !== undefined && new URL(next).origin !== origin) throw strange(origin, say)
      }
    },
  }
}

interface Answer {
  readonly status: number
  readonly body: JsonObject
  readonly retryAfter: number
  readonly requestId: string
}

async function once(
  method: Dispatcher.HttpMethod,
  url: string,
  headers: Record<string, string>,
  body: JsonObject | undefined,
): Promise<Answer> {
  const answer = await request(url, {
    method,
    headers,
    body: body === undefined ? null : JSON.stringify(body),
    headersTimeout: TIMEOUT_IN_MS,
    bodyTimeout: TIMEOUT_IN_MS,
  })
  const text = await textOf(answer.body)
  return {
    status: answer.statusCode,
    body: parsed(text),
    retryAfter: Number(answer.headers['retry-after'] ?? Number.NaN),
    requestId: String(answer.headers['request-id'] ?? ''),
  }
}

async function textOf(body: Dispatcher.ResponseData['body']): Promise<string> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of body as AsyncIterable<Buffer>) {
    size += part.length
    if (size > LARGEST_ANSWER) throw Object.assign(new Error('too large'), { code: 'TOO_LARGE' })
    parts.push(part)
  }
  return Buffer.concat(parts).toString()
}

function parsed(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text === '' ? '{}' : text)
    return typeof value === 'object' && value !== null ? (value as JsonObject) : {}
  } catch {
    return {}
  }
}

/** Seconds to wait before the same call may go again; undefined where it may not. */
function retryAfter(answer: Answer): number | undefined {
  if (![429, 503].includes(answer.status) && !runsElsewhere(answer)) return undefined
  const seconds = Number.isFinite(answer.retryAfter) ? answer.retryAfter : 1
  return seconds <= LONGEST_WAIT_IN_S ? seconds : undefined
}

/** The first of two equal calls is still at work. */
function runsElsewhere({ body }: Answer): boolean {
  return errorOf(body).innerError?.code === 'idempotency_running'
}

interface GraphError {
  readonly code?: string
  readonly message?: string
  readonly target?: string
  readonly details?: readonly { readonly target?: string; readonly message?: string }[]
  readonly innerError?: { readonly code?: string; readonly 'request-id'?: string }
}

function errorOf(body: JsonObject): GraphError {
  return typeof body.error === 'object' && body.error ? (body.error as GraphError) : {}
}

function refusalOf(answer: Answer, origin: string, say: Say, url: string): Failure {
  const error = errorOf(answer.body)
  if (error.code === undefined) return strange(origin, say)
  const code = error.innerError?.code ?? error.code
  const id = error.innerError?.['request-id'] ?? answer.requestId
  const detail = { status: answer.status, code, requestId: id, ...details(error) }
  if (answer.status >= 500)
    return new Failure(EXIT.unavailable, say('serverFault'), say('requestIdHint', { id }), detail)
  const fields = (error.details ?? []).map(({ target, message }) => `\n  ${target}: ${message}`)
  const wait = Number.isFinite(answer.retryAfter)
    ? say('rateHint', { seconds: answer.retryAfter })
    : undefined
  const last = new URL(url).pathname.split('/').at(-2) ?? ''
  return new Failure(
    answer.status === 401 && code !== 'step_up_needed' ? EXIT.notSignedIn : EXIT.refused,
    `${error.message ?? code}${fields.join('')}`,
    hintFor(say, code, last) ?? wait,
    detail,
  )
}

function details(error: GraphError): Record<string, unknown> {
  return {
    ...(error.message === undefined ? {} : { message: error.message }),
    ...(error.target === undefined ? {} : { target: error.target }),
    ...(error.details === undefined ? {} : { details: error.details }),
  }
}

function strange(origin: string, say: Say): Failure {
  return new Failure(EXIT.unavailable, say('strangeAnswer', { url: origin }), say('noAnswerHint'))
}
