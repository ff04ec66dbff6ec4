import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { HttpBindings } from '@hono/node-server'
import { Hono } from 'hono'
import { ensureOperatorRealm } from '#access/account.ts'
import { createAccount } from '#access/account-updates.ts'
import { createAccessReader, holdersOf } from '#access/effective-reader.ts'
import { type Issuer, createIssuer } from '#access/issuer.ts'
import { createPersonMarks, type PersonMarks } from '#access/person-mark.ts'
import type { Principal } from '#access/principal.ts'
import { makeAdministrator } from '#access/role-change.ts'
import { addSecret, clientIdOf } from '#access/service-principal.ts'
import { createTokenCheck } from '#access/tokens.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { INSTALLATION } from '#database/handles.ts'
import { systemClock } from '#foundation/clock.ts'
import { silentLog } from '#foundation/log.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { ownAccountEndpoints } from '#http/api/accounts/me.ts'
import { ownKeyEndpoints } from '#http/api/accounts/own-keys.ts'
import type { AccountEndpointParts } from '#http/api/accounts/shared.ts'
import { createApi } from '#http/api/create-api.ts'
import { messageEndpoints } from '#http/api/messages/messages.ts'
import { effectivePermissionEndpoints } from '#http/api/roles/effective-permissions.ts'
import { consentEndpoints } from '#http/api/sharing/consents.ts'
import { featureEndpoints } from '#http/api/sharing/features.ts'
import { supportEndpoints } from '#http/api/support/endpoints.ts'
import { startServer } from '#http/server.ts'
import { issuerPages } from '#http/sign-in/issuer-pages.ts'
import { createKeys } from '#keys/create-keys.ts'
import { fileRootKey } from '#keys/root-key.ts'
import { createAudiences } from '#notify/audience.ts'
import { createNotify } from '#notify/create-notify.ts'
import type { NotifyParts } from '#notify/parts.ts'
import type { SupportParts } from '#support/parts.ts'
import { type Support, createSupport } from '#support/support.ts'
import { createTenant } from '#tenants/create-tenant.ts'
import { freePort } from '../../../sandbox/free-port.ts'
import { type TestDatabase, testDatabase } from '../../database.ts'

export const TENANT = 'acme'
export const RECORDS = [
  '66666666-6666-4666-8666-666666666661',
  '66666666-6666-4666-8666-666666666662',
]

/** The real rooms behind one port. Only the passkey is left out: whoever opens the sign-in page is `admin`. */
export interface RealInstallation {
  readonly test: TestDatabase
  readonly origin: string
  readonly folder: string
  readonly admin: Principal
  readonly support: Support
  readonly notify: NotifyParts
  /** How often the sign-in page was opened. */
  visits(): number
  operator(name: string): Promise<Principal>
  /** A service principal that may do everything in the tenant, as a script has it in its environment. */
  service(): Promise<{ SLUSS_CLIENT_ID: string; SLUSS_CLIENT_SECRET: string }>
  stop(): Promise<void>
}

const clock = systemClock
const holders: SupportParts['holders'] = async (reader, permission) => [
  ...(await holdersOf(reader, permission)),
]
const lease = {
  held: () => true,
  deadNodes: async () => [],
  forget: async () => undefined,
  stop: async () => undefined,
}

export async function startRealInstallation(): Promise<RealInstallation> {
  const test = await testDatabase()
  const folder = await mkdtemp(join(tmpdir(), 'sluss-cli-'))
  const { database } = test
  const keys = await createKeys({ database, rootKey: await fileRootKey(join(folder, 'root.key')) })
  await ensureOperatorRealm(database, keys)
  const marks = await createPersonMarks(database, keys)
  const by = { actor: 'operator:test', at: clock.now() }
  await database.write(TENANT, (tx) =>
    createTenant(tx, keys, { name: 'Acme', region: 'EU', ...by }),
  )
  const person = personIn(test, { keys, marks })
  const admin = await person(TENANT, 'Alva')
  await database.write(TENANT, (tx) => makeAdministrator(tx, admin.accountId, by))

  const port = await freePort()
  const origin = `http://127.0.0.1:${port}`
  const parts = { database, keys, clock, log: silentLog, origin }
  const issuer = await createIssuer({ ...parts, consoleRedirects: [], pages: issuerPages })
  const { issuer: name, audience } = issuer
  const tokens = await createTokenCheck({ ...parts, lease, issuer: name, audience })
  const access = await createAccessReader({ database, lease })
  const notify: NotifyParts = {
    ...parts,
    lease,
    audiences: createAudiences({ keys, holders: holdersOf }),
    mail: undefined,
    webhook: { allowHttp: false, allowPrivateAddresses: false },
    told: async (tenantId, { template, about, at }) => {
      if (template === 'support.providerApproved')
        await support.notified(tenantId, String(about.requestId), at)
    },
  }
  const support = createSupport({
    ...parts,
    catalog: shippedCatalog,
    lease,
    passkeys: { rpId: '127.0.0.1', origins: [origin] },
    resolveRecords: async (_, scope) => (scope.kind === 'query' ? [] : scope.ids),
    holds: async (reader, { accountId }, permission) =>
      reader.tenantId === INSTALLATION || (await holdersOf(reader, permission)).has(accountId),
    holders,
    notify: createNotify(notify).notify,
  })
  const account: AccountEndpointParts = {
    ...parts,
    marks,
    administrators: async () => new Set([admin.accountId]),
    makeAdministrator,
    site: { id: '127.0.0.1', name: 'Sluss', origins: [origin] },
  }
  const api = createApi({
    ...parts,
    endpoints: [
      ...messageEndpoints(parts),
      ...featureEndpoints({ database, catalog: shippedCatalog }),
      ...consentEndpoints({ database, catalog: shippedCatalog }),
      ...ownAccountEndpoints(account),
      ...ownKeyEndpoints(account),
      ...effectivePermissionEndpoints({ database, access } as never),
      ...supportEndpoints({ ...parts, support, holders }),
    ],
    tokens,
    access,
    lease,
    now: () => clock.now(),
  })
  const signIn = signInAs(issuer, admin)
  const server = await startServer({
    ...parts,
    lease,
    ledgerName: 'sluss.example',
    host: '127.0.0.1',
    port,
    api,
    signIn: signIn.app as never,
    issuer,
  })
  return {
    test,
    origin,
    folder,
    admin,
    support,
    notify,
    visits: () => signIn.visits(),
    operator: (who) => person(INSTALLATION, who),
    service: () =>
      database.write(TENANT, async (tx) => {
        const account = { kind: 'service' as const, displayName: 'Nightly export' }
        const accountId = await createAccount(tx, { keys, marks }, account, by)
        if (isRefusal(accountId)) throw new Error(accountId.refused)
        await makeAdministrator(tx, accountId, by)
        const made = await addSecret(tx, accountId, by)
        if (isRefusal(made)) throw new Error(made.refused)
        return { SLUSS_CLIENT_ID: clientIdOf(TENANT, accountId), SLUSS_CLIENT_SECRET: made.secret }
      }),
    stop: async () => {
      await server.close()
      await tokens.close()
      await access.close()
      await keys.close()
      await test.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function signInAs(issuer: Issuer, { tenantId, accountId }: Principal) {
  const app = new Hono<{ Bindings: HttpBindings }>()
  let visits = 0
  app.get('/sign-in', async (context) => {
    const { incoming, outgoing } = context.env
    if (!(await issuer.interaction(incoming, outgoing))) return context.text('nothing', 404)
    visits++
    const who = { tenantId, accountId, authenticatedAt: clock.now(), methods: ['hwk'] }
    return context.redirect(await issuer.finish(incoming, outgoing, who))
  })
  return { app, visits: () => visits }
}

function personIn(
  { database }: TestDatabase,
  parts: { keys: Awaited<ReturnType<typeof createKeys>>; marks: PersonMarks },
) {
  return async (tenantId: string, name: string): Promise<Principal> => {
    const mail = `${name.toLowerCase()}@example.org`
    const account = { kind: 'person' as const, displayName: `${name} Example`, mail }
    const by = { actor: 'operator:test', at: clock.now() }
    const accountId = await database.write(tenantId, (tx) =>
      createAccount(tx, parts, { ...account, language: 'sv' }, by),
    )
    if (isRefusal(accountId)) throw new Error(accountId.refused)
    return {
      tenantId,
      accountId,
      kind: 'person',
      groups: [],
      personMarks: [parts.marks.ofMail(mail)],
      language: 'sv',
      authenticatedAt: clock.now(),
      methods: ['hwk'],
    }
  }
}
