import type { Credentials, TransportRequest } from '#sharing/exchange.ts'

/** What a connection holds: an API client, or, where the server has none yet, an account that only reads. */
export type JamfCredentials =
  | { readonly kind: 'client'; readonly name: string; readonly secret: string }
  | { readonly kind: 'account'; readonly name: string; readonly secret: string }

/** Sealed credentials of a connection; undefined where they are none of Jamf Pro's. */
export function readJamfCredentials(credentials: Credentials): JamfCredentials | undefined {
  const { client_id, client_secret, username, password } = credentials
  if (client_id && client_secret) return { kind: 'client', name: client_id, secret: client_secret }
  return username && password ? { kind: 'account', name: username, secret: password } : undefined
}

/** The request for an access token (protocols facts, `jamf_pro.auth`). A secret is in this request and in no other. */
export function tokenRequest(
  origin: string,
  credentials: JamfCredentials,
  headers: Readonly<Record<string, string>>,
): TransportRequest {
  const { kind, name, secret } = credentials
  if (kind === 'account') {
    const basic = Buffer.from(`${name}:${secret}`).toString('base64')
    return {
      origin,
      method: 'POST',
      target: '/api/v1/auth/token',
      headers: { ...headers, authorization: `Basic ${basic}` },
      body: undefined,
    }
  }
  return {
    origin,
    method: 'POST',
    target: '/api/oauth/token',
    headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({
      client_id: name,
      client_secret: secret,
      grant_type: 'client_credentials',
    }).toString(),
  }
}

export interface GrantedToken {
  readonly token: string
  /** Seconds since 1970. */
  readonly end: number
}

const LONGEST_LIFE_IN_S = 3_600
const TOKEN = /^[\x21-\x7e]{1,8192}$/

/** Reads what the token endpoint answered; undefined for what is no token. */
export function readToken(
  kind: JamfCredentials['kind'],
  body: Buffer,
  seconds: number,
): GrantedToken | undefined {
  try {
    const read = JSON.parse(body.toString()) as Record<string, unknown>
    const token = kind === 'client' ? read.access_token : read.token
    if (typeof token !== 'string' || !TOKEN.test(token)) return undefined
    if (kind === 'client' && String(read.token_type).toLowerCase() !== 'bearer') return undefined
    const life =
      kind === 'client' ? read.expires_in : Date.parse(String(read.expires)) / 1_000 - seconds
    if (typeof life !== 'number' || !(life > 0)) return undefined
    return { token, end: Math.floor(seconds + Math.min(life, LONGEST_LIFE_IN_S)) }
  } catch {
    // No token: whatever it is, none of it goes further.
    return undefined
  }
}
