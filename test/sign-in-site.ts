import { rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { getRequestListener } from '@hono/node-server'
import { type AccountParts, ensureOperatorRealm } from '#access/account.ts'
import { createIssuer, type Issuer } from '#access/issuer.ts'
import { createPasskeySignIn, type PasskeySignIn } from '#access/passkey-sign-in.ts'
import type { PasskeySite } from '#access/passkey.ts'
import { createPersonMarks } from '#access/person-mark.ts'
import { createProviderSignIn } from '#access/provider-sign-in.ts'
import { administratorsOf, makeAdministrator } from '#access/role-change.ts'
import { createTokenCheck, type TokenCheck } from '#access/tokens.ts'
import type { Database } from '#database/handles.ts'
import { systemClock } from '#foundation/clock.ts'
import { silentLog } from '#foundation/log.ts'
import { issuerPages } from '#http/sign-in/issuer-pages.ts'
import { signInRoutes } from '#http/sign-in/sign-in-routes.ts'
import { createKeys, type KeyRoom } from '#keys/create-keys.ts'
import { fileRootKey } from '#keys/root-key.ts'
import { createTenant } from '#tenants/create-tenant.ts'
import { type TestDatabase, testDatabase } from './database.ts'
import { temporaryFolder } from './folder.ts'

export interface AccessRoom {
  readonly test: TestDatabase
  readonly database: Database
  readonly keys: KeyRoom
  readonly parts: AccountParts
  stop(): Promise<void>
}

/** A database with keys, the operator's realm and two tenants, `acme` and `beta`. */
export async function accessRoom(): Promise<AccessRoom> {
  const test = await testDatabase()
  const folder = await temporaryFolder('access')
  const { database } = test
  const keys = await createKeys({ database, rootKey: await fileRootKey(join(folder, 'root.key')) })
  await ensureOperatorRealm(database, keys)
  for (const tenant of ['acme', 'beta'])
    await database.write(tenant, (tx) =>
      createTenant(tx, keys, { name: tenant, region: 'eu', actor: 'test', at: systemClock.now() }),
    )
  const parts: AccountParts = {
    keys,
    marks: await createPersonMarks(database, keys),
    administrators: administratorsOf,
    makeAdministrator,
  }
  return {
    test,
    database,
    keys,
    parts,
    stop: async () => {
      await keys.close()
      await test.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export interface SignInSite extends AccessRoom {
  readonly origin: string
  readonly issuer: Issuer
  readonly passkeys: PasskeySignIn
  readonly site: PasskeySite
  readonly tokens: TokenCheck
  readonly lease: { held(): boolean; hold(held: boolean): void }
}

/** Everything that signing in needs, on a port of its own, reached as `localhost` because passkeys want a name. */
export async function startSignInSite(): Promise<SignInSite> {
  const room = await accessRoom()
  const { database, keys, parts } = room
  const clock = systemClock
  const server = createServer()
  await listen(server)
  const origin = `http://localhost:${(server.address() as AddressInfo).port}`
  const issuer = await createIssuer({
    database,
    keys,
    clock,
    log: silentLog,
    origin,
    consoleRedirects: [`${origin}/signed-in`],
    pages: issuerPages,
  })
  const site = { id: 'localhost', name: 'Sluss', origins: [origin] }
  const passkeys = createPasskeySignIn({ database, keys, clock, site })
  const providers = createProviderSignIn({
    ...parts,
    database,
    clock,
    callbackUrl: `${origin}/sign-in/callback`,
    allowInsecureLoopback: true,
  })
  const app = await signInRoutes({ origin, issuer, passkeys, providers, database, clock })
  app.get('/signed-in', (context) => context.text('signed in'))
  const listener = getRequestListener(app.fetch)
  server.on('request', (request, response) => {
    if (request.url?.startsWith(`${issuer.prefix}/`)) issuer.callback(request, response)
    else void listener(request, response)
  })
  let held = true
  const lease = {
    held: () => held,
    hold: (now: boolean) => {
      held = now
    },
  }
  const tokens = await createTokenCheck({
    database,
    keys,
    lease,
    issuer: issuer.issuer,
    audience: issuer.audience,
  })
  return {
    ...room,
    origin,
    issuer,
    passkeys,
    site,
    tokens,
    lease,
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => {
        server.close(resolve)
      })
      await tokens.close()
      await room.stop()
    },
  }
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    // Chromium asks the name `localhost` by IPv4 and IPv6 alike; both belong to this machine alone.
    server.listen(0, 'localhost', resolve)
  })
}
