import { generateKeyPairSync, randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { type JWTPayload, importSPKI, jwtVerify } from 'jose'
import { jsonObject } from '../http-message.ts'
import { type Fault, type Received, startStandIn } from '../stand-in.ts'
import { type Answer, fail } from './answer.ts'
import { createService } from './service.ts'

/**
 * A stand-in for Google's token endpoint and Android Management API, for samples and tests. It is not Google's, and it
 * is stricter than a real server needs to be: every token request and every call is judged before it is answered.
 */
export interface SandboxGoogle {
  readonly origin: string
  readonly tokenEndpoint: string
  /** The key file of the one service account it knows, as JSON text. */
  readonly keyFile: string
  /** Every request as it came, token requests too, oldest first. */
  readonly received: Received[]
  readonly service: ReturnType<typeof createService>
  /** The next calls of that path meet these faults, one each, in order. */
  inject(path: string, ...faults: Fault[]): void
  /** Every access token ends now. */
  endTokens(): void
  /** The service account's key is taken back: no token any more. */
  revokeKey(): void
  stop(): Promise<void>
}

export type { Fault, Received }

export interface SandboxGoogleOptions {
  readonly port?: number
  readonly devices?: number
  readonly enterprise?: string
  readonly now?: () => number
  readonly tokenLifeInSeconds?: number
}

const EMAIL = 'sluss-sample@synthetic-project.iam.gserviceaccount.com'
const SCOPE = 'https://www.googleapis.com/auth/androidmanagement'
const LARGEST_BODY = 4 * 1024 * 1024

export async function startSandboxGoogle(
  options: SandboxGoogleOptions = {},
): Promise<SandboxGoogle> {
  const now = options.now ?? Date.now
  const pair = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  const keyId = randomBytes(20).toString('hex')
  const publicKey = await importSPKI(pair.publicKey, 'RS256')
  const service = createService(options.devices ?? 5, options.enterprise ?? 'LC00synthetic', now)
  const tokens = new Map<string, number>()
  let revoked = false

  const grantToken = async (request: IncomingMessage, body: Buffer): Promise<Answer> => {
    if (request.method !== 'POST') return oauthError('invalid_request')
    if (request.headers['content-type'] !== 'application/x-www-form-urlencoded')
      return oauthError('invalid_request')
    const form = new URLSearchParams(body.toString())
    if (form.get('grant_type') !== 'urn:ietf:params:oauth:grant-type:jwt-bearer')
      return oauthError('unsupported_grant_type')
    if (revoked) return oauthError('invalid_grant')
    let claims: JWTPayload
    try {
      const verified = await jwtVerify(form.get('assertion') ?? '', publicKey, {
        issuer: EMAIL,
        audience: tokenEndpoint,
        algorithms: ['RS256'],
        currentDate: new Date(now()),
        maxTokenAge: 3_600,
        requiredClaims: ['exp', 'iat', 'scope'],
      })
      if (verified.protectedHeader.kid !== keyId) return oauthError('invalid_grant')
      claims = verified.payload
    } catch {
      return oauthError('invalid_grant')
    }
    if ((claims.exp ?? 0) - (claims.iat ?? 0) > 3_600) return oauthError('invalid_grant')
    if (claims.scope !== SCOPE) return oauthError('invalid_scope')
    const token = `ya29.${randomBytes(32).toString('base64url')}`
    const life = options.tokenLifeInSeconds ?? 3_599
    tokens.set(token, now() + life * 1_000)
    return {
      status: 200,
      body: { access_token: token, expires_in: life, token_type: 'Bearer' },
    }
  }

  const decide = (request: IncomingMessage, url: URL, body: Buffer): Answer => {
    const [, token = ''] = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '') ?? []
    if ((tokens.get(token) ?? 0) <= now()) return fail(401, 'UNAUTHENTICATED')
    const parsed = parseBody(request, body)
    if (!parsed) return fail(400, 'INVALID_ARGUMENT')
    return service.call(request.method ?? '', url.pathname, parsed, url.searchParams)
  }

  const standIn = await startStandIn({
    port: options.port,
    now,
    largestBody: LARGEST_BODY,
    contentType: 'application/json; charset=UTF-8',
    decide: (request, url, body) =>
      url.pathname === '/token' ? grantToken(request, body) : decide(request, url, body),
  })
  const { origin, received, inject, stop } = standIn
  const tokenEndpoint = `${origin}/token`
  return {
    origin,
    tokenEndpoint,
    keyFile: JSON.stringify({
      type: 'service_account',
      project_id: 'synthetic-project',
      private_key_id: keyId,
      private_key: pair.privateKey,
      client_email: EMAIL,
      token_uri: tokenEndpoint,
    }),
    received,
    service,
    inject,
    endTokens: () => tokens.clear(),
    revokeKey: () => {
      revoked = true
      tokens.clear()
    },
    stop,
  }
}

function oauthError(error: string): Answer {
  return { status: 400, body: { error, error_description: 'synthetic' } }
}

function parseBody(request: IncomingMessage, body: Buffer): Record<string, unknown> | undefined {
  if (request.method === 'GET' || request.method === 'DELETE')
    return body.length === 0 ? {} : undefined
  if (body.length === 0) return {}
  return jsonObject(request, body)
}
