import { createHmac } from 'node:crypto'
import OAuth from 'oauth-1.0a'
import { type Answer, fail } from './answer.ts'

export interface SandboxToken {
  consumer_key: string
  consumer_secret: string
  access_token: string
  access_secret: string
}

const NAMES = [
  'oauth_consumer_key',
  'oauth_token',
  'oauth_nonce',
  'oauth_timestamp',
  'oauth_signature_method',
  'oauth_signature',
  'oauth_version',
  'realm',
]

/** Judges a session request with an OAuth library that shares nothing with the product's own signer. */
export function createJudge(token: SandboxToken, now: () => number) {
  const used = new Set<string>()
  const oauth = new OAuth({
    consumer: { key: token.consumer_key, secret: token.consumer_secret },
    signature_method: 'HMAC-SHA1',
    hash_function: (text, key) => createHmac('sha1', key).update(text).digest('base64'),
  })
  return (url: string, header: string | undefined): Answer | undefined => {
    const pairs = [...(header ?? '').matchAll(/([A-Za-z_]+)="([^"]*)"/g)].map(
      ([, name = '', value = '']) => [name, decodeURIComponent(value)] as const,
    )
    const came = new Map(pairs)
    if (!/^OAuth /.test(header ?? '') || NAMES.slice(0, 6).some((name) => !came.get(name)))
      return fail(400, 'MISSING_PARAMETER')
    if (pairs.some(([name]) => !NAMES.includes(name))) return fail(400, 'UNSUPPORTED_PARAMETER')
    if (came.size !== pairs.length) return fail(400, 'DUPLICATED_PARAMETER')
    if (came.get('oauth_signature_method') !== 'HMAC-SHA1')
      return fail(400, 'UNSUPPORTED_SIGNATURE_METHOD')
    if (came.get('oauth_consumer_key') !== token.consumer_key)
      return fail(401, 'INVALID_CONSUMER_KEY')
    if (came.get('oauth_token') !== token.access_token) return fail(401, 'INVALID_TOKEN')
    const data = Object.fromEntries(
      pairs.filter(([name]) => !['realm', 'oauth_signature'].includes(name)),
    )
    const expected = oauth.getSignature(
      { url, method: 'GET' },
      token.access_secret,
      data as unknown as OAuth.Data,
    )
    if (came.get('oauth_signature') !== expected) return fail(401, 'INVALID_SIGNATURE')
    const nonce = came.get('oauth_nonce') ?? ''
    const age = Math.abs(now() / 1000 - Number(came.get('oauth_timestamp')))
    if (used.has(nonce) || !(age <= 300)) return fail(401, 'INVALID_NONCE')
    used.add(nonce)
    return undefined
  }
}
