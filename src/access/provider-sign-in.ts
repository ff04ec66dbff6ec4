import * as client from 'openid-client'
import type { Database } from '#database/handles.ts'
import { BoundedCache } from '#foundation/bounded-cache.ts'
import type { Clock } from '#foundation/clock.ts'
import { sha256 } from '#foundation/hashing.ts'
import { isTenantId } from '#foundation/ids.ts'
import { isRefusal, type Refusal, refuse } from '#foundation/refusal.ts'
import type { Account, AccountParts } from './account.ts'
import { beginCeremony, takeCeremony } from './ceremony.ts'
import {
  type IdentityProvider,
  openProviderSecret,
  readIdentityProvider,
} from './identity-provider.ts'
import { accountOfProvider, type ProviderClaims } from './provider-account.ts'
import { createRefusedSignIns, recordSignIn } from './sign-in.ts'

export interface ProviderSignInParts extends Pick<AccountParts, 'keys' | 'marks'> {
  readonly database: Database
  readonly clock: Clock
  /** Where providers send people back to: `<origin>/sign-in/callback`. */
  readonly callbackUrl: string
  /** Allows issuers on `http://127.0.0.1` and `localhost`. Never in production. */
  readonly allowInsecureLoopback: boolean
}

interface State {
  readonly providerId: string
  readonly verifier: string
  readonly nonce: string
  readonly interaction: string
  readonly fresh: boolean
}

export interface ProviderSignedIn {
  readonly tenantId: string
  readonly account: Account
  readonly providerId: string
  /** Milliseconds since 1970: when the provider says they proved who they are. */
  readonly authenticatedAt: number
}

/** Signing in at a tenant's own provider: OpenID Connect, authorization code with PKCE, state and nonce. */
export interface ProviderSignIn {
  /**
   * @param interaction the sign-in under way that this belongs to: the callback must come from the same browser
   * @param fresh the provider must ask the person anew
   * @returns where the browser goes; `not_found`, or `sign_in_failed` when the provider does not answer as it should
   */
  begin(
    tenantId: string,
    providerId: string,
    interaction: string,
    fresh: boolean,
  ): Promise<URL | Refusal>
  /**
   * @param callback the whole address that the provider sent the browser to
   * @returns `sign_in_failed` for a state that was used, is too old or of another browser, and for whatever is wrong
   *   with the provider's answer; `account_unknown`, `account_disabled`
   */
  finish(callback: URL, interaction: string): Promise<ProviderSignedIn | Refusal>
}

const FRESH_IN_SECONDS = 300
const TIMEOUT_IN_SECONDS = 10
const DISCOVERED_FOR_MS = 10 * 60_000
const KIND = 'provider'

export function createProviderSignIn(parts: ProviderSignInParts): ProviderSignIn {
  const { database, keys, clock } = parts
  const refusals = createRefusedSignIns()
  const discover = createDiscovery(parts)
  return {
    begin: async (tenantId, providerId, interaction, fresh) => {
      const found = await discover(tenantId, providerId)
      if (isRefusal(found)) return found
      const verifier = client.randomPKCECodeVerifier()
      const nonce = client.randomNonce()
      const state: State = { providerId, verifier, nonce, interaction, fresh }
      const handle = await database.write(tenantId, (tx) =>
        beginCeremony(tx, keys, KIND, state, clock.now()),
      )
      return client.buildAuthorizationUrl(found.config, {
        redirect_uri: parts.callbackUrl,
        scope: 'openid email profile',
        state: `${tenantId}.${handle}`,
        nonce,
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        ...(fresh ? { prompt: 'login', max_age: String(FRESH_IN_SECONDS) } : {}),
      })
    },
    finish: async (callback, interaction) => {
      const taken = await takeState(parts, callback, interaction)
      if (isRefusal(taken)) return taken
      const answer = await complete(parts, discover, callback, taken)
      if (!isRefusal(answer)) return answer
      const { tenantId, providerId } = taken
      const { account } = answer.about
      const refused = {
        method: 'provider',
        reason: answer.refused,
        providerId,
        ...(typeof account === 'string' ? { accountId: account } : {}),
      } as const
      await database.write(tenantId, (tx) => refusals.record(tx, refused, clock.now()))
      return answer
    },
  }
}

interface Taken extends State {
  readonly tenantId: string
  /** The `state` that the provider gave back. */
  readonly given: string
}

/** Takes out what was kept for this answer, once, if it belongs to the same browser. */
async function takeState(
  { database, keys, clock }: ProviderSignInParts,
  callback: URL,
  interaction: string,
): Promise<Taken | Refusal> {
  const given = callback.searchParams.get('state') ?? ''
  const [tenantId = '', handle = ''] = given.split('.')
  if (!isTenantId(tenantId)) return refuse('sign_in_failed', { why: 'state' })
  const state = await database.write(tenantId, (tx) =>
    takeCeremony<State>(tx, keys, KIND, handle, clock.now()),
  )
  if (state?.interaction !== interaction) return refuse('sign_in_failed', { why: 'state' })
  return { ...state, tenantId, given }
}

/** Asks the provider who it is, finds their account and records the sign-in, in that order. */
async function complete(
  parts: ProviderSignInParts,
  discover: ReturnType<typeof createDiscovery>,
  callback: URL,
  taken: Taken,
): Promise<ProviderSignedIn | Refusal> {
  const { tenantId, providerId } = taken
  const found = await discover(tenantId, providerId)
  if (isRefusal(found)) return found
  // The answer is read as it came; the address is ours, whatever stands before this node.
  const address = new URL(callback.search, parts.callbackUrl)
  const answer = await redeem(found, address, taken.given, taken)
  if (isRefusal(answer)) return answer
  const now = parts.clock.now()
  const account = await parts.database.write(tenantId, async (tx) => {
    const known = await accountOfProvider(tx, parts, found.provider, answer.claims, now)
    if (!isRefusal(known))
      await recordSignIn(tx, { accountId: known.accountId, method: 'provider', providerId }, now)
    return known
  })
  if (isRefusal(account)) return account
  const authenticatedAt = Math.min(now, (answer.authTime ?? now / 1000) * 1000)
  return { tenantId, account, providerId, authenticatedAt }
}

interface Discovered {
  readonly provider: IdentityProvider
  readonly config: client.Configuration
}

/** Trades the code for the ID token, whose signature, issuer, audience, nonce and age the library checks. */
async function redeem(
  { provider, config }: Discovered,
  callback: URL,
  expectedState: string,
  { verifier, nonce, fresh }: State,
): Promise<{ claims: ProviderClaims; authTime: number | undefined } | Refusal> {
  try {
    const tokens = await client.authorizationCodeGrant(config, callback, {
      pkceCodeVerifier: verifier,
      expectedState,
      expectedNonce: nonce,
      idTokenExpected: true,
      ...(fresh ? { maxAge: FRESH_IN_SECONDS } : {}),
    })
    const id = tokens.claims()
    if (!id) return refuse('sign_in_failed', { why: 'id_token' })
    const lacks = [provider.groupsClaim, provider.rolesClaim, 'email'].some(
      (name) => name !== undefined && id[name] === undefined,
    )
    const more =
      lacks && config.serverMetadata().userinfo_endpoint !== undefined
        ? await client.fetchUserInfo(config, tokens.access_token, id.sub)
        : {}
    return { claims: claimsOf(provider, { ...more, ...id }), authTime: id.auth_time }
  } catch (fault) {
    const { code } = fault as { code?: unknown }
    return refuse('sign_in_failed', { why: typeof code === 'string' ? code : 'provider' })
  }
}

function claimsOf(
  provider: IdentityProvider,
  claims: Readonly<Record<string, unknown>> & { readonly sub: string },
): ProviderClaims {
  const text = (value: unknown) =>
    typeof value === 'string' && value.length > 0 && value.length <= 320 ? value : undefined
  const list = (name: string | undefined): string[] => {
    const value = name === undefined ? undefined : claims[name]
    const values: unknown[] = Array.isArray(value) ? value : [value]
    return values.filter(
      (one) => typeof one === 'string' && one.length > 0 && one.length <= 256,
    ) as string[]
  }
  return {
    subject: claims.sub,
    name: text(claims.name),
    mail: text(claims.email),
    // Entra ID says it by `xms_edov`, where the tenant asked for that claim.
    mailVerified: [claims.email_verified, claims.xms_edov].some((said) =>
      [true, 'true', 1, '1'].includes(said as string),
    ),
    groups: [...list(provider.groupsClaim), ...list(provider.rolesClaim)].slice(0, 1_000),
  }
}

/** Reads a provider's published metadata, and keeps it for a while as long as its settings stay the same. */
function createDiscovery(parts: ProviderSignInParts) {
  const { database, keys, clock } = parts
  const known = new BoundedCache<string, { config: client.Configuration; at: number }>(1_000)
  return async (tenantId: string, providerId: string): Promise<Discovered | Refusal> => {
    const { provider, secret } = await database.read(tenantId, async (reader) => ({
      provider: await readIdentityProvider(reader, providerId),
      secret: await openProviderSecret(reader, keys, providerId),
    }))
    if (!provider?.enabled) return refuse('not_found', { provider: providerId })
    const name = sha256(
      JSON.stringify([tenantId, providerId, provider.issuer, provider.clientId, secret]),
    ).toString('base64url')
    const kept = known.get(name)
    if (kept && clock.elapsed() - kept.at < DISCOVERED_FOR_MS)
      return { provider, config: kept.config }
    const issuer = new URL(provider.issuer)
    const insecure = issuer.protocol !== 'https:'
    if (insecure && !(parts.allowInsecureLoopback && isLoopback(issuer)))
      return refuse('sign_in_failed', { why: 'issuer_insecure' })
    try {
      const config = await client.discovery(
        issuer,
        provider.clientId,
        secret,
        secret === undefined ? client.None() : client.ClientSecretBasic(secret),
        {
          timeout: TIMEOUT_IN_SECONDS,
          execute: [
            client.enableNonRepudiationChecks,
            ...(insecure ? [client.allowInsecureRequests] : []),
          ],
        },
      )
      known.set(name, { config, at: clock.elapsed() })
      return { provider, config }
    } catch {
      return refuse('sign_in_failed', { why: 'discovery' })
    }
  }
}

function isLoopback(url: URL): boolean {
  return url.protocol === 'http:' && ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname)
}
