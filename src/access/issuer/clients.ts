import { randomBytes } from 'node:crypto'
import type { Adapter, AdapterPayload, ClientMetadata } from 'oidc-provider'
import { readAccount } from '../account.ts'
import { accountOfSubject, checkSecret } from '../service-principal.ts'
import { createRefusedSignIns } from '../sign-in.ts'
import type { StoreParts } from './store.ts'

export const CONSOLE_CLIENT = 'sluss-console'
export const CLI_CLIENT = 'sluss-cli'

/** The clients that ship: both public, both with proof of possession of the code (PKCE or the device's). */
export function shippedClients(consoleRedirects: readonly string[]): ClientMetadata[] {
  const cli: ClientMetadata = {
    client_id: CLI_CLIENT,
    client_name: 'Sluss command line',
    application_type: 'native',
    token_endpoint_auth_method: 'none',
    grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
    response_types: [],
    redirect_uris: [],
  }
  if (consoleRedirects.length === 0) return [cli]
  const console: ClientMetadata = {
    client_id: CONSOLE_CLIENT,
    client_name: 'Sluss',
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    redirect_uris: [...consoleRedirects],
    post_logout_redirect_uris: [...new Set(consoleRedirects.map((uri) => new URL('/', uri).href))],
  }
  return [cli, console]
}

/** The library wants a secret in a client's metadata; ours are hashes elsewhere, and nothing is compared with this. */
const NO_SECRET = randomBytes(32).toString('base64url')

/** Finds service principals as clients, by their id `<tenant>/<account>`. */
export class ServiceClients implements Adapter {
  readonly #parts: StoreParts

  constructor(parts: StoreParts) {
    this.#parts = parts
  }

  async find(id: string): Promise<AdapterPayload | undefined> {
    const named = accountOfSubject(id)
    if (!named) return undefined
    const account = await this.#parts.database.read(named.tenantId, (reader) =>
      readAccount(reader, named.accountId),
    )
    if (account?.kind !== 'service' || account.state !== 'active') return undefined
    return {
      client_id: id,
      client_secret: NO_SECRET,
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: ['client_credentials'],
      response_types: [],
      redirect_uris: [],
    }
  }

  async upsert(): Promise<void> {
    throw new Error('clients are made as service principals')
  }
  async findByUserCode(): Promise<undefined> {}
  async findByUid(): Promise<undefined> {}
  async consume(): Promise<void> {}
  async destroy(): Promise<void> {}
  async revokeByGrantId(): Promise<void> {}
}

/** Checks clients' secrets; a wrong one is an entry in the log of the client's tenant. */
export function createSecretCheck({
  database,
  clock,
}: StoreParts): (clientId: string, secret: string) => Promise<boolean> {
  const refusals = createRefusedSignIns()
  return async (clientId, secret) => {
    const named = accountOfSubject(clientId)
    if (!named) return false
    const { tenantId, accountId } = named
    const right = await database.read(tenantId, (reader) =>
      checkSecret(reader, accountId, secret, clock.now()),
    )
    const refused = { method: 'secret', reason: 'sign_in_failed', accountId } as const
    if (!right) await database.write(tenantId, (tx) => refusals.record(tx, refused, clock.now()))
    return right
  }
}
