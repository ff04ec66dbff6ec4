import type { IncomingMessage } from 'node:http'
import { Provider } from 'oidc-provider'
import { INSTALLATION } from '#database/handles.ts'
import { clientIdOf } from '../service-principal.ts'
import { createSecretCheck } from './clients.ts'
import { issuerConfiguration } from './configuration.ts'
import { ISSUER_PREFIX, type Interaction, type Issuer, type IssuerParts } from './issuer-parts.ts'
import { removeExpired } from './store.ts'

/** The installation's one issuer of API tokens. The operator's realm must have its keys already. */
export async function createIssuer(parts: IssuerParts): Promise<Issuer> {
  const { database, keys, clock, origin } = parts
  if (new URL(origin).origin !== origin)
    throw new RangeError('an origin is scheme, host and port only')
  const issuer = `${origin}${ISSUER_PREFIX}`
  const cookieKey = await database.read(INSTALLATION, (reader) =>
    keys.pseudonymKey(reader, 'sign-in-cookies'),
  )
  const jwk = await keys.signingJwk('tokens')
  const provider = new Provider(issuer, issuerConfiguration(parts, jwk, cookieKey))
  // What is behind the address people use (TLS ends there or here) is settled by the configured origin alone.
  provider.proxy = true
  const isSecret = createSecretCheck(parts)
  provider.Client.prototype.compareClientSecret = function (secret: string) {
    return isSecret(this.clientId, secret)
  }
  provider.on('server_error', (_context, fault: Error) => {
    parts.log.error('the issuer failed', { code: fault.name })
  })
  const handle = provider.callback()
  const withOrigin = (request: IncomingMessage): void => {
    delete request.headers['x-forwarded-host']
    delete request.headers['x-forwarded-for']
    request.headers['x-forwarded-proto'] = new URL(origin).protocol.slice(0, -1)
  }
  return {
    prefix: ISSUER_PREFIX,
    issuer,
    audience: origin,
    callback: (request, response) => {
      withOrigin(request)
      const url = request.url ?? '/'
      Object.assign(request, { originalUrl: url })
      request.url = url.slice(ISSUER_PREFIX.length) || '/'
      void handle(request, response)
    },
    interaction: async (request, response) => {
      withOrigin(request)
      const found = await provider.interactionDetails(request, response).catch(() => undefined)
      return found && interactionOf(found)
    },
    finish: (request, response, who) => {
      withOrigin(request)
      const login = {
        accountId: clientIdOf(who.tenantId, who.accountId),
        ts: Math.floor(who.authenticatedAt / 1000),
        amr: [...who.methods],
      }
      return provider.interactionResult(request, response, { login })
    },
    abort: (request, response) => {
      withOrigin(request)
      return provider.interactionResult(
        request,
        response,
        { error: 'access_denied', error_description: 'the sign-in was called off' },
        { mergeWithLastSubmission: false },
      )
    },
    removeExpired: () => database.write(INSTALLATION, (tx) => removeExpired(tx, clock.now())),
  }
}

type Details = Awaited<ReturnType<Provider['interactionDetails']>>

function interactionOf({ uid, params, prompt }: Details): Interaction {
  const text = (name: string): string | undefined => {
    const value = params[name]
    return typeof value === 'string' && value.length > 0 ? value : undefined
  }
  return {
    uid,
    clientId: text('client_id') ?? '',
    organisation: text('organisation'),
    fresh: prompt.reasons.some((reason) => reason !== 'no_session'),
    locales: text('ui_locales'),
  }
}
