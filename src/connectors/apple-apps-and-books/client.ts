import { asObject, parsedJson } from '#foundation/json.ts'
import type { Refusal, RefusalCode } from '#foundation/refusal.ts'
import {
  type Connector,
  type ErrorForm,
  type IncomingResponse,
  type PartyCall,
  type SendResult,
  TransportFault,
} from '#sharing/exchange.ts'
import { errorNumberOf, numberOf, statusOfError, wordOf } from './error-words.ts'
import { EXCHANGES } from './exchanges.ts'
import { type Lane, createLane } from './lane.ts'
import { LOOKUP } from './paths.ts'
import { presented } from './sign.ts'
import { dressClientToken, readTokenFile } from './token-file.ts'

const JSON_TYPE = 'application/json;charset=UTF8'
const MOST_ATTEMPTS = 2
const EVENT_ID = /^[\w-]{1,100}$/
/** Metadata of apps stand on another host of Apple's; any other origin, such as a stand-in's, has both. */
const LOOKUP_ORIGINS: ReadonlyMap<string, string> = new Map([
  ['https://vpp.itunes.apple.com', 'https://uclient-api.itunes.apple.com'],
])

/**
 * Apple's Apps and Books. An answer with an error number is a rejection whatever its status. A change is accepted when
 * Apple names an event for it; what became of it is asked later. Calls under one token take turns, and wait as long as
 * Apple asks; only a read whose answer was lost, or that met a 5xx without a time to wait, is made a second time.
 *
 * @param seconds the time of day, in seconds since 1970
 */
export function appleAppsAndBooks(seconds: () => number): Connector {
  const lanes = new WeakMap<PartyCall['session'], Lane>()
  const laneOf = (session: PartyCall['session']): Lane => {
    const lane = lanes.get(session) ?? createLane(seconds)
    lanes.set(session, lane)
    return lane
  }
  return {
    id: 'apple-apps-and-books',
    party: 'apple',
    service: 'VPP',
    exchanges: EXCHANGES,
    clientDoor: 'bearer',
    untypedBodies: true,
    clientToken: dressClientToken,
    errorForm: APPLE_ERRORS,
    refusalResponse,
    readCredentials: readTokenFile,
    send: async (call) => {
      const lane = laneOf(call.session)
      const leave = lane.waitFor() > 0 ? undefined : await lane.enter()
      // Asked again, since somebody may have been told to wait while this call waited for its turn.
      const wait = lane.waitFor()
      try {
        if (!leave || wait > 0) return held(Math.max(1, wait))
        return await attempt(call, lane)
      } finally {
        leave?.()
      }
    },
  }
}

/** Nothing was sent: Apple asked to wait, or too many calls wait already. With 500, for some clients wait on no other status. */
function held(wait: number): SendResult {
  const response = failure(500, 'INTERNAL_ERROR', { 'retry-after': String(wait) })
  return { outcome: 'rejected', response, attempts: 0 }
}

async function attempt(call: PartyCall, lane: Lane): Promise<SendResult> {
  const again = call.request.exchange.idempotent
  for (let attempts = 1; ; attempts++) {
    const last = !again || attempts >= MOST_ATTEMPTS
    try {
      const response = await sendOnce(call)
      const wait = waitOf(response)
      if (wait !== undefined) lane.holdFor(wait)
      if (response.status >= 500 && wait === undefined && !last) continue
      return judged(call, response, attempts)
    } catch (fault) {
      if (!(fault instanceof TransportFault)) throw fault
      if (fault.sent && !last) continue
      const mayHaveLeft = attempts > 1 || fault.sent
      return { outcome: mayHaveLeft ? 'unknown' : 'unsent', code: fault.code, attempts }
    }
  }
}

function sendOnce(call: PartyCall): Promise<IncomingResponse> {
  const { request, origin, transport } = call
  const there = request.exchange.path === LOOKUP ? (LOOKUP_ORIGINS.get(origin) ?? origin) : origin
  return transport({
    origin: there,
    method: request.method,
    target: request.target,
    ...presented(call),
  })
}

/** A rejection that came with status 200 gets the status that it should have had. */
function judged(call: PartyCall, response: IncomingResponse, attempts: number): SendResult {
  if (response.status >= 300) return { outcome: 'rejected', response, attempts }
  const number = errorNumberOf(response.body)
  if (number !== undefined)
    return {
      outcome: 'rejected',
      response: { ...response, status: statusOfError(number) },
      attempts,
    }
  const event = call.request.exchange.settledBy && eventOf(response.body)
  return event
    ? { outcome: 'accepted', event, response, attempts }
    : { outcome: 'delivered', response, attempts }
}

function eventOf(body: Buffer): string | undefined {
  // What is no JSON tells of no event, and is for the projection to notice.
  const eventId = asObject(parsedJson(body))?.eventId
  return typeof eventId === 'string' && EVENT_ID.test(eventId) ? eventId : undefined
}

function waitOf({ status, headers }: IncomingResponse): number | undefined {
  const text = headers['retry-after']
  const asked = status >= 500 || status === 429
  return asked && text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) : undefined
}

/** `{"errorInfo":…,"errorMessage":…,"errorNumber":9622}`: of it only the number is read, and written with its word. */
const APPLE_ERRORS: ErrorForm = {
  codeOf: (body, codes) => {
    try {
      const read = JSON.parse(body.toString()) as Record<string, unknown> | null
      const word = wordOf(Number(read?.errorNumber))
      return (
        codes.find((code) => code === word) ?? codes.find((code) => code === read?.errorMessage)
      )
    } catch {
      // Not Apple's form of an error: it names no code.
      return undefined
    }
  },
  render: (_, code) => ({
    type: JSON_TYPE,
    body: Buffer.from(
      JSON.stringify({
        errorMessage: code,
        errorNumber: numberOf(code),
      }),
    ),
  }),
}

function failure(
  status: number,
  code: string,
  headers: Readonly<Record<string, string>> = {},
): IncomingResponse {
  const { type, body } = APPLE_ERRORS.render(status, code)
  return { status, headers: { 'content-type': type, ...headers }, body }
}

/** Refusals that have a word of Apple's own; all others are 403 LOGIN_REQUIRED. */
const ANSWERS: Partial<Record<RefusalCode, readonly [number, string]>> = {
  client_unauthenticated: [401, 'INVALID_TOKEN'],
  credentials_expired: [401, 'TOKEN_EXPIRED'],
  exchange_unknown: [404, 'METHOD_NOT_SUPPORTED'],
  legacy_read_only: [405, 'METHOD_NOT_SUPPORTED'],
  body_too_large: [413, 'INVALID_ARGUMENT'],
  body_malformed: [400, 'INVALID_ARGUMENT'],
  item_unclassified: [400, 'INVALID_ARGUMENT'],
  content_type_unsupported: [415, 'INVALID_ARGUMENT'],
  encoding_unsupported: [415, 'INVALID_ARGUMENT'],
  rate_limited: [429, 'TOO_MANY_REQUESTS'],
  too_many_requests: [429, 'TOO_MANY_REQUESTS'],
  evidence_unavailable: [503, 'INTERNAL_ERROR'],
  lease_expired: [503, 'INTERNAL_ERROR'],
}

/** Apple's own form of a no: a number that clients know, and the reason in words beside it. */
function refusalResponse(refusal: Refusal): IncomingResponse {
  const [status, code] = ANSWERS[refusal.refused] ?? [403, 'LOGIN_REQUIRED']
  return {
    status,
    headers: {
      'content-type': JSON_TYPE,
      'sluss-refusal': refusal.refused,
      ...(status === 503 || status === 429 ? { 'retry-after': '5' } : {}),
    },
    body: Buffer.from(
      JSON.stringify({ errorMessage: refusal.message, errorNumber: numberOf(code) }),
    ),
  }
}
