import {
  type Configuration,
  type JWK,
  type KoaContextWithOIDC,
  errors,
  interactionPolicy,
} from 'oidc-provider'
import type { Language } from '../account.ts'
import { readAccount } from '../account.ts'
import { accountOfSubject } from '../service-principal.ts'
import { recordSignIn } from '../sign-in.ts'
import { CONSOLE_CLIENT, ServiceClients, shippedClients } from './clients.ts'
import {
  ACCESS_TOKEN_IN_SECONDS,
  type FormPage,
  type IssuerParts,
  SIGN_IN_PATH,
} from './issuer-parts.ts'
import { Store } from './store.ts'

const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
/** The one scope of the API; what somebody may do there is a matter of their roles. */
const API_SCOPE = 'api'

/** Everything the issuer library is told. */
export function issuerConfiguration(
  parts: IssuerParts,
  signingKey: JWK,
  cookieKey: Buffer,
): Configuration {
  const cookie = {
    httpOnly: true,
    sameSite: 'lax',
    signed: true,
    secure: parts.origin.startsWith('https:'),
  } as const
  return {
    adapter: (model: string) =>
      model === 'Client' ? new ServiceClients(parts) : new Store(model, parts),
    clients: shippedClients(parts.consoleRedirects),
    clientDefaults: { id_token_signed_response_alg: 'EdDSA' },
    jwks: { keys: [{ ...signingKey, use: 'sig', alg: 'EdDSA' }] },
    cookies: {
      keys: [cookieKey.toString('base64url')],
      short: cookie,
      long: { ...cookie, path: '/oidc' },
    },
    scopes: ['openid', 'offline_access'],
    claims: { openid: ['sub'] },
    extraParams: ['organisation'],
    pkce: { required: () => true },
    findAccount: (context, subject, token) => findAccount(parts, context, subject, token),
    loadExistingGrant: (context) => grantTo(parts.origin, context),
    extraTokenClaims: (context, token) => claimsFor(parts, context, token),
    issueRefreshToken: async (_context, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: true,
    // A console's tokens end with its session. A command line has none of its own.
    expiresWithSession: async (_context, source) => source.clientId === CONSOLE_CLIENT,
    clientBasedCORS: () => false,
    interactions: {
      policy: signInPolicy(),
      url: () => SIGN_IN_PATH,
    },
    ttl: {
      AccessToken: ACCESS_TOKEN_IN_SECONDS,
      ClientCredentials: ACCESS_TOKEN_IN_SECONDS,
      AuthorizationCode: MINUTE,
      DeviceCode: 10 * MINUTE,
      IdToken: 10 * MINUTE,
      Interaction: 15 * MINUTE,
      Session: 8 * HOUR,
      RefreshToken: (_context, token) => (token.clientId === CONSOLE_CLIENT ? 8 * HOUR : 14 * DAY),
      Grant: 14 * DAY,
    },
    features: features(parts),
    renderError: (context, out) => {
      const { code = out.error } = { code: out.error }
      page(parts, context, parts.pages.failed({ language: languageOf(context), code }))
    },
  }
}

function features({ origin, pages, ...rest }: IssuerParts): Configuration['features'] {
  const parts = { origin, pages, ...rest }
  return {
    devInteractions: { enabled: false },
    userinfo: { enabled: false },
    clientCredentials: { enabled: true },
    revocation: { enabled: true },
    introspection: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: async () => origin,
      useGrantedResource: async () => true,
      getResourceServerInfo: async (_context, resource) => {
        if (resource !== origin) throw new errors.InvalidTarget()
        return {
          scope: API_SCOPE,
          audience: origin,
          accessTokenTTL: ACCESS_TOKEN_IN_SECONDS,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'EdDSA' } },
        }
      },
    },
    deviceFlow: {
      enabled: true,
      charset: 'base-20',
      mask: '****-****',
      // Where a request came from is personal, and nothing needs it.
      deviceInfo: () => ({}),
      userCodeInputSource: async (context, form, _out, error) =>
        page(
          parts,
          context,
          pages.deviceCode({ ...formOf(context, form), wrong: error !== undefined }),
        ),
      userCodeConfirmSource: async (context, form, _client, _device, code) =>
        page(
          parts,
          context,
          pages.deviceConfirm({
            ...formOf(context, form),
            code,
            enteredCode: attribute(form, 'user_code'),
          }),
        ),
      successSource: async (context) =>
        page(parts, context, pages.deviceDone({ language: languageOf(context) })),
    },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: async (context, form) =>
        page(parts, context, pages.signOut(formOf(context, form))),
      postLogoutSuccessSource: async (context) =>
        page(parts, context, pages.signedOut({ language: languageOf(context) })),
    },
  }
}

/**
 * The account behind a subject, while what speaks for it still counts: an account that is switched off, or a code,
 * refresh token or session from before its sign-out, is as if it were not there.
 */
async function findAccount(
  { database }: IssuerParts,
  context: KoaContextWithOIDC,
  subject: string,
  token: unknown,
) {
  const named = accountOfSubject(subject)
  if (!named) return undefined
  const account = await database.read(named.tenantId, (reader) =>
    readAccount(reader, named.accountId),
  )
  if (account?.kind !== 'person' || account.state !== 'active') return undefined
  const { authTime } = (token ?? {}) as { authTime?: number }
  const seconds = authTime ?? context.oidc.session?.loginTs
  const since = account.tokensValidFrom
  if (since !== undefined && (seconds === undefined || seconds * 1000 < since)) return undefined
  return { accountId: subject, claims: async () => ({ sub: subject }) }
}

/** The shipped clients are the installation's own: signing in to them is the consent. */
async function grantTo(origin: string, context: KoaContextWithOIDC) {
  const { session, client, account, provider } = context.oidc
  if (!session || !client || !account) return undefined
  const known = session.grantIdFor(client.clientId)
  const found = known ? await provider.Grant.find(known) : undefined
  if (found?.accountId === account.accountId) return found
  const grant = new provider.Grant({ clientId: client.clientId, accountId: account.accountId })
  grant.addOIDCScope('openid offline_access')
  grant.addResourceScope(origin, API_SCOPE)
  await grant.save()
  return grant
}

/**
 * When and how the person proved who they are goes into every access token, also a refreshed one. For a service, the
 * entry of its sign-in is durable before its token is made.
 */
async function claimsFor(
  { database, clock }: IssuerParts,
  context: KoaContextWithOIDC,
  token: { kind: string; clientId?: string | undefined },
) {
  if (token.kind === 'ClientCredentials') {
    const named = accountOfSubject(token.clientId ?? '')
    if (!named) throw new errors.InvalidClient('no service principal')
    const { tenantId, accountId } = named
    await database.write(tenantId, (tx) =>
      recordSignIn(tx, { accountId, method: 'secret' }, clock.now()),
    )
    return { amr: ['client'] }
  }
  const { AuthorizationCode, RotatedRefreshToken, RefreshToken, DeviceCode } = context.oidc.entities
  const source = (AuthorizationCode ?? RotatedRefreshToken ?? RefreshToken ?? DeviceCode) as
    | { authTime?: number; amr?: string[] }
    | undefined
  return { auth_time: source?.authTime, amr: source?.amr ?? [] }
}

function signInPolicy() {
  const policy = interactionPolicy.base()
  const login = policy.get('login')
  login?.checks.add(
    new interactionPolicy.Check(
      'session_ended',
      'the account was signed out or switched off',
      ({ oidc }) =>
        oidc.session?.accountId !== undefined && oidc.account === undefined
          ? interactionPolicy.Check.REQUEST_PROMPT
          : interactionPolicy.Check.NO_NEED_TO_PROMPT,
    ),
  )
  login?.checks.add(
    new interactionPolicy.Check(
      'device_login_prompt',
      'the device asked that the person prove anew who they are',
      ({ oidc }) =>
        asksAnew(oidc.entities.DeviceCode) && !oidc.result?.login
          ? interactionPolicy.Check.REQUEST_PROMPT
          : interactionPolicy.Check.NO_NEED_TO_PROMPT,
    ),
  )
  // The command line's consent is the confirmation of its code.
  policy.get('consent')?.checks.remove('native_client_prompt')
  return policy
}

/** The library turns `max_age=0` into `prompt=login`, and then forgets that on the way from the device to the person. */
function asksAnew(code: unknown): boolean {
  const prompt = (code as { params?: { prompt?: unknown } } | undefined)?.params?.prompt
  return typeof prompt === 'string' && prompt.split(' ').includes('login')
}

function page({ pages }: IssuerParts, context: KoaContextWithOIDC, html: string): void {
  context.type = 'html'
  context.set('content-security-policy', pages.policy)
  context.set('referrer-policy', 'no-referrer')
  context.set('x-content-type-options', 'nosniff')
  context.set('cache-control', 'no-store')
  context.body = html
}

function formOf(context: KoaContextWithOIDC, form: string): FormPage {
  return {
    language: languageOf(context),
    action: /action="([^"]*)"/.exec(form)?.[1] ?? '',
    xsrf: attribute(form, 'xsrf'),
  }
}

function attribute(form: string, name: string): string {
  return new RegExp(`name="${name}" value="([^"]*)"`).exec(form)?.[1] ?? ''
}

function languageOf(context: KoaContextWithOIDC): Language {
  const asked = new URL(context.url, 'http://localhost').searchParams.get('lang')
  if (asked === 'sv' || asked === 'en') return asked
  return context.acceptsLanguages('en', 'sv') === 'sv' ? 'sv' : 'en'
}
