import { sha256Hex } from '#foundation/hashing.ts'
import { asObject, parsedJson } from '#foundation/json.ts'
import { type Refusal, type RefusalCode, refuse } from '#foundation/refusal.ts'
import {
  type Connector,
  type Credentials,
  type ErrorForm,
  type Exchange,
  type IncomingResponse,
  type PartyCall,
  TransportFault,
} from '#sharing/exchange.ts'
import { afterFault, jsonHeaders, sendWith, tokenOf } from '../bearer-call.ts'
import { EXCHANGES, HISTORIC_EXCHANGES } from './exchanges.ts'
import { type JamfCredentials, readJamfCredentials, readToken, tokenRequest } from './sign.ts'

const JSON_TYPE = 'application/json;charset=UTF8'
/** Tokens may live for a minute only: a quarter of their life is left, 30 seconds at most. */
const RENEW_BEFORE_IN_S = 30
const MOST_ATTEMPTS = 2
const LARGEST_FILE = 16 * 1024

/** Jamf Pro, by the default profile: of the inventory only what compliance needs. */
export function jamfPro(seconds: () => number): Connector {
  return connector('jamf-pro', 'Inventory and webhooks', EXCHANGES, seconds)
}

/** Jamf Pro, by the old profile of forty items. Historic: for who still works by that list. */
export function jamfProHistoric(seconds: () => number): Connector {
  return connector('jamf-pro-historic', 'Partner device management', HISTORIC_EXCHANGES, seconds)
}

/**
 * The access token is got with the API client's secret, kept for the connection, and got anew before it ends or when an
 * answer 401 says that it is gone. A call is made a second time only then, or where its answer was lost or 503 and it is
 * idempotent. With an account instead of an API client, only what reads is sent.
 *
 * @param seconds the time of day, in seconds since 1970
 */
function connector(
  id: string,
  service: string,
  exchanges: readonly Exchange[],
  seconds: () => number,
): Connector {
  const authorise = createAuthoriser(seconds)
  return {
    id,
    party: 'jamf-pro',
    service,
    exchanges,
    clientDoor: 'client-credentials',
    errorForm: JAMF_ERRORS,
    refusalResponse,
    readCredentials: readCredentialsFile,
    send: async (call) => {
      const again = call.request.exchange.idempotent
      const credentials = readJamfCredentials(call.credentials)
      if (!credentials || (credentials.kind === 'account' && call.request.method !== 'GET'))
        return { outcome: 'rejected', response: failure(403, 'INVALID_PRIVILEGE'), attempts: 0 }
      let attempts = 0
      for (;;) {
        let authorised = false
        try {
          const session = await authorise(call, credentials)
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
 * A session is `<renew at, in seconds> <mark of the credentials> <access token>`: a token of credentials that were
 * replaced is not used on. Calls of a node that need a token at the same time ask for it once. A node first gives its old
 * token up: if another one has got a new one meanwhile, the store answers with that, and nothing is asked for.
 */
function createAuthoriser(seconds: () => number) {
  const asking = new WeakMap<PartyCall['session'], Promise<string | IncomingResponse>>()
  return async (
    call: PartyCall,
    credentials: JamfCredentials,
  ): Promise<string | IncomingResponse> => {
    const mark = markOf(credentials)
    const known = await call.session.get()
    if (isGood(known, mark, seconds())) return known
    const under = asking.get(call.session)
    if (under) return under
    const ask = async () => {
      if (known !== undefined) await call.session.replace(known, undefined)
      const theirs = known === undefined ? undefined : await call.session.get()
      if (theirs !== known && isGood(theirs, mark, seconds())) return theirs
      return askForToken(call, credentials, seconds())
    }
    const asked = ask().finally(() => asking.delete(call.session))
    asking.set(call.session, asked)
    return asked
  }
}

function isGood(session: string | undefined, mark: string, seconds: number): session is string {
  const [renewAt = '', of] = session?.split(' ') ?? []
  return session !== undefined && of === mark && Number(renewAt) > seconds
}

/** Tells whether a token was got with these credentials. It stands beside the token, in the sealed session only. */
export function markOf({ kind, name, secret }: JamfCredentials): string {
  return sha256Hex(JSON.stringify([kind, name, secret])).slice(0, 16)
}

async function askForToken(
  call: PartyCall,
  credentials: JamfCredentials,
  seconds: number,
): Promise<string | IncomingResponse> {
  const response = await call.transport(tokenRequest(call.origin, credentials, jsonHeaders()))
  const { kind } = credentials
  const granted = response.status === 200 ? readToken(kind, response.body, seconds) : undefined
  if (granted === undefined) {
    // A 429 or 503 stays what it is: who asks for tokens too fast has to wait.
    return response.status >= 500 || response.status === 429 || response.status === 200
      ? failure(503, 'TOKEN_UNAVAILABLE')
      : failure(401, 'INVALID_TOKEN')
  }
  const early = Math.min(RENEW_BEFORE_IN_S, (granted.end - seconds) / 4)
  const session = `${Math.floor(granted.end - early)} ${markOf(credentials)} ${granted.token}`
  await call.session.replace(undefined, session)
  return session
}

/**
 * The file with a connection's credentials: `{"client_id": …, "client_secret": …}`, or `username` and `password` of an
 * account that only reads.
 *
 * @returns `token_file_invalid` for anything else; nothing of it is quoted
 */
export function readCredentialsFile(file: Buffer): Credentials | Refusal {
  const invalid = (field: string) => refuse('token_file_invalid', { field })
  if (file.length > LARGEST_FILE) return invalid('size')
  const read = parsedJson(file)
  if (typeof read !== 'object' || read === null) return invalid('json')
  const fields = read as Record<string, unknown>
  const names = 'client_id' in fields ? ['client_id', 'client_secret'] : ['username', 'password']
  for (const name of names) {
    const value = fields[name]
    if (typeof value !== 'string' || value === '' || value.length > 1_000) return invalid(name)
  }
  return Object.fromEntries(names.map((name) => [name, String(fields[name])]))
}

/** `{"httpStatus":401,"errors":[{"code":…,"description":…,"id":…,"field":…}]}`: of it only the code is read. */
const JAMF_ERRORS: ErrorForm = {
  codeOf: (body, codes) => {
    const errors = asObject(parsedJson(body))?.errors
    const first = Array.isArray(errors) ? asObject(errors[0]) : undefined
    return codes.find((code) => first?.code === code)
  },
  render: (status, code) => ({
    type: JSON_TYPE,
    body: Buffer.from(
      JSON.stringify({
        httpStatus: status,
        errors: [{ code, description: code, id: '0', field: null }],
      }),
    ),
  }),
}

function failure(status: number, code: string): IncomingResponse {
  const { type, body } = JAMF_ERRORS.render(status, code)
  return { status, headers: { 'content-type': type }, body }
}

/** Refusals that have a status of their own; all others are 403. */
const ANSWERS: Partial<Record<RefusalCode, number>> = {
  client_unauthenticated: 401,
  exchange_unknown: 404,
  body_too_large: 413,
  body_malformed: 400,
  content_type_unsupported: 415,
  encoding_unsupported: 415,
  rate_limited: 429,
  evidence_unavailable: 503,
  lease_expired: 503,
}

/** Jamf Pro's own form of a no, with the reason as its code. */
function refusalResponse(refusal: Refusal): IncomingResponse {
  const status = ANSWERS[refusal.refused] ?? 403
  const code = refusal.refused.toUpperCase()
  const error = { code, description: refusal.message, id: '0', field: null }
  return {
    status,
    headers: {
      'content-type': JSON_TYPE,
      'sluss-refusal': refusal.refused,
      ...(status === 503 || status === 429 ? { 'retry-after': '5' } : {}),
    },
    body: Buffer.from(JSON.stringify({ httpStatus: status, errors: [error] })),
  }
}
