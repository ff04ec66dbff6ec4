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
import { noticeDelivered, noticeUndelivered } from '#breach/notice-delivery.ts'
import { jamfHistoricWebhooks, jamfWebhooks } from '#connectors/jamf-pro/webhooks.ts'
import { appsAndBooksNotifications } from '#connectors/apple-apps-and-books/notifications.ts'
import { microMdm, nanoMdm } from '#connectors/mdm-events/source.ts'
import { makeTokenKeyPair, readTokenFile } from '#connectors/apple-device-enrollment/token-file.ts'
import type { Log } from '#foundation/log.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { type EndpointParts } from '#http/api/all-endpoints.ts'
import { issuerPages } from '#http/sign-in/issuer-pages.ts'
import { acknowledgeRoutes } from '#http/api/incidents/notice-routes.ts'
import { correspondenceRoutes } from '#http/api/incidents/relay-routes.ts'
import { ingestRoutes } from '#http/ingest/ingest-routes.ts'
import { createAudiences } from '#notify/audience.ts'
import { createNotify } from '#notify/create-notify.ts'
import { type WebhookCall, callWebhook } from '#notify/signed-call.ts'
import type { MailSettings } from '#notify/parts.ts'
import { countByTags, tagCarried } from '#records/count-by-tags.ts'
import { resolveScope } from '#records/resolve-scope.ts'
import type { RightsParts } from '#subjects/parts.ts'
import { createSupport } from '#support/support.ts'
import { tenantOfGrant } from '#viewing/grant-home.ts'
import { createViewing } from '#viewing/view.ts'
import type { Node } from '../compose.ts'
import { wakeLicences } from './licences.ts'
import type { MailRelay, Settings } from '../settings.ts'
import { personalDataHolders } from './subject-rights.ts'

export type People = Awaited<ReturnType<typeof openPeople>>
export type Rooms = Awaited<ReturnType<typeof openRooms>>

/** Accounts, sign-in, tokens and roles. */
export async function openPeople(node: Node, log: Log) {
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
export async function openRooms(node: Node, log: Log, people: People) {
  const { database, clock, site, access } = people
  const { settings } = node
  const { keys, catalog, decider, lease } = node.parts
  const base = { database, keys, catalog, lease, clock, log }
  const webhook = {
    allowHttp: settings.insecureLoopback,
    allowPrivateAddresses: settings.insecureLoopback,
    ...(settings.noticeWebhookAgent === undefined
      ? {}
      : { operatorsRunBy: { agent: settings.noticeWebhookAgent } }),
  }
  const notify = createNotify({
    ...base,
    audiences: createAudiences({ keys, holders: holdersOf }),
    mail: settings.mail && (await mailSettings(settings.mail)),
    webhook,
    escalate: noticeUndelivered,
    delivered: noticeDelivered,
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
  const sources = new Map(
    [
      nanoMdm,
      microMdm,
      jamfWebhooks,
      jamfHistoricWebhooks,
      appsAndBooksNotifications(() => clock.now()),
      ...node.eventSources,
    ].map((source) => [source.connectorId, source]),
  )
  const sourcesNow = node.partners.sources(sources)
  const ingest = await ingestRoutes({ ...base, decider, sources: sourcesNow, woken: wakeLicences })
  ingest.app.route('/', correspondenceRoutes({ breach: base, clock, lease }))
  ingest.app.route('/', acknowledgeRoutes({ breach: base, clock, lease }))
  return {
    rights: {
      ...base,
      accounts: people,
      ledgerName: settings.ledgerName,
      settled: () => node.sequencer.settled(),
      holders: personalDataHolders(people, () => clock.now()),
    } satisfies RightsParts,
    viewing: await createViewing({ ...base, decider, access }),
    ingest,
    telling: { ...base, post: (call: WebhookCall) => callWebhook(webhook, call) },
    notify,
    webhook,
    support,
  }
}

/** What the endpoints of all areas work with, but for what only the node's jobs can do. */
export function endpointParts(
  { settings, parts, partners, sequencer }: Node,
  people: People,
  { viewing, support, webhook, rights }: Rooms,
  origins: EndpointParts['origins'],
): Omit<EndpointParts, 'partners' | 'appleEnrollment' | 'androidEnterprise' | 'vpp'> {
  const { catalog, decider } = parts
  const { database } = people
  return {
    ...people,
    catalog,
    viewing,
    support,
    rights,
    breach: { database, keys: parts.keys, catalog, settled: () => sequencer.settled() },
    reports: { database, keys: parts.keys },
    webhook,
    origins: partners.origins(origins),
    origin: settings.origin,
    gatewayPorts: { ...settings.gatewayPorts, except: [settings.port] },
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

export function appleEnrollment(
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

/** Where a one-time link leads. */
export function linkTo({ origin }: Settings, token: string): string {
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
