import * as oidc from 'openid-client'
import { isLoopback } from './address.ts'
import { EXIT, Failure, type Terminal } from './terminal.ts'
import type { StoredTokens, TokenStore } from './token-store.ts'
import type { Say } from './words/say.ts'

const CLIENT_ID = 'sluss-cli'
const SCOPE = 'openid offline_access api'
/** A token that ends sooner is refreshed before it is used. */
const MARGIN_IN_MS = 30_000

export interface SignIn {
  /** Signs in by the device flow: the person confirms a code in a browser, here or elsewhere. */
  byDevice(options: { organisation?: string; again?: boolean }): Promise<void>
  /** A token that is good now. @throws Failure when nobody is signed in, or not any more */
  token(): Promise<string>
  out(): Promise<void>
}

/** Sign-in to the issuer of one installation, with tokens kept between calls. */
export function signInTo(origin: string, terminal: Terminal, say: Say, store: TokenStore): SignIn {
  const { environment, clock } = terminal
  const issuer = new URL(`${origin}/oidc`)
  const insecure = issuer.protocol === 'http:' && isLoopback(issuer)
  const discover = (clientId: string, authentication: oidc.ClientAuth) =>
    oidc
      .discovery(issuer, clientId, undefined, authentication, {
        execute: insecure ? [oidc.allowInsecureRequests] : [],
      })
      .catch((thrown: unknown) => {
        throw new Failure(
          EXIT.unavailable,
          say('noAnswer', { url: origin, code: codeOf(thrown) }),
          say('noAnswerHint'),
        )
      })
  const tokensOf = (answer: oidc.TokenEndpointResponse): StoredTokens => ({
    accessToken: answer.access_token,
    expiresAt: clock.now() + (answer.expires_in ?? 60) * 1000,
    refreshToken: answer.refresh_token,
  })
  const keep = async (answer: oidc.TokenEndpointResponse): Promise<string> => {
    const tokens = tokensOf(answer)
    await store.keep(origin, tokens)
    return tokens.accessToken
  }
  const stored = async () => (await store.read()).tokens[origin]
  const fresh = (tokens: StoredTokens | undefined): string | undefined =>
    tokens && tokens.expiresAt - MARGIN_IN_MS > clock.now() ? tokens.accessToken : undefined

  const refresh = (): Promise<string> =>
    store.alone(async () => {
      // Another sluss may have done it meanwhile.
      const tokens = await stored()
      const good = fresh(tokens)
      if (good !== undefined) return good
      if (tokens?.refreshToken === undefined) throw gone(tokens ? 'sessionOver' : 'notSignedIn')
      const configuration = await discover(CLIENT_ID, oidc.None())
      try {
        return await keep(
          await oidc.refreshTokenGrant(configuration, tokens.refreshToken, { resource: origin }),
        )
      } catch (thrown) {
        if (!(thrown instanceof oidc.ResponseBodyError)) throw unreachable(thrown)
        await store.keep(origin, undefined)
        throw gone('sessionOver')
      }
    })
  /** In memory only: the secret stands in the environment, and a new token costs one call. */
  let ofService: StoredTokens | undefined
  const serviceToken = async (id: string, secret: string): Promise<StoredTokens> => {
    const configuration = await discover(id, oidc.ClientSecretBasic(secret))
    try {
      const parameters = { scope: 'api', resource: origin }
      return tokensOf(await oidc.clientCredentialsGrant(configuration, parameters))
    } catch (thrown) {
      throw new Failure(EXIT.notSignedIn, say('signInFailed', { code: codeOf(thrown) }))
    }
  }
  const gone = (key: 'sessionOver' | 'notSignedIn') =>
    new Failure(
      EXIT.notSignedIn,
      say(key, { url: origin }),
      say('notSignedInHint', { url: origin }),
    )
  const unreachable = (thrown: unknown) =>
    thrown instanceof Failure
      ? thrown
      : new Failure(
          EXIT.unavailable,
          say('noAnswer', { url: origin, code: codeOf(thrown) }),
          say('noAnswerHint'),
        )

  return {
    byDevice: async ({ organisation, again }) => {
      const configuration = await discover(CLIENT_ID, oidc.None())
      try {
        const device = await oidc.initiateDeviceAuthorization(configuration, {
          scope: SCOPE,
          resource: origin,
          ...(organisation === undefined ? {} : { organisation }),
          // The issuer keeps no `prompt` in a device flow, and turns an age of 0 into one.
          ...(again ? { max_age: '1' } : {}),
        })
        terminal.err(say('signInGo', { url: device.verification_uri, code: device.user_code }))
        terminal.err(say('signInWait', { minutes: Math.round(device.expires_in / 60) }))
        await keep(
          await oidc.pollDeviceAuthorizationGrant(configuration, device, { resource: origin }),
        )
      } catch (thrown) {
        if (thrown instanceof TypeError && !('code' in thrown)) throw unreachable(thrown)
        const code = codeOf(thrown)
        throw new Failure(EXIT.notSignedIn, say('signInFailed', { code }), say('signInFailedHint'))
      }
    },
    token: async () => {
      const { SLUSS_TOKEN, SLUSS_CLIENT_ID, SLUSS_CLIENT_SECRET } = environment
      if (SLUSS_TOKEN) return SLUSS_TOKEN
      if (SLUSS_CLIENT_ID && SLUSS_CLIENT_SECRET) {
        const good = fresh(ofService)
        if (good !== undefined) return good
        ofService = await serviceToken(SLUSS_CLIENT_ID, SLUSS_CLIENT_SECRET)
        return ofService.accessToken
      }
      return fresh(await stored()) ?? (await refresh())
    },
    out: async () => {
      const tokens = await stored()
      await store.keep(origin, undefined)
      if (tokens?.refreshToken === undefined) return
      const configuration = await discover(CLIENT_ID, oidc.None())
      await oidc.tokenRevocation(configuration, tokens.refreshToken).catch(() => undefined)
    },
  }
}

/** A code that says enough and quotes nothing: of OAuth where there is one, or of the connection. */
function codeOf(thrown: unknown): string {
  if (thrown instanceof oidc.WWWAuthenticateChallengeError)
    return thrown.cause[0]?.parameters.error ?? `http_${thrown.status}`
  const { error, code, cause } = thrown as { error?: string; code?: string; cause?: unknown }
  const inner = (cause as { code?: string } | undefined)?.code
  return error ?? inner ?? code ?? 'fault'
}
