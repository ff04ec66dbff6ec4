import type { Refusal, RefusalCode } from '#foundation/refusal.ts'
import {
  type Connector,
  type Credentials,
  type IncomingResponse,
  type PartyCall,
  type SendResult,
  TransportFault,
} from '#sharing/exchange.ts'
import { EXCHANGES } from './exchanges.ts'
import { type OAuthSecrets, signSession } from './sign.ts'

/** 7 brings what current servers answer to current clients; later numbers change only throttling. */
const PROTOCOL_VERSION = '7'
const SESSION_HEADER = 'x-adm-auth-session'
const JSON_TYPE = 'application/json;charset=UTF8'

/**
 * Apple's Device Enrollment service. A session is opened with OAuth 1.0a and then named in a header that any
 * answer may replace. An answer 401, or 403 FORBIDDEN, means that the session is gone: it is opened anew and
 * the call is made once more; nothing else is ever sent twice.
 *
 * @param seconds the time of day, in seconds since 1970
 */
export function appleDeviceEnrollment(seconds: () => number): Connector {
  const openSession = sessionOpener(seconds)
  return {
    id: 'apple-device-enrollment',
    party: 'apple',
    service: 'ASM/DEP',
    exchanges: EXCHANGES,
    refusalResponse,
    send: async (call) => {
      let attempts = 0
      try {
        for (;;) {
          const session = await openSession(call)
          if (typeof session !== 'string')
            return { outcome: 'rejected', response: session, attempts }
          attempts++
          const response = await sendIn(session, call)
          await call.session.replace(session, response.headers[SESSION_HEADER] ?? session)
          if (!sessionIsGone(response)) {
            return { outcome: response.status < 300 ? 'delivered' : 'rejected', response, attempts }
          }
          await call.session.replace(session, undefined)
          if (attempts > 1) return { outcome: 'rejected', response, attempts }
        }
      } catch (fault) {
        return afterFault(fault, attempts)
      }
    },
  }
}

/** What a fault means for the call: only before its first byte left can it be said that nothing was sent. */
function afterFault(fault: unknown, attempts: number): SendResult {
  if (!(fault instanceof TransportFault)) throw fault
  return { outcome: attempts > 0 && fault.sent ? 'unknown' : 'unsent', code: fault.code, attempts }
}

/** Calls that find no session wait for one and the same, instead of asking Apple for one each. */
function sessionOpener(seconds: () => number) {
  const opening = new WeakMap<PartyCall['session'], Promise<string | IncomingResponse>>()
  return async (call: PartyCall): Promise<string | IncomingResponse> => {
    const known = await call.session.get()
    if (known) return known
    const underWay =
      opening.get(call.session) ??
      askForSession(call, seconds()).finally(() => opening.delete(call.session))
    opening.set(call.session, underWay)
    return underWay
  }
}

async function askForSession(call: PartyCall, seconds: number): Promise<string | IncomingResponse> {
  const response = await call.transport({
    origin: call.origin,
    method: 'GET',
    target: '/session',
    headers: {
      ...common(),
      authorization: signSession(secretsOf(call.credentials), `${call.origin}/session`, seconds),
    },
    body: undefined,
  })
  const token = response.status === 200 ? sessionToken(response.body) : undefined
  if (!token) return response
  await call.session.replace(undefined, token)
  return token
}

function sendIn(
  session: string,
  { origin, request, transport }: PartyCall,
): Promise<IncomingResponse> {
  return transport({
    origin,
    method: request.method,
    target: request.target,
    headers: {
      ...common(),
      [SESSION_HEADER]: session,
      ...(request.body === undefined ? {} : { 'content-type': JSON_TYPE }),
    },
    body: request.body,
  })
}

function common(): Record<string, string> {
  return {
    'user-agent': 'sluss/1',
    'x-server-protocol-version': PROTOCOL_VERSION,
    accept: JSON_TYPE,
    'accept-encoding': 'identity',
  }
}

function sessionIsGone(response: IncomingResponse): boolean {
  return response.status === 401 || (response.status === 403 && response.body.includes('FORBIDDEN'))
}

function sessionToken(body: Buffer): string | undefined {
  try {
    const { auth_session_token: token } = JSON.parse(body.toString()) as {
      auth_session_token?: unknown
    }
    return typeof token === 'string' && /^[\x21-\x7e]{1,512}$/.test(token) ? token : undefined
  } catch {
    // Not a session: the answer is handed back as it came, as a rejection.
    return undefined
  }
}

function secretsOf(credentials: Credentials): OAuthSecrets {
  const {
    consumer_key = '',
    consumer_secret = '',
    access_token = '',
    access_secret = '',
  } = credentials
  return { consumer_key, consumer_secret, access_token, access_secret }
}

/** Refusals that a client of this protocol understands in its own words; all others are 403 ACCESS_DENIED. */
const ANSWERS: Partial<Record<RefusalCode, readonly [number, string]>> = {
  client_unauthenticated: [401, 'UNAUTHORIZED'],
  body_too_large: [413, 'REQUEST_TOO_LARGE'],
  body_malformed: [400, 'MALFORMED_REQUEST_BODY'],
  content_type_unsupported: [415, 'UNSUPPORTED_MEDIA_TYPE'],
  encoding_unsupported: [415, 'UNSUPPORTED_CONTENT_ENCODING'],
  rate_limited: [429, 'TOO_MANY_REQUESTS'],
  evidence_unavailable: [503, 'SERVICE_UNAVAILABLE'],
  lease_expired: [503, 'SERVICE_UNAVAILABLE'],
}

/** Apple's own form of a no: a short upper-case code as text. The reason stands in a header of Sluss. */
function refusalResponse(refusal: Refusal): IncomingResponse {
  const [status, code] = ANSWERS[refusal.refused] ?? [403, 'ACCESS_DENIED']
  return {
    status,
    headers: {
      'content-type': 'text/plain;charset=UTF8',
      'sluss-refusal': refusal.refused,
      ...(status === 503 || status === 429 ? { 'retry-after': '5' } : {}),
    },
    body: Buffer.from(code),
  }
}
