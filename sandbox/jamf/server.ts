import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { jsonObject } from '../http-message.ts'
import { type Fault, type Received, startStandIn } from '../stand-in.ts'
import { type Answer, createService, fail } from './service.ts'

/**
 * A stand-in for a Jamf Pro server, for samples and tests. It is not Jamf's, and it is strict: every token request and
 * every call is judged before it is answered, by its token, its role's privileges, its query and its body.
 */
export interface SandboxJamf {
  readonly origin: string
  readonly client: { readonly client_id: string; readonly client_secret: string }
  /** An account for the older token endpoint. */
  readonly account: { readonly username: string; readonly password: string }
  /** Every request as it came, token requests too, oldest first. */
  readonly received: Received[]
  readonly service: ReturnType<typeof createService>
  /** The next calls of that path meet these faults, one each, in order. */
  inject(path: string, ...faults: Fault[]): void
  /** From now on the API role has these privileges. */
  allow(privileges: readonly string[]): void
  /** Every access token ends now. */
  endTokens(): void
  /** The client is switched off: no token any more. As at Jamf, tokens that were given live on. */
  revokeClient(): void
  stop(): Promise<void>
}

export type { Fault, Received }

export interface SandboxJamfOptions {
  readonly port?: number
  readonly computers?: number
  readonly mobiles?: number
  /** The server's clock; another than its callers' is a skewed one. */
  readonly now?: () => number
  readonly tokenLifeInSeconds?: number
  /** What the API role allows; all that there is when left out. */
  readonly privileges?: readonly string[]
}

/** The privilege that each call asks for, by the names of Jamf Pro's API roles. */
const PRIVILEGES: readonly (readonly [RegExp, string])[] = [
  [/^GET \/api\/v[13]\/computers-inventory/, 'Read Computers'],
  [/^GET \/api\/v2\/mobile-devices/, 'Read Mobile Devices'],
  [/^GET \/api\/v2\/mdm\/commands/, 'View MDM command information in Jamf Pro API'],
  [/^POST \/api\/v2\/mdm\/commands/, 'View MDM command information in Jamf Pro API'],
  [/^GET \/JSSResource\/webhooks/, 'Read Webhooks'],
  [/^POST \/api\/preview\/remote-administration/, 'Create Remote Administration'],
]
const TOKEN_PATHS = new Set(['/api/oauth/token', '/api/v1/oauth/token', '/api/v1/auth/token'])
const LARGEST_BODY = 1024 * 1024

export async function startSandboxJamf(options: SandboxJamfOptions = {}): Promise<SandboxJamf> {
  const now = options.now ?? Date.now
  const client = {
    client_id: `client-${randomBytes(6).toString('hex')}`,
    client_secret: randomBytes(24).toString('base64url'),
  }
  const account = { username: 'reader', password: randomBytes(12).toString('base64url') }
  const service = createService(options.computers ?? 5, options.mobiles ?? 3, now)
  const tokens = new Map<string, number>()
  let { privileges } = options
  let revoked = false

  const issue = (): readonly [string, number] => {
    const token = randomBytes(48).toString('base64url')
    const life = options.tokenLifeInSeconds ?? 60
    tokens.set(token, now() + life * 1_000)
    return [token, life]
  }
  const grantToken = (request: IncomingMessage, path: string, body: Buffer): Answer => {
    if (request.method !== 'POST') return fail(405, 'METHOD_NOT_ALLOWED')
    if (path === '/api/v1/auth/token') {
      const expected = Buffer.from(`${account.username}:${account.password}`).toString('base64')
      if (revoked || request.headers.authorization !== `Basic ${expected}`)
        return fail(401, 'INVALID_TOKEN')
      const [token, life] = issue()
      return { status: 200, body: { token, expires: new Date(now() + life * 1_000).toISOString() } }
    }
    if (request.headers['content-type'] !== 'application/x-www-form-urlencoded')
      return { status: 400, body: { error: 'invalid_request' } }
    const form = new URLSearchParams(body.toString())
    if (form.get('grant_type') !== 'client_credentials')
      return { status: 400, body: { error: 'unsupported_grant_type' } }
    const fits =
      form.get('client_id') === client.client_id &&
      form.get('client_secret') === client.client_secret
    if (revoked || !fits) return { status: 401, body: { error: 'invalid_client' } }
    const [token, life] = issue()
    return {
      status: 200,
      body: { access_token: token, scope: 'api-role:1', token_type: 'Bearer', expires_in: life },
    }
  }

  const decide = (request: IncomingMessage, url: URL, body: Buffer): Answer => {
    const [, token = ''] = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '') ?? []
    if ((tokens.get(token) ?? 0) <= now()) return fail(401, 'INVALID_TOKEN')
    if (!/application\/json|\*\/\*/.test(request.headers.accept ?? ''))
      return fail(406, 'NOT_ACCEPTABLE')
    const call = `${request.method} ${url.pathname}`
    const needed = PRIVILEGES.find(([calls]) => calls.test(call))?.[1]
    if (needed === undefined) return fail(404, 'NOT_FOUND')
    if (privileges && !privileges.includes(needed)) return fail(403, 'INVALID_PRIVILEGE')
    const parsed = request.method === 'POST' ? jsonObject(request, body) : {}
    if (!parsed || (request.method === 'GET' && body.length > 0)) return fail(400, 'BAD_REQUEST')
    return service.call(request.method ?? '', url.pathname, url.searchParams, parsed)
  }

  const standIn = await startStandIn({
    port: options.port,
    now,
    largestBody: LARGEST_BODY,
    decide: (request, url, body) =>
      TOKEN_PATHS.has(url.pathname)
        ? grantToken(request, url.pathname, body)
        : decide(request, url, body),
  })
  const { origin, received, inject, stop } = standIn
  return {
    origin,
    client,
    account,
    received,
    service,
    inject,
    allow: (given) => {
      privileges = given
    },
    endTokens: () => tokens.clear(),
    revokeClient: () => {
      revoked = true
    },
    stop,
  }
}
