import { createPublicKey, randomUUID, verify } from 'node:crypto'
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { canonicalJson } from '#foundation/canonical-json.ts'

/** A small installation that speaks the API and the issuer's protocol, so that the command line can be tried alone. */
export interface SmallInstallation {
  readonly origin: string
  /** Every call of the API, oldest first. */
  readonly calls: { method: string; path: string; key: string | undefined; body: unknown }[]
  /** The person in the browser says yes to the code that was shown. */
  allow: boolean
  /** Ends every session, as a sign-out everywhere does. */
  endSessions(): void
  /** The next calls of the API are answered like this, one each. */
  inject(...answers: ((response: ServerResponse) => void)[]): void
  /** What the server says the text to sign is; a dishonest one changes it. */
  alterText: (text: Record<string, unknown>) => Record<string, unknown>
  readonly approved: { text: string; valid: boolean; records: unknown }[]
  /** Access tokens are good for so long. */
  tokenSeconds: number
  readonly used: { refreshes: number; revoked: number; reused: number }
  stop(): Promise<void>
}

const FORM = 'application/x-www-form-urlencoded'
export const REQUEST = '11111111-1111-4111-8111-111111111111'
const ASKER = '44444444-4444-4444-8444-444444444444'
const CASE = '22222222-2222-4222-8222-222222222222'

export async function startSmallInstallation(port = 0): Promise<SmallInstallation> {
  const access = new Set<string>()
  const refresh = new Set<string>()
  const spent = new Set<string>()
  const devices = new Map<string, number>()
  const keys: Record<string, string>[] = []
  const answers: ((response: ServerResponse) => void)[] = []
  const state = {
    calls: [] as SmallInstallation['calls'],
    approved: [] as SmallInstallation['approved'],
    used: { refreshes: 0, revoked: 0, reused: 0 },
    allow: true,
    tokenSeconds: 600,
    alterText: (text: Record<string, unknown>) => text,
  }
  const request = {
    id: REQUEST,
    state: 'customerNotified',
    caseId: CASE,
    tenantId: 'acme',
    operatorId: ASKER,
    reason: 'the phone does not enrol since the update of Monday',
    purpose: 'support',
    items: ['device.model', 'device.serialNumber'],
    precision: 'exact',
    durationMinutes: 240,
    expirationDateTime: '2040-01-01T12:00:00Z',
  }

  const issue = () => {
    const tokens = { access_token: randomUUID(), refresh_token: randomUUID() }
    access.add(tokens.access_token)
    refresh.add(tokens.refresh_token)
    return { ...tokens, token_type: 'Bearer', expires_in: state.tokenSeconds }
  }
  const token = (form: URLSearchParams): [number, object] => {
    if (form.get('resource') !== origin) return [400, { error: 'invalid_target' }]
    if (form.get('grant_type') === 'refresh_token') {
      const given = form.get('refresh_token') ?? ''
      if (spent.has(given)) state.used.reused++
      if (!refresh.delete(given)) return [400, { error: 'invalid_grant' }]
      spent.add(given)
      state.used.refreshes++
      return [200, issue()]
    }
    const polls = devices.get(form.get('device_code') ?? '')
    if (polls === undefined) return [400, { error: 'expired_token' }]
    devices.set(form.get('device_code') ?? '', polls + 1)
    if (polls === 0) return [400, { error: 'authorization_pending' }]
    return state.allow ? [200, issue()] : [400, { error: 'access_denied' }]
  }
  const oidc = (path: string, form: URLSearchParams): [number, object] => {
    switch (path) {
      case '/oidc/.well-known/openid-configuration':
        return [
          200,
          {
            issuer: `${origin}/oidc`,
            token_endpoint: `${origin}/oidc/token`,
            device_authorization_endpoint: `${origin}/oidc/device/auth`,
            revocation_endpoint: `${origin}/oidc/token/revocation`,
          },
        ]
      case '/oidc/device/auth': {
        const code = randomUUID()
        devices.set(code, 0)
        return [
          200,
          {
            device_code: code,
            user_code: 'BCDF-GHJK',
            verification_uri: `${origin}/oidc/device`,
            expires_in: 600,
            interval: 0.02,
          },
        ]
      }
      case '/oidc/token':
        return token(form)
      case '/oidc/token/revocation':
        state.used.revoked++
        refresh.delete(form.get('token') ?? '')
        return [200, {}]
      default:
        return [404, {}]
    }
  }
  const text = (narrowing: Record<string, unknown>): string =>
    canonicalJson(
      state.alterText({
        type: 'sluss.support.approval',
        v: 1,
        tenant: 'acme',
        request: REQUEST,
        case: CASE,
        asker: ASKER,
        records: { count: 2, commitment: 'x' },
        items: narrowing.items ?? request.items,
        purpose: request.purpose,
        precision: narrowing.precision ?? request.precision,
        durationMs: Number(narrowing.durationMinutes ?? request.durationMinutes) * 60_000,
      }) as never,
    )
  const api = (method: string, url: URL, body: Record<string, unknown>): [number, object] => {
    const path = url.pathname.slice('/v1.0'.length)
    switch (`${method} ${path}`) {
      case 'GET /me/account':
        return [200, { id: 'a', displayName: 'Alva Example', tenantId: 'acme' }]
      case 'GET /me/effectivePermissions':
        return [200, { value: [{ id: 'Support requests/Approve' }] }]
      case 'GET /me/signingKeys':
        return [200, { value: keys }]
      case 'POST /me/signingKeys': {
        const key = { id: randomUUID(), kind: 'ed25519', publicKey: String(body.publicKey) }
        keys.push(key)
        return [201, key]
      }
      case 'GET /operator/tenants': {
        const skip = Number(url.searchParams.get('$skiptoken') ?? 0)
        const value = [0, 1].map((i) => ({
          id: `tenant-${skip + i}`,
          displayName: 'T',
          region: 'EU',
        }))
        const next = `${origin}/v1.0/operator/tenants?$skiptoken=${skip + 2}`
        return [200, { value, ...(skip < 4 ? { '@odata.nextLink': next } : {}) }]
      }
      case 'POST /operator/tenants':
        return [201, { ...body, state: 'open', firstAdminLink: `${origin}/sign-in/link?token=x` }]
      case 'GET /deviceManagement/dataSharingConsents/apple-device-enrollment.outbound':
        return [
          200,
          {
            id: 'apple-device-enrollment.outbound',
            state: 'none',
            manifestHash: 'ab',
            partyId: 'apple',
          },
        ]
      case 'POST /deviceManagement/dataSharingConsents/apple-device-enrollment.outbound/consentToDataSharing':
        return [200, { id: 'apple-device-enrollment.outbound', state: 'granted' }]
      case 'GET /deviceManagement/auditEvents':
        return [
          200,
          { value: [{ id: 'e', activityType: 'disclosure', actor: { id: 'client:x' } }] },
        ]
      case `GET /support/accessRequests/${REQUEST}`:
        return [200, request]
      case `POST /support/accessRequests/${REQUEST}/textToSign`:
        return [200, { text: text(body), records: body.records ?? ['d1', 'd2'] }]
      case `POST /support/accessRequests/${REQUEST}/approve`: {
        const { keyId, signature } = body.signature as Record<string, string>
        const known = keys.find((key) => key.id === keyId)
        const valid =
          known !== undefined && fits(known.publicKey ?? '', String(body.text), signature ?? '')
        state.approved.push({ text: String(body.text), valid, records: body.records })
        return [200, { grantId: randomUUID() }]
      }
      default:
        return [
          404,
          {
            error: {
              code: 'ResourceNotFound',
              message: 'there is nothing at this address',
              innerError: { code: 'not_found', 'request-id': 'r-1' },
            },
          },
        ]
    }
  }

  const server: Server = createServer((incoming, response) => {
    void bodyOf(incoming).then((body) => {
      const url = new URL(incoming.url ?? '/', origin)
      const send = (status: number, answer: object): void => {
        response.writeHead(status, { 'content-type': 'application/json', 'request-id': 'r-1' })
        response.end(JSON.stringify(answer))
      }
      if (url.pathname.startsWith('/oidc')) {
        if (incoming.method === 'POST' && !incoming.headers['content-type']?.startsWith(FORM))
          return send(400, { error: 'invalid_request' })
        return send(...oidc(url.pathname, new URLSearchParams(body)))
      }
      const key = incoming.headers['idempotency-key'] as string | undefined
      const method = incoming.method ?? ''
      const parsed = (body === '' ? {} : JSON.parse(body)) as Record<string, unknown>
      state.calls.push({
        method,
        path: url.pathname + decodeURIComponent(url.search),
        key,
        body: parsed,
      })
      const injected = answers.shift()
      if (injected) return injected(response)
      if (!access.has(incoming.headers.authorization?.slice('Bearer '.length) ?? ''))
        return send(401, {
          error: {
            code: 'InvalidAuthenticationToken',
            message: 'sign in first',
            innerError: { code: 'unauthenticated', 'request-id': 'r-1' },
          },
        })
      return send(...api(method, url, parsed))
    })
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return Object.assign(state, {
    origin,
    endSessions: () => {
      access.clear()
      refresh.clear()
    },
    inject: (...more: ((response: ServerResponse) => void)[]) => void answers.push(...more),
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  })
}

function fits(publicKey: string, text: string, signature: string): boolean {
  const key = createPublicKey({
    key: { kty: 'OKP', crv: 'Ed25519', x: publicKey },
    format: 'jwk',
  })
  return verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64url'))
}

async function bodyOf(incoming: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of incoming) parts.push(part as Buffer)
  return Buffer.concat(parts).toString()
}
