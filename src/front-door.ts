import { readFile } from 'node:fs/promises'
import { type AccountParts, ensureOperatorRealm } from '#access/account.ts'
import { createAccessReader, holdersOf, readAccessOf } from '#access/effective-reader.ts'
import { steadyClock } from '#access/grant-clock.ts'
import { markingEffects } from '#access/idempotency.ts'
import { createIssuer } from '#access/issuer.ts'
import { firstAdminLink } from '#access/one-time-link.ts'
import { createPasskeySignIn } from '#access/passkey-sign-in.ts'
import { createPersonMarks } from '#access/person-mark.ts'
import { createProviderSignIn } from '#access/provider-sign-in.ts'
import { administratorsOf, makeAdministrator } from '#access/role-change.ts'
import { createRolePreviewer } from '#access/role-preview.ts'
import { createTokenCheck } from '#access/tokens.ts'
import { makeTokenKeyPair, readTokenFile } from '#connectors/apple-device-enrollment/token-file.ts'
import { INSTALLATION } from '#database/handles.ts'
import type { JobKind } from '#database/jobs.ts'
import type { Log } from '#foundation/log.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { type EndpointParts, allEndpoints } from '#http/api/all-endpoints.ts'
import { createApi } from '#http/api/create-api.ts'
import { startServer } from '#http/server.ts'
import { issuerPages } from '#http/sign-in/issuer-pages.ts'
import { signInRoutes } from '#http/sign-in/sign-in-routes.ts'
import { createAudiences } from '#notify/audience.ts'
import { createNotify } from '#notify/create-notify.ts'
import type { MailSettings } from '#notify/parts.ts'
import { countByTags, tagCarried } from '#records/count-by-tags.ts'
import { resolveScope } from '#records/resolve-scope.ts'
import { createSupport } from '#support/support.ts'
import { tenantIds } from '#tenants/tenant.ts'
import { tenantOfGrant } from '#viewing/grant-home.ts'
import { createViewing } from '#viewing/view.ts'
import type { Node } from './compose.ts'
import { SYNCHRONISE } from './jobs.ts'
import type { MailRelay, Settings } from './settings.ts'

/** Everything that people and programs reach over the installation's one port. */
export interface FrontDoor {
  readonly port: number
  /** Links for realms that have nobody who could let others in; each can be used once, within 24 hours. */
  firstLinks(): Promise<readonly FirstLink[]>
  close(): Promise<void>
}

export interface FirstLink {
  /** `INSTALLATION` is the operator's own realm. */
  readonly tenantId: string
  readonly url: string
}

export interface FrontDoorOptions {
  readonly node: Node
  readonly log: Log
  /** Where each connector's party is, the usual one first: a tenant chooses from these. */
  readonly partyOrigins: EndpointParts['origins']
}

/**
 * Opens the one port: logs, API, sign-in, health. The node's jobs are started with it, since much of what people ask
 * for is done by them.
 */
export async function openFrontDoor({
  node,
  log,
  partyOrigins,
}: FrontDoorOptions): Promise<FrontDoor> {
  const { settings } = node
  const undo: (() => Promise<unknown>)[] = []
  const keep = <Thing extends { close(): Promise<unknown> }>(thing: Thing): Thing => {
    undo.push(() => thing.close())
    return thing
  }
  const close = async (): Promise<void> => {
    for (const one of undo.toReversed()) await one()
    undo.length = 0
  }
  try {
    const people = await openPeople(node, log)
    keep(people.access)
    keep(people.tokens)
    const rooms = await openRooms(node, log, people)
    keep(rooms.viewing)
    keep(rooms.notify)
    const parts = endpointParts(node, people, rooms, partyOrigins)
    const jobs = await node.startJobs(jobKinds(people, rooms))
    const api = createApi({
      ...people,
      endpoints: allEndpoints({
        ...parts,
        appleEnrollment: appleEnrollment(async (tenantId, connectionId) => {
          await jobs.add(SYNCHRONISE, `${tenantId}/${connectionId}`, { tenantId, connectionId })
        }),
      }),
      lease: node.parts.lease,
      log,
      publicOrigin: settings.origin,
      now: () => people.clock.now(),
    })
    await rooms.notify.start()
    const server = await startServer({
      ...settings,
      ...node.parts,
      api,
      recordBundleRead: rooms.viewing.recordBundleRead,
      issuer: people.issuer,
      signIn: await signInRoutes({ ...people, origin: settings.origin }),
    })
    keep(server)
    return { port: server.port, firstLinks: () => firstLinks(node, people), close }
  } catch (fault) {
    await close()
    throw fault
  }
}

type People = Awaited<ReturnType<typeof openPeople>>
type Rooms = Awaited<ReturnType<typeof openRooms>>

/** Accounts, sign-in, tokens and roles. */
async function openPeople(node: Node, log: Log) {
  const { origin, insecureLoopback } = node.settings
  const { keys, lease } = node.parts
  // What an endpoint changes must know of the call that it is part of, so that a repeated call is run once.
  const database = markingEffects(node.database)
  const clock = steadyClock(node.parts.clock)
  await ensureOperatorRealm(database, keys)
  const accounts: AccountParts = {
    keys,
    marks: await createPersonMarks(database, keys),
    administrators: administratorsOf,
    makeAdministrator,
  }
  const base = { ...accounts, database, clock }
  const site = { id: new URL(origin).hostname, name: 'Sluss', origins: [origin] }
  const issuer = await createIssuer({
    ...base,
    log,
    origin,
    consoleRedirects: [],
    pages: issuerPages,
  })
  return {
    ...base,
    site,
    issuer,
    passkeys: createPasskeySignIn({ ...base, site }),
    providers: createProviderSignIn({
      ...base,
      callbackUrl: `${origin}/sign-in/callback`,
      allowInsecureLoopback: insecureLoopback,
    }),
    access: await createAccessReader({ database, lease }),
    tokens: await createTokenCheck({
      database,
      keys,
      lease,
      issuer: issuer.issuer,
      audience: issuer.audience,
    }),
  }
}

/** Looking, telling, and letting the operator's staff look. */
async function openRooms(node: Node, log: Log, { database, clock, site, access }: People) {
  const { settings } = node
  const { keys, catalog, decider, lease } = node.parts
  const base = { database, keys, catalog, lease, clock, log }
  const webhook = {
    allowHttp: settings.insecureLoopback,
    allowPrivateAddresses: settings.insecureLoopback,
  }
  const notify = createNotify({
    ...base,
    audiences: createAudiences({ keys, holders: holdersOf }),
    mail: settings.mail && (await mailSettings(settings.mail)),
    webhook,
    told: async (tenantId, { template, about, at }) => {
      if (template === 'support.providerApproved')
        await support.notified(tenantId, String(about.requestId), at)
    },
  })
  const { longestSupportMs: mostMs } = settings
  const support = createSupport({
    ...base,
    ...(mostMs === undefined ? {} : { limits: { mostMs } }),
    passkeys: { rpId: site.id, origins: site.origins },
    resolveRecords: (reader, scope) => resolveScope(reader, { keys, catalog }, scope),
    holds: async (reader, { accountId }, permission) =>
      (await readAccessOf(reader, accountId))?.may(permission) ?? false,
    holders: async (reader, permission) => [...(await holdersOf(reader, permission))],
    notify: notify.notify,
  })
  return { viewing: await createViewing({ ...base, decider, access }), notify, webhook, support }
}

function endpointParts(
  { settings, parts }: Node,
  people: People,
  { viewing, support, webhook }: Rooms,
  origins: EndpointParts['origins'],
): Omit<EndpointParts, 'appleEnrollment'> {
  const { catalog, decider } = parts
  const { database } = people
  return {
    ...people,
    catalog,
    viewing,
    support,
    webhook,
    origins,
    origin: settings.origin,
    sharing: { ...parts, database },
    holders: async (reader, permission) => [...(await holdersOf(reader, permission))],
    previewer: createRolePreviewer({ decider, catalog, countRecords: countByTags }),
    tagCarried,
    tenantOfGrant: (account, grantId) => tenantOfGrant(database, account, grantId),
    firstAdminLink: (tenantId, by) =>
      database.write(tenantId, async (tx) => {
        const token = await firstAdminLink(tx, people, by)
        return token === undefined ? undefined : linkTo(settings, token)
      }),
  }
}

function appleEnrollment(
  synchronise: (tenantId: string, connectionId: string) => Promise<void>,
): EndpointParts['appleEnrollment'] {
  return {
    makeKeyPair: makeTokenKeyPair,
    readTokenFile: (file, pair, now) => {
      const read = readTokenFile(file, pair, now)
      return isRefusal(read) ? read : { ...read }
    },
    synchronise,
  }
}

/** What time decides is right whether or not these ran; they write it down, and tidy up. */
function jobKinds({ issuer, clock }: People, { support }: Rooms): readonly JobKind<never>[] {
  return [
    {
      name: 'sweep-support',
      cron: '* * * * *',
      seconds: 300,
      tryAgain: false,
      run: async () => {
        await support.sweep(clock.now())
      },
    },
    {
      name: 'remove-expired-sign-ins',
      cron: '17 * * * *',
      seconds: 300,
      tryAgain: false,
      run: async () => {
        await issuer.removeExpired()
      },
    },
  ]
}

async function firstLinks(node: Node, people: People): Promise<readonly FirstLink[]> {
  const { database, clock } = people
  const tenants = await database.read(INSTALLATION, tenantIds)
  const links: FirstLink[] = []
  for (const tenantId of [INSTALLATION, ...tenants]) {
    const by = { actor: `node:${database.nodeId}`, at: clock.now() }
    const token = await database.write(tenantId, (tx) => firstAdminLink(tx, people, by))
    if (token !== undefined) links.push({ tenantId, url: linkTo(node.settings, token) })
  }
  return links
}

function linkTo({ origin }: Settings, token: string): string {
  return `${origin}/sign-in/link?token=${encodeURIComponent(token)}`
}

async function mailSettings(relay: MailRelay): Promise<MailSettings> {
  const { user, password, dkim, ...rest } = relay
  return {
    ...rest,
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
    ...(dkim
      ? {
          dkim: {
            domain: relay.from.slice(relay.from.lastIndexOf('@') + 1),
            selector: dkim.selector,
            privateKey: await readFile(dkim.keyFile, 'utf8'),
          },
        }
      : {}),
  }
}
