import {
  type JSONWebKeySet,
  type JWTVerifyGetKey,
  createLocalJWKSet,
  errors,
  jwtVerify,
} from 'jose'
import type { IncomingResponse, Transport } from '#sharing/exchange.ts'
import { jsonHeaders } from '../bearer-call.ts'

/** Where the keys stand with which Google signs, and whom its tokens name as their issuer. Nothing else is ever asked. */
export interface TokenIssuer {
  readonly issuer: string
  readonly keys: string
}
export const GOOGLE_ISSUER: TokenIssuer = {
  issuer: 'https://accounts.google.com',
  keys: 'https://www.googleapis.com/oauth2/v3/certs',
}

/** Who pushes: the subscription's own service account, and what its tokens are for. */
export interface EventSender {
  readonly email: string
  readonly audience: string
}

const LONGEST_TOKEN = 8_192
const SKEW_IN_S = 60
const LONGEST_LIFE_IN_S = 3_600
const KEYS_KEPT_AT_MOST_IN_MS = 6 * 3_600_000
const KEYS_KEPT_AT_LEAST_IN_MS = 5 * 60_000
/** An unknown key may be a new one; who makes key names up must not make us ask for each. */
const ASKED_AGAIN_AFTER_IN_MS = 30_000

export type VerifyToken = (
  authorization: string | undefined,
  sender: EventSender,
  now: number,
) => Promise<boolean>

/**
 * Checks the OpenID Connect token that Pub/Sub sends along: RS256 by a key of the issuer's, its issuer, audience and time,
 * and that it is of the very service account that this subscription pushes as. Any other service account of anybody's can
 * get a token with our audience.
 *
 * @throws Error when the keys cannot be had: nobody knows then
 */
export function tokenVerifier(
  transport: Transport,
  { issuer, keys }: TokenIssuer = GOOGLE_ISSUER,
): VerifyToken {
  const keySets = keySetsOf(transport, keys)
  return async (authorization, { email, audience }, now) => {
    const [, token = ''] = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(authorization ?? '') ?? []
    if (token === '' || token.length > LONGEST_TOKEN) return false
    const getKey: JWTVerifyGetKey = async (header, jws) => {
      const known = await keySets.current(now)
      try {
        return await known(header, jws)
      } catch (fault) {
        if (!(fault instanceof errors.JWKSNoMatchingKey)) throw fault
        return (await keySets.newer(now))(header, jws)
      }
    }
    try {
      const { payload } = await jwtVerify(token, getKey, {
        algorithms: ['RS256'],
        issuer,
        audience,
        currentDate: new Date(now),
        clockTolerance: SKEW_IN_S,
        maxTokenAge: LONGEST_LIFE_IN_S,
        requiredClaims: ['exp', 'iat', 'email', 'email_verified'],
      })
      return payload.email === email && payload.email_verified === true
    } catch (fault) {
      if (fault instanceof errors.JOSEError) return false
      throw fault
    }
  }
}

type KeySet = ReturnType<typeof createLocalJWKSet>

/** Keys are kept for as long as their answer says, within bounds; whoever needs them at the same time asks once. */
function keySetsOf(transport: Transport, url: string) {
  let kept: { readonly set: KeySet; readonly until: number; readonly askedAt: number } | undefined
  let asking: Promise<KeySet> | undefined
  const ask = async (now: number): Promise<KeySet> => {
    const { origin, pathname } = new URL(url)
    const response = await transport({
      origin,
      method: 'GET',
      target: pathname,
      headers: jsonHeaders(),
      body: undefined,
    })
    const set = readKeys(response)
    kept = { set, until: now + lifeOf(response), askedAt: now }
    return set
  }
  const once = (now: number): Promise<KeySet> => {
    asking ??= ask(now).finally(() => {
      asking = undefined
    })
    return asking
  }
  return {
    current: (now: number): Promise<KeySet> =>
      kept && now < kept.until ? Promise.resolve(kept.set) : once(now),
    newer: (now: number): Promise<KeySet> =>
      kept && now < kept.askedAt + ASKED_AGAIN_AFTER_IN_MS ? Promise.resolve(kept.set) : once(now),
  }
}

function readKeys({ status, body }: IncomingResponse): KeySet {
  if (status !== 200) throw new Error('the keys of the tokens cannot be had')
  try {
    return createLocalJWKSet(JSON.parse(body.toString()) as JSONWebKeySet)
  } catch {
    // What came instead of keys is nobody's business.
    throw new Error('the keys of the tokens cannot be read')
  }
}

function lifeOf({ headers }: IncomingResponse): number {
  const [, seconds] = /max-age=(\d{1,9})/.exec(headers['cache-control'] ?? '') ?? []
  const life = Number(seconds ?? 0) * 1_000
  return Math.min(Math.max(life, KEYS_KEPT_AT_LEAST_IN_MS), KEYS_KEPT_AT_MOST_IN_MS)
}
