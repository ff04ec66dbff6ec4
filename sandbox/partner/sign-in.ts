import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { importSPKI, jwtVerify } from 'jose'
import { Webhook } from 'standardwebhooks'

/** How this stand-in knows its callers. */
export type SandboxSignIn =
  | { readonly kind: 'standardWebhooks'; readonly secret: string }
  | { readonly kind: 'bearerToken'; readonly token: string }
  | {
      readonly kind: 'clientCredentials'
      readonly clientId: string
      readonly clientSecret: string
      readonly how: 'basic' | 'post'
      readonly scope?: string
    }
  /** Token bound to the certificate it was got with (RFC 8705). */
  | { readonly kind: 'tlsClient'; readonly clientId: string }
  | {
      readonly kind: 'jwtBearer'
      readonly issuer: string
      readonly publicKey: string
      readonly scope?: string
    }
  | { readonly kind: 'mutualTls' }

export interface Answer {
  readonly status: number
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** Judges token requests and calls, as strictly as the specifications allow. */
export function createSignIn(
  signIn: SandboxSignIn,
  now: () => number,
  tokenLifeInSeconds: number,
  tokenEndpoint: () => string,
) {
  const tokens = new Map<string, { until: number; certificate: string | undefined }>()
  const seen = new Map<string, string>()
  let revoked = false

  const grant = (certificate?: string): Answer => {
    const token = `pt_${randomBytes(24).toString('base64url')}`
    tokens.set(token, { until: now() + tokenLifeInSeconds * 1_000, certificate })
    return {
      status: 200,
      body: { access_token: token, expires_in: tokenLifeInSeconds, token_type: 'Bearer' },
    }
  }
  const denied = (error: string): Answer => ({
    status: error === 'invalid_client' ? 401 : 400,
    body: { error },
  })

  /** RFC 6749 section 4.4 and 2.3.1; RFC 8705 section 2; RFC 7523 section 2.1. */
  const token = async (request: IncomingMessage, body: Buffer): Promise<Answer> => {
    if (request.method !== 'POST') return denied('invalid_request')
    if (request.headers['content-type'] !== 'application/x-www-form-urlencoded')
      return denied('invalid_request')
    if (revoked) return denied('invalid_client')
    const form = new URLSearchParams(body.toString())
    if (signIn.kind === 'jwtBearer') {
      if (form.get('grant_type') !== 'urn:ietf:params:oauth:grant-type:jwt-bearer')
        return denied('unsupported_grant_type')
      try {
        const { payload } = await jwtVerify(
          form.get('assertion') ?? '',
          await importSPKI(signIn.publicKey, 'RS256'),
          {
            issuer: signIn.issuer,
            audience: tokenEndpoint(),
            algorithms: ['RS256'],
            currentDate: new Date(now()),
            requiredClaims: ['sub', 'exp', 'iat'],
          },
        )
        return payload.scope === signIn.scope ? grant() : denied('invalid_scope')
      } catch {
        return denied('invalid_grant')
      }
    }
    if (form.get('grant_type') !== 'client_credentials') return denied('unsupported_grant_type')
    if (signIn.kind === 'tlsClient') {
      const certificate = certificateOf(request)
      return certificate !== undefined && form.get('client_id') === signIn.clientId
        ? grant(certificate)
        : denied('invalid_client')
    }
    if (signIn.kind !== 'clientCredentials') return denied('unauthorized_client')
    const basic = `Basic ${Buffer.from(`${encodeForm(signIn.clientId)}:${encodeForm(signIn.clientSecret)}`).toString('base64')}`
    const known =
      signIn.how === 'basic'
        ? request.headers.authorization === basic && !form.has('client_secret')
        : form.get('client_id') === signIn.clientId &&
          form.get('client_secret') === signIn.clientSecret &&
          request.headers.authorization === undefined
    if (!known) return denied('invalid_client')
    return (form.get('scope') ?? undefined) === signIn.scope ? grant() : denied('invalid_scope')
  }

  /** Whether the caller may call. A signed message that came before is known by its id, and by nothing else. */
  const isKnown = (request: IncomingMessage, body: Buffer): boolean => {
    if (revoked) return false
    switch (signIn.kind) {
      case 'mutualTls':
        return certificateOf(request) !== undefined
      case 'standardWebhooks':
        try {
          const headers = Object.fromEntries(
            Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
          )
          new Webhook(signIn.secret).verify(body, headers)
          const id = headers['webhook-id'] ?? ''
          const before = seen.get(id)
          seen.set(id, body.toString())
          // The same id with another body is no repetition but a mistake.
          return before === undefined || before === body.toString()
        } catch {
          return false
        }
      case 'bearerToken':
      case 'clientCredentials':
      case 'tlsClient':
      case 'jwtBearer': {
        const [, bearer = ''] = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '') ?? []
        if (signIn.kind === 'bearerToken') return bearer === signIn.token
        const found = tokens.get(bearer)
        return (
          found !== undefined &&
          found.until > now() &&
          (found.certificate === undefined || found.certificate === certificateOf(request))
        )
      }
    }
  }
  return {
    token,
    isKnown,
    endTokens: () => tokens.clear(),
    revoke: () => {
      revoked = true
      tokens.clear()
    },
    messages: () => [...seen.keys()],
  }
}

function certificateOf(request: IncomingMessage): string | undefined {
  const socket = request.socket as TLSSocket
  return socket.authorized ? socket.getPeerCertificate().fingerprint256 : undefined
}

function encodeForm(text: string): string {
  return new URLSearchParams({ x: text }).toString().slice(2)
}
