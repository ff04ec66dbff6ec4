import { type Refusal, type RefusalCode, isRefusal } from '#foundation/refusal.ts'
import {
  type Connector,
  type ErrorForm,
  type IncomingResponse,
  type PartyCall,
  TransportFault,
} from '#sharing/exchange.ts'
import { afterFault, jsonHeaders, sendWith, tokenOf } from '../bearer-call.ts'
import { EXCHANGES } from './exchanges.ts'
import {
  GOOGLE_TOKEN_ENDPOINTS,
  type ServiceAccount,
  readKeyFile,
  signAssertion,
} from './service-account.ts'

const JSON_TYPE = 'application/json;charset=UTF8'
/** A token is renewed this long before its end, so that none ends on the way. */
const RENEW_BEFORE_IN_S = 120
const MOST_ATTEMPTS = 2

/**
 * Google's Android Management API. The access token is got with a JWT that Sluss signs as the service account, kept
 * for the connection, and got anew before it ends or when an answer 401 says that it is gone. A call is made a second
 * time only then, or where its answer was lost or 503 and it is idempotent.
 *
 * @param seconds the time of day, in seconds since 1970
 * @param tokenEndpoints the only places that are ever asked for a token
 */
export function googleAndroidManagement(
  seconds: () => number,
  tokenEndpoints: readonly string[] = GOOGLE_TOKEN_ENDPOINTS,
): Connector {
  const authorise = createAuthoriser(seconds, tokenEndpoints)
  return {
    id: 'google-android-management',
    party: 'google',
    service: 'Android Enterprise',
    exchanges: EXCHANGES,
    clientDoor: 'bearer',
    errorForm: GOOGLE_ERRORS,
    refusalResponse,
    readCredentials: (file) => {
      const read = readKeyFile(file, tokenEndpoints)
      return isRefusal(read) ? read : { ...read }
    },
    send: async (call) => {
      const again = call.request.exchange.idempotent
      let attempts = 0
      for (;;) {
        let authorised = false
        try {
          if (!isOwn(call)) {
            return { outcome: 'rejected', response: failure(403, 'PERMISSION_DENIED'), attempts }
          }
          const session = await authorise(call)
          if (typeof session !== 'string')
            return { outcome: 'rejected', response: session, attempts }
          authorised = true
          attempts++
          const response = await sendWith(tokenOf(session), call)
          if (response.status === 401) await call.session.replace(session, undefined)
          const repeat = response.status === 401 || (response.status === 503 && again)
          if (repeat && attempts < MOST_ATTEMPTS) continue
          return { outcome: response.status < 300 ? 'delivered' : 'rejected', response, attempts }
        } catch (fault) {
          if (!(fault instanceof TransportFault)) throw fault
          if (authorised && fault.sent && again && attempts < MOST_ATTEMPTS) continue
          return afterFault(fault, attempts, authorised)
        }
      }
    },
  }
}

/**
 * One service account may serve many enterprises. A connection whose credentials name one enterprise reaches that one
 * only: no other by its name, and no list of all of them.
 */
function isOwn({ credentials, request }: PartyCall): boolean {
  const { enterprise } = credentials
  if (enterprise === undefined || enterprise === '') return true
  const [path = ''] = request.target.split(/[?:]/)
  if (request.exchange.parameters === undefined) return request.method === 'POST'
  return (
    path === `/v1/${enterprise}` ||
    path.startsWith(`/v1/${enterprise}/`) ||
    path.startsWith('/v1/provisioningInfo/')
  )
}

/**
 * A session is `<end in seconds> <id of the key it was got with> <access token>`: a token of a key that was replaced is
 * not used on. Calls that need a token at the same time ask for it once.
 */
function createAuthoriser(seconds: () => number, tokenEndpoints: readonly string[]) {
  const asking = new WeakMap<PartyCall['session'], Promise<string | IncomingResponse>>()
  return async (call: PartyCall): Promise<string | IncomingResponse> => {
    const known = await call.session.get()
    const [end = '', keyId] = known?.split(' ') ?? []
    const isGood =
      keyId === call.credentials.private_key_id && Number(end) - RENEW_BEFORE_IN_S > seconds()
    if (known && isGood) return known
    const under = asking.get(call.session)
    if (under) return under
    const asked = askForToken(call, known, seconds(), tokenEndpoints).finally(() =>
      asking.delete(call.session),
    )
    asking.set(call.session, asked)
    return asked
  }
}

async function askForToken(
  call: PartyCall,
  known: string | undefined,
  seconds: number,
  tokenEndpoints: readonly string[],
): Promise<string | IncomingResponse> {
  const {
    client_email = '',
    private_key = '',
    private_key_id = '',
    token_uri = '',
  } = call.credentials
  const account: ServiceAccount = { client_email, private_key, private_key_id, token_uri }
  // Checked when the key file was read as well; a list that has since become shorter holds all the same.
  if (!tokenEndpoints.includes(token_uri)) return failure(401, 'UNAUTHENTICATED')
  const { origin, pathname } = new URL(token_uri)
  const response = await call.transport({
    origin,
    method: 'POST',
    target: pathname,
    headers: { ...jsonHeaders(), 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      assertion: await signAssertion(account, seconds),
    }).toString(),
  })
  const token =
    response.status === 200 ? readToken(response.body, private_key_id, seconds) : undefined
  if (token === undefined) {
    return response.status >= 500 || response.status === 429 || response.status === 200
      ? failure(503, 'UNAVAILABLE')
      : failure(401, 'UNAUTHENTICATED')
  }
  await call.session.replace(known, token)
  return token
}

function readToken(body: Buffer, keyId: string, seconds: number): string | undefined {
  try {
    const {
      access_token: token,
      expires_in: life,
      token_type: type,
    } = JSON.parse(body.toString()) as Record<string, unknown>
    if (typeof token !== 'string' || !/^[\x21-\x7e]{1,4096}$/.test(token)) return undefined
    if (typeof life !== 'number' || !(life > 0) || String(type).toLowerCase() !== 'bearer')
      return undefined
    return `${Math.floor(seconds + Math.min(life, 3_600))} ${keyId} ${token}`
  } catch {
    // No token: whatever it is, none of it goes further.
    return undefined
  }
}

/** `{"error":{"code":404,"message":…,"status":"NOT_FOUND"}}`: of it only the status is read. */
const GOOGLE_ERRORS: ErrorForm = {
  codeOf: (body, codes) => {
    try {
      const { error } = JSON.parse(body.toString()) as { error?: { status?: unknown } }
      return codes.find((code) => code === error?.status)
    } catch {
      // Not Google's form of an error: it names no code.
      return undefined
    }
  },
  render: (code, status) => ({
    type: JSON_TYPE,
    body: Buffer.from(JSON.stringify({ error: { code, message: status, status } })),
  }),
}

function failure(code: number, status: string): IncomingResponse {
  const { type, body } = GOOGLE_ERRORS.render(code, status)
  return { status: code, headers: { 'content-type': type }, body }
}

/** Refusals that have a canonical code of their own; all others are 403 PERMISSION_DENIED. */
const ANSWERS: Partial<Record<RefusalCode, readonly [number, string]>> = {
  client_unauthenticated: [401, 'UNAUTHENTICATED'],
  exchange_unknown: [404, 'NOT_FOUND'],
  body_too_large: [413, 'INVALID_ARGUMENT'],
  body_malformed: [400, 'INVALID_ARGUMENT'],
  content_type_unsupported: [415, 'INVALID_ARGUMENT'],
  encoding_unsupported: [415, 'INVALID_ARGUMENT'],
  rate_limited: [429, 'RESOURCE_EXHAUSTED'],
  approval_missing: [400, 'FAILED_PRECONDITION'],
  evidence_unavailable: [503, 'UNAVAILABLE'],
  lease_expired: [503, 'UNAVAILABLE'],
}

/** Google's own form of a no, with the reason as its clients look for it: an `ErrorInfo` beside the message. */
function refusalResponse(refusal: Refusal): IncomingResponse {
  const [code, status] = ANSWERS[refusal.refused] ?? [403, 'PERMISSION_DENIED']
  const info = {
    '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
    reason: refusal.refused.toUpperCase(),
    domain: 'sluss',
  }
  return {
    status: code,
    headers: {
      'content-type': JSON_TYPE,
      'sluss-refusal': refusal.refused,
      ...(code === 503 || code === 429 ? { 'retry-after': '5' } : {}),
    },
    body: Buffer.from(
      JSON.stringify({ error: { code, message: refusal.message, status, details: [info] } }),
    ),
  }
}
