import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { Provider, interactionPolicy } from 'oidc-provider'

/** Who the provider says the person before it is. */
export interface ProviderPerson {
  readonly sub: string
  readonly email?: string
  readonly email_verified?: boolean
  readonly name?: string
  readonly groups?: readonly string[]
  readonly roles?: readonly string[]
}

export interface CustomerProvider {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  /** From now on, this person sits before the browser. */
  become(person: ProviderPerson): Promise<void>
  stop(): Promise<void>
}

const CLIENT = { clientId: 'sluss', clientSecret: 'customer-gave-this-to-sluss-0123456789' }

/** Starts a certified OpenID provider as a process of its own, in the place of the customer's. */
export async function startCustomerProvider(callbackUrl: string): Promise<CustomerProvider> {
  const child = fork(fileURLToPath(import.meta.url), [callbackUrl], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  const [port] = (await once(child, 'message')) as [number]
  return {
    ...CLIENT,
    issuer: `http://127.0.0.1:${port}`,
    become: async (person) => {
      child.send(person)
      await once(child, 'message')
    },
    stop: async () => {
      const ended = once(child, 'exit')
      child.kill()
      await ended
    },
  }
}

async function serve(callbackUrl: string): Promise<void> {
  let person: ProviderPerson = { sub: 'nobody' }
  const people = new Map<string, ProviderPerson>()
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const policy = interactionPolicy.base()
  policy.remove('consent')
  const provider = new Provider(`http://127.0.0.1:${port}`, {
    clients: [
      {
        client_id: CLIENT.clientId,
        client_secret: CLIENT.clientSecret,
        redirect_uris: [callbackUrl],
      },
    ],
    scopes: ['openid', 'email', 'profile'],
    claims: {
      openid: ['sub', 'groups', 'roles'],
      email: ['email', 'email_verified'],
      profile: ['name'],
    },
    conformIdTokenClaims: false,
    cookies: { keys: ['for-tests-only'] },
    features: { devInteractions: { enabled: false } },
    interactions: { policy, url: (_context, { uid }) => `/ask/${uid}` },
    findAccount: (_context, sub) => ({
      accountId: sub,
      claims: async () => ({ ...people.get(sub), sub }),
    }),
    loadExistingGrant: async ({ oidc }) => {
      const grant = new oidc.provider.Grant({
        clientId: oidc.client?.clientId ?? '',
        accountId: oidc.account?.accountId ?? '',
      })
      grant.addOIDCScope('openid email profile')
      await grant.save()
      return grant
    },
  })
  const handle = provider.callback()
  server.on('request', (request, response) => {
    if (request.url?.startsWith('/ask/'))
      void provider.interactionFinished(request, response, { login: { accountId: person.sub } })
    else void handle(request, response)
  })
  process.on('message', (given: ProviderPerson) => {
    person = given
    people.set(given.sub, given)
    process.send?.('ready')
  })
  process.send?.(port)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await serve(process.argv[2] ?? '')
