import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { type JWTPayload, importSPKI, jwtVerify } from 'jose'
import { bytesAsReceived, jsonObject } from '../http-message.ts'
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

export interface Received {
  readonly at: number
  readonly method: string
  readonly target: string
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
  /** Request line, headers and body in one piece, to hunt in. */
  readonly bytes: Buffer
}

export type Fault =
  | { readonly kind: 'answer'; readonly answer: Answer }
  /** The true answer, changed. */
  | { readonly kind: 'alter'; readonly alter: (answer: Answer) => Answer }
  | { readonly kind: 'gzip' | 'hang' | 'close' | 'close-mid-body' | 'malformed' }
  /** What was asked is done, and nobody hears of it. */
  | { readonly kind: 'lose-answer' }

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
  const faults = new Map<string, Fault[]>()
  const received: Received[] = []
  const sockets = new Set<Socket>()
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

  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    let size = 0
    request.on('data', (part: Buffer) => {
      parts.push(part)
      size += part.length
      if (size > LARGEST_BODY) request.destroy()
    })
    request.on('end', () => {
      const body = Buffer.concat(parts)
      received.push(record(request, body, now()))
      const url = new URL(request.url ?? '/', origin)
      const fault = faults.get(url.pathname)?.shift()
      const answered = async (): Promise<Answer> => {
        if (fault?.kind === 'answer') return fault.answer
        if (fault?.kind === 'close' || fault?.kind === 'hang') return { status: 500 }
        return url.pathname === '/token' ? grantToken(request, body) : decide(request, url, body)
      }
      answered()
        .then((answer) =>
          send(response, fault?.kind === 'alter' ? fault.alter(answer) : answer, fault),
        )
        .catch(() => response.destroy())
    })
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
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
    inject: (path, ...more) => {
      faults.set(path, [...(faults.get(path) ?? []), ...more])
    },
    endTokens: () => tokens.clear(),
    revokeKey: () => {
      revoked = true
      tokens.clear()
    },
    stop: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
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

function record(request: IncomingMessage, body: Buffer, at: number): Received {
  return {
    at,
    method: request.method ?? '',
    target: request.url ?? '',
    headers: request.headers,
    body,
    bytes: bytesAsReceived(request, body),
  }
}

function send(response: ServerResponse, answer: Answer, fault: Fault | undefined): void {
  if (fault?.kind === 'hang') return
  if (fault?.kind === 'close' || fault?.kind === 'lose-answer') {
    response.socket?.destroy()
    return
  }
  const text = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body ?? {})
  const plain = Buffer.from(fault?.kind === 'malformed' ? text.slice(0, -1) : text)
  const bytes = fault?.kind === 'gzip' ? gzipSync(plain) : plain
  response.writeHead(answer.status, {
    'content-type': 'application/json; charset=UTF-8',
    'content-length': bytes.length,
    ...(fault?.kind === 'gzip' ? { 'content-encoding': 'gzip' } : {}),
    ...answer.headers,
  })
  if (fault?.kind === 'close-mid-body') {
    response.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () =>
      response.socket?.destroy(),
    )
    return
  }
  response.end(bytes)
}
