import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/** The four secrets of a Device Enrollment token, under the names of Apple's token file. */
export interface OAuthSecrets {
  readonly consumer_key: string
  readonly consumer_secret: string
  readonly access_token: string
  readonly access_secret: string
}

/** RFC 5849 section 3.6: everything but the unreserved characters is percent-encoded. */
export function percentEncode(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/**
 * The Authorization header of `GET /session` (OAuth 1.0a, HMAC-SHA1).
 *
 * @param url      absolute, as the server will see it; it has no query
 * @param seconds  time of day, in seconds since 1970
 */
export function signSession(
  secrets: OAuthSecrets,
  url: string,
  seconds: number,
  nonce = randomBytes(16).toString('hex'),
): string {
  const parameters: Record<string, string> = {
    oauth_consumer_key: secrets.consumer_key,
    oauth_token: secrets.access_token,
    oauth_nonce: nonce,
    oauth_timestamp: String(seconds),
    oauth_signature_method: 'HMAC-SHA1',
    oauth_version: '1.0',
  }
  const signature = signatureOf(secrets, url, parameters)
  const header = Object.entries({ ...parameters, oauth_signature: signature })
    .map(([name, value]) => `${name}="${percentEncode(value)}"`)
    .join(', ')
  return `OAuth ${header}`
}

/** Why a client's session request is not believed, as Apple's service says it. */
export type SessionFault =
  | {
      readonly status: 400
      readonly code:
        | 'UNSUPPORTED_PARAMETER'
        | 'UNSUPPORTED_SIGNATURE_METHOD'
        | 'MISSING_PARAMETER'
        | 'DUPLICATED_PARAMETER'
    }
  | {
      readonly status: 401
      readonly code:
        | 'INVALID_CONSUMER_KEY'
        | 'INVALID_TOKEN'
        | 'INVALID_SIGNATURE'
        | 'INVALID_NONCE'
    }

const KNOWN = new Set([
  'realm',
  'oauth_consumer_key',
  'oauth_token',
  'oauth_nonce',
  'oauth_timestamp',
  'oauth_signature_method',
  'oauth_signature',
  'oauth_version',
])
const NEEDED = [
  'oauth_consumer_key',
  'oauth_token',
  'oauth_nonce',
  'oauth_timestamp',
  'oauth_signature_method',
  'oauth_signature',
]
const TOLERANCE_IN_SECONDS = 300

/**
 * Checks a session request that a client signed with secrets Sluss gave it.
 *
 * @param urls  the absolute addresses under which the client may have seen us; any one may be signed
 * @returns the nonce, which the caller must see only once, or why the request is not believed
 */
export function verifySession(
  secrets: OAuthSecrets,
  request: {
    readonly header: string | undefined
    readonly urls: readonly string[]
    readonly seconds: number
  },
): { readonly nonce: string } | SessionFault {
  const pairs = parseHeader(request.header ?? '')
  if (pairs.some(([name]) => !KNOWN.has(name)))
    return { status: 400, code: 'UNSUPPORTED_PARAMETER' }
  const parameters = new Map(pairs)
  if (parameters.size !== pairs.length) return { status: 400, code: 'DUPLICATED_PARAMETER' }
  if (NEEDED.some((name) => !parameters.get(name)))
    return { status: 400, code: 'MISSING_PARAMETER' }
  if (parameters.get('oauth_signature_method') !== 'HMAC-SHA1')
    return { status: 400, code: 'UNSUPPORTED_SIGNATURE_METHOD' }
  if (!same(parameters.get('oauth_consumer_key'), secrets.consumer_key))
    return { status: 401, code: 'INVALID_CONSUMER_KEY' }
  if (!same(parameters.get('oauth_token'), secrets.access_token))
    return { status: 401, code: 'INVALID_TOKEN' }
  const signed = Object.fromEntries(
    pairs.filter(([name]) => name !== 'realm' && name !== 'oauth_signature'),
  )
  const signature = parameters.get('oauth_signature')
  if (!request.urls.some((url) => same(signature, signatureOf(secrets, url, signed)))) {
    return { status: 401, code: 'INVALID_SIGNATURE' }
  }
  const age = Math.abs(request.seconds - Number(parameters.get('oauth_timestamp')))
  if (!(age <= TOLERANCE_IN_SECONDS)) return { status: 401, code: 'INVALID_NONCE' }
  return { nonce: parameters.get('oauth_nonce') ?? '' }
}

/** RFC 5849 sections 3.4.1 and 3.4.2. */
function signatureOf(
  secrets: OAuthSecrets,
  url: string,
  parameters: Readonly<Record<string, string>>,
): string {
  const normalised = Object.entries(parameters)
    .map(([name, value]) => [percentEncode(name), percentEncode(value)] as const)
    .sort(([a, av], [b, bv]) => (a === b ? (av < bv ? -1 : 1) : a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
  const base = ['GET', url, normalised].map(percentEncode).join('&')
  const key = `${percentEncode(secrets.consumer_secret)}&${percentEncode(secrets.access_secret)}`
  return createHmac('sha1', key).update(base).digest('base64')
}

function parseHeader(header: string): [string, string][] {
  if (!/^OAuth\s/i.test(header)) return []
  return [...header.slice(6).matchAll(/([A-Za-z_]+)="([^"]*)"/g)].map(
    ([, name = '', value = '']) => [name, decode(value)],
  )
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return ''
  }
}

function same(came: string | undefined, expected: string): boolean {
  const a = Buffer.from(came ?? '')
  const b = Buffer.from(expected)
  return a.length === b.length && timingSafeEqual(a, b)
}
