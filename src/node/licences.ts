import { listConnections, readConnection } from '#connections/connection.ts'
import { issueEventSecret, openCredentials, storeCredentials } from '#connections/credentials.ts'
import { takeVppWarning } from '#connections/vpp-token-warning.ts'
import {
  APPS_AND_BOOKS,
  vppTokensWithNews,
  wantVppSynchronisation,
} from '#connections/vpp-token.ts'
import { EXCHANGES } from '#connectors/apple-apps-and-books/exchanges.ts'
import { type Database, INSTALLATION, type Transaction } from '#database/handles.ts'
import type { JobKind, Jobs } from '#database/jobs.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import type { Wakes } from '#intake/event-source.ts'
import type { Notify } from '#notify/create-notify.ts'
import { hastenPartyEvents } from '#sharing/party-event.ts'
import type { Node } from '../compose.ts'
import { followPartyEvents } from './follow-party-events.ts'
import { synchroniseLicences } from './synchronise-licences.ts'

/** What ties Apps and Books to the node: its jobs, and what notifications and endpoints set going. */

export const SYNCHRONISE_LICENCES = 'synchronise-licences'
type Parts = Pick<Node, 'parts' | 'sharing' | 'database' | 'settings'>

interface Target extends Readonly<Record<string, string>> {
  readonly tenantId: string
  readonly connectionId: string
}

export function licenceJobKinds(
  node: Parts,
  jobs: () => Jobs | undefined,
): readonly JobKind<never>[] {
  const add = (target: Target) =>
    jobs()?.add(SYNCHRONISE_LICENCES, `${target.tenantId}/${target.connectionId}`, target)
  const plan: JobKind<Readonly<Record<string, string>>> = {
    name: 'plan-licences',
    cron: node.settings.synchroniseCron,
    seconds: 300,
    tryAgain: false,
    run: () => planLicences(node, add),
  }
  const news: JobKind<Readonly<Record<string, string>>> = {
    name: 'follow-party-events',
    cron: '* * * * *',
    seconds: 300,
    tryAgain: false,
    run: async () => {
      await followPartyEvents(node)
      const now = node.sharing.gate.now()
      const found = await node.database.read(INSTALLATION, (reader) =>
        vppTokensWithNews(reader, now),
      )
      for (const target of found) await add(target)
    },
  }
  const synchronise: JobKind<Target> = {
    name: SYNCHRONISE_LICENCES,
    concurrency: 2,
    seconds: 6 * 3_600,
    tryAgain: true,
    run: async ({ tenantId, connectionId }) => {
      const result = await synchroniseLicences(node, tenantId, connectionId)
      const told = isRefusal(result)
        ? { refusal: result.refused }
        : { count: result.people + result.devices }
      node.parts.log.info('licences were asked for', { tenantId, connectionId, ...told })
    },
  }
  return [plan, news, synchronise]
}

/** Adds a synchronisation for each connection whose gate is open: a closed one is not asked by the clock. */
export async function planLicences(
  node: Parts,
  add: (target: Target) => Promise<unknown> | undefined,
): Promise<void> {
  const users = exchangeOf('apple.vpp.users')
  const connections = await node.database.read(INSTALLATION, listConnections)
  for (const { tenantId, connectionId, connectorId } of connections) {
    if (connectorId !== APPS_AND_BOOKS) continue
    const gate = await node.sharing.gate.open(tenantId, connectionId, users)
    if (isRefusal(gate) || gate.refusal) continue
    await add({ tenantId, connectionId })
  }
}

/** Tells people in time that a content token ends, and when it has. */
export function licenceWarningJob(
  { database, now }: { readonly database: Database; readonly now: () => number },
  notify: Notify,
): JobKind<never> {
  return {
    name: 'warn-of-vpp-tokens',
    cron: '41 5 * * *',
    seconds: 3_600,
    tryAgain: true,
    run: async () => {
      await warnOfVppTokens(database, notify, now())
    },
  }
}

/** @returns how many were told */
export async function warnOfVppTokens(
  database: Database,
  notify: Pick<Notify, 'notify'>,
  now: number,
): Promise<number> {
  let told = 0
  for (const target of await database.read(INSTALLATION, listConnections)) {
    if (target.connectorId !== APPS_AND_BOOKS) continue
    const { tenantId, connectionId } = target
    const warned = await database.write(tenantId, async (tx) => {
      const warning = await takeVppWarning(tx, connectionId, now)
      if (!warning) return false
      await notify.notify(tx, {
        tenantId,
        template: warning.days > 0 ? 'vppToken.ends' : 'vppToken.ended',
        audience: ['administrators'],
        about: { connectionId, count: warning.days, until: toTimestamp(warning.end) },
      })
      return true
    })
    if (warned) told++
  }
  return told
}

/** In the commit of a notification: what it is about is asked for soon. */
export async function wakeLicences(
  tx: Transaction,
  connectionId: string,
  { partyEvents, synchronise }: Wakes,
  now: number,
): Promise<void> {
  await hastenPartyEvents(tx, connectionId, partyEvents, now)
  if (synchronise) await wantVppSynchronisation(tx, connectionId, now)
}

/**
 * Asks Apple to send notifications to this installation. Apple sends one to try it before it answers.
 *
 * @returns whether Apple agreed, and the entry that says so; or why it was not asked
 */
export async function subscribeToNotifications(
  node: Parts,
  tenantId: string,
  connectionId: string,
  by: { readonly actor: string; readonly at: number },
): Promise<{ readonly entryId: string; readonly isSubscribed: boolean } | Refusal> {
  const { database, settings, sharing, parts } = node
  const url = `${settings.origin}/ingest/${tenantId}.${connectionId}`
  const refusal = await database.write(tenantId, async (tx) => {
    const connection = await readConnection(tx, connectionId)
    const kept = await openCredentials(tx, parts.keys, connectionId)
    if (!connection || !kept) return refuse('credentials_missing', { connection: connectionId })
    const secret = await issueEventSecret(tx, parts.keys, connectionId, by)
    const { credentialsExpireAt: expiresAt } = connection
    return storeCredentials(
      tx,
      parts.keys,
      connectionId,
      { ...kept, notification_url: url, notification_token: secret },
      { force: true, ...(expiresAt === undefined ? {} : { expiresAt }) },
      by,
    )
  })
  if (refusal) return refusal
  const body = {
    notificationUrl: 'sluss',
    notificationTypes: ['ASSET_COUNT', 'ASSET_MANAGEMENT', 'USER_MANAGEMENT', 'USER_ASSOCIATED'],
  }
  const shared = await sharing.share({
    tenantId,
    connectionId,
    exchange: exchangeOf('apple.vpp.setClientConfig'),
    call: {
      method: 'POST',
      query: new URLSearchParams(),
      body: Buffer.from(JSON.stringify(body)),
    },
    actor: by.actor,
  })
  if (isRefusal(shared)) return shared
  return {
    entryId: shared.entryId,
    isSubscribed: !('failed' in shared) && shared.raw.status === 200,
  }
}

function exchangeOf(id: string) {
  const found = EXCHANGES.find((exchange) => exchange.id === id)
  if (!found) throw new RangeError(`no exchange ${id}`)
  return found
}
