import { createPrivateKey } from 'node:crypto'
import { SignJWT } from 'jose'
import type { PartnerAuth } from '#catalog/partner-description.ts'
import { sha256Hex } from '#foundation/hashing.ts'
import { webhookHeaders, webhookKey } from '#foundation/standard-webhooks.ts'
import type {
  Credentials,
  IncomingResponse,
  PartyCall,
  TransportRequest,
} from '#sharing/exchange.ts'
import { jsonHeaders, tokenOf } from '../bearer-call.ts'

type TokenAuth = Extract<PartnerAuth, { readonly tokenEndpoint: string }>

/** A token is renewed this long before its end, so that none ends on the way. */
const RENEW_BEFORE_IN_S = 60
const SHORTEST_RENEWAL = 0.25
const LONGEST_LIFE_IN_S = 86_400
const ASSERTION_LIFE_IN_S = 300
const ALGORITHMS: Readonly<Record<string, string>> = { rsa: 'RS256', ec: 'ES256', ed25519: 'EdDSA' }

/** What is added to a request so that the party knows who calls; `session` is the token's, to be given up after a 401. */
export interface Authorised {
  readonly headers: Readonly<Record<string, string>>
  readonly tls?: TransportRequest['tls']
  readonly session?: string
}

export type Authorise = (
  call: PartyCall,
  messageId: string,
) => Promise<Authorised | IncomingResponse>

/**
 * Signs in as the description says: a signature over each message, a client certificate, or an access token that is
 * asked for once for all who wait, kept for the connection, and never used after its credentials were replaced.
 *
 * @param seconds the time of day, in seconds since 1970
 * @param isPublic whether only public addresses are asked
 */
export function createAuthorise(
  auth: () => PartnerAuth,
  seconds: () => number,
  isPublic: boolean,
  failure: (status: number, code: string) => IncomingResponse,
): Authorise {
  const tokenFor = createTokens(seconds, isPublic, failure)
  return async (call, messageId) => {
    const now = auth()
    const { credentials, request } = call
    switch (now.kind) {
      case 'standardWebhooks': {
        const key = webhookKey(credentials.secret ?? '')
        if (!key) return failure(401, 'UNAUTHENTICATED')
        return { headers: webhookHeaders(key, messageId, seconds(), request.body ?? '') }
      }
      case 'mutualTls': {
        const tls = certificateOf(credentials)
        return tls ? { headers: {}, tls } : failure(401, 'UNAUTHENTICATED')
      }
      case 'bearerToken':
        return credentials.token === undefined
          ? failure(401, 'UNAUTHENTICATED')
          : { headers: { authorization: `Bearer ${credentials.token}` } }
      case 'clientCredentials':
      case 'jwtBearer': {
        const session = await tokenFor(call, now)
        if (typeof session !== 'string') return session
        // A token that is bound to a certificate is used with it (RFC 8705 section 3).
        const tls = usesTls(now) ? certificateOf(credentials) : undefined
        return {
          headers: { authorization: `Bearer ${tokenOf(session)}` },
          session,
          ...(tls ? { tls } : {}),
        }
      }
    }
  }
}

function certificateOf({ certificate, private_key }: Credentials): TransportRequest['tls'] {
  return certificate === undefined || private_key === undefined
    ? undefined
    : { certificate, privateKey: private_key }
}

function usesTls(auth: TokenAuth): boolean {
  return auth.kind === 'clientCredentials' && auth.clientAuthentication === 'tls'
}

/** A session is `<renew at, in seconds> <hash of the credentials and the endpoint> <access token>`. */
function createTokens(
  seconds: () => number,
  isPublic: boolean,
  failure: (status: number, code: string) => IncomingResponse,
) {
  const asking = new WeakMap<PartyCall['session'], Promise<string | IncomingResponse>>()
  return async (call: PartyCall, auth: TokenAuth): Promise<string | IncomingResponse> => {
    const owner = sessionOwner(call.credentials, auth)
    const known = await call.session.get()
    const [renewAt = '', of] = known?.split(' ') ?? []
    if (known && of === owner && Number(renewAt) > seconds()) return known
    const under = asking.get(call.session)
    if (under) return under
    const ask = async (): Promise<string | IncomingResponse> => {
      const response = await call.transport(
        await tokenRequest(call.credentials, auth, seconds(), isPublic),
      )
      const token = response.status === 200 ? readToken(response.body, owner, seconds()) : undefined
      if (token === undefined) {
        const later = response.status >= 500 || response.status === 429 || response.status === 200
        return later ? failure(503, 'UNAVAILABLE') : failure(401, 'UNAUTHENTICATED')
      }
      await call.session.replace(known, token)
      return token
    }
    const asked = ask().finally(() => asking.delete(call.session))
    asking.set(call.session, asked)
    return asked
  }
}

/** Whose token it is: another client, another secret or another endpoint makes it nobody's. */
export function sessionOwner(credentials: Credentials, auth: TokenAuth): string {
  return sha256Hex(JSON.stringify([auth.tokenEndpoint, Object.entries(credentials).sort()])).slice(
    0,
    32,
  )
}

async function tokenRequest(
  credentials: Credentials,
  auth: TokenAuth,
  seconds: number,
  isPublic: boolean,
): Promise<TransportRequest> {
  const { origin, pathname } = new URL(auth.tokenEndpoint)
  const { form, headers } =
    auth.kind === 'jwtBearer'
      ? { form: await assertionForm(credentials, auth, seconds), headers: {} }
      : clientForm(credentials, auth)
  if (auth.scope !== undefined && auth.kind === 'clientCredentials') form.set('scope', auth.scope)
  const tls = usesTls(auth) ? certificateOf(credentials) : undefined
  return {
    origin,
    method: 'POST',
    target: pathname,
    ...(isPublic ? { publicOnly: true } : {}),
    ...(tls ? { tls } : {}),
    headers: {
      ...jsonHeaders(),
      'content-type': 'application/x-www-form-urlencoded',
      ...headers,
    },
    body: form.toString(),
  }
}

function clientForm(
  { client_id = '', client_secret = '' }: Credentials,
  auth: Extract<TokenAuth, { kind: 'clientCredentials' }>,
): { form: URLSearchParams; headers: Record<string, string> } {
  const form = new URLSearchParams({ grant_type: 'client_credentials' })
  switch (auth.clientAuthentication) {
    case 'basic': {
      // RFC 6749 section 2.3.1: both parts are form-encoded before they are joined.
      const encode = (text: string) => new URLSearchParams({ x: text }).toString().slice(2)
      const pair = `${encode(client_id)}:${encode(client_secret)}`
      return { form, headers: { authorization: `Basic ${Buffer.from(pair).toString('base64')}` } }
    }
    case 'post':
      form.set('client_id', client_id)
      form.set('client_secret', client_secret)
      return { form, headers: {} }
    case 'tls':
      form.set('client_id', client_id)
      return { form, headers: {} }
  }
}

async function assertionForm(
  { issuer = '', private_key = '', private_key_id = '', subject }: Credentials,
  auth: TokenAuth,
  seconds: number,
): Promise<URLSearchParams> {
  const key = createPrivateKey(private_key)
  const at = Math.floor(seconds)
  const alg = ALGORITHMS[key.asymmetricKeyType ?? ''] ?? 'RS256'
  const assertion = await new SignJWT(auth.scope === undefined ? {} : { scope: auth.scope })
    .setProtectedHeader({ alg, typ: 'JWT', kid: private_key_id })
    .setIssuer(issuer)
    .setSubject(subject ?? issuer)
    .setAudience(auth.tokenEndpoint)
    .setIssuedAt(at)
    .setExpirationTime(at + ASSERTION_LIFE_IN_S)
    .sign(key)
  return new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    assertion,
  })
}

function readToken(body: Buffer, owner: string, seconds: number): string | undefined {
  try {
    const {
      access_token: token,
      expires_in: life,
      token_type: type,
    } = JSON.parse(body.toString()) as Record<string, unknown>
    if (typeof token !== 'string' || !/^[\x21-\x7e]{1,4096}$/.test(token)) return undefined
    if (typeof life !== 'number' || !(life > 0) || String(type).toLowerCase() !== 'bearer')
      return undefined
    const whole = Math.min(life, LONGEST_LIFE_IN_S)
    const renewAt = seconds + whole - Math.min(RENEW_BEFORE_IN_S, whole * SHORTEST_RENEWAL)
    return `${Math.floor(renewAt)} ${owner} ${token}`
  } catch {
    // No token: whatever it is, none of it goes further.
    return undefined
  }
}
