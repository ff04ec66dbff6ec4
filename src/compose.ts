import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createDecider } from '#access/create-decider.ts'
import { loadPolicies } from '#access/policies.ts'
import type { Catalog } from '#catalog/catalog.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import type { GatewayAddress } from '#connections/connection.ts'
import { googleAndroidManagement } from '#connectors/google-android-management/client.ts'
import { appleAppsAndBooks } from '#connectors/apple-apps-and-books/client.ts'
import { appleDeviceEnrollment } from '#connectors/apple-device-enrollment/client.ts'
import { googleEvents } from '#connectors/google-events/source.ts'
import { type TokenIssuer, tokenVerifier } from '#connectors/google-events/verify-token.ts'
import { jamfPro, jamfProHistoric } from '#connectors/jamf-pro/client.ts'
import { createTransport } from '#connectors/transport.ts'
import { type BundledServer, startBundled } from '#database/bundled/server.ts'
import { openDatabase } from '#database/database.ts'
import type { Database } from '#database/handles.ts'
import { type JobKind, type Jobs, installJobs, startJobs } from '#database/jobs.ts'
import { type Lease, holdLease } from '#database/lease.ts'
import { migrate } from '#database/migrate.ts'
import type { Clock } from '#foundation/clock.ts'
import { newId } from '#foundation/ids.ts'
import type { Log } from '#foundation/log.ts'
import type { EventSource } from '#intake/event-source.ts'
import type { GatewayListener } from '#http/gateway/listener.ts'
import { type KeyRoom, createKeys } from '#keys/create-keys.ts'
import { fileRootKey } from '#keys/root-key.ts'
import { type Sequencer, startSequencer } from '#ledger/sequencer.ts'
import { publicLookup } from '#notify/channels/private-address.ts'
import { createSubjectNames } from '#records/name-subjects.ts'
import type { Connector } from '#sharing/exchange.ts'
import type { SharingParts, SharePoint } from '#sharing/parts.ts'
import { type Sharing, createSharing } from '#sharing/share.ts'
import { createGateways } from './node/gateways.ts'
import { jobKinds } from './node/jobs.ts'
import { type Partners, openPartners } from './node/partners.ts'
import { type PushOptions, openPush } from './node/push-gateways.ts'
import type { Settings } from './settings.ts'

const ROOT = join(import.meta.dirname, '..')
const RECOVER_EVERY_IN_MS = 5_000

export interface Node {
  readonly settings: Settings
  readonly database: Database
  readonly bundled: BundledServer | undefined
  readonly keys: KeyRoom
  readonly sequencer: Sequencer
  readonly sharing: Sharing
  readonly partners: Partners
  readonly parts: SharingParts
  /** Sources of events that ask another party for its keys. */
  readonly eventSources: readonly EventSource[]
  /** Opens the gateway of one connection. */
  openGateway(address: GatewayAddress): Promise<GatewayListener>
  /** Opens the gateways of all connections that have a port, and from then on follows what ports they are given. */
  openGateways(): Promise<readonly GatewayListener[]>
  /** Begins with the work that runs by itself. */
  startJobs(more?: readonly JobKind<never>[]): Promise<Jobs>
  stop(): Promise<void>
}

export interface ComposeOptions {
  readonly settings: Settings
  readonly clock: Clock
  readonly log: Log
  readonly catalog?: Catalog
  readonly reached?: (point: SharePoint) => void | Promise<void>
  readonly transport?: Parameters<typeof createTransport>[1]
  /** Where access tokens of Google service accounts may be asked for; Google's own when left out. */
  readonly googleTokenEndpoints?: readonly string[]
  /** Where Apple's push service is; Apple's own when left out. */
  readonly push?: PushOptions
  /** Who signs the tokens of Google's pushes; Google when left out. */
  readonly googleIssuer?: TokenIssuer
}

/** Puts the rooms together into one running node. The only file that sees them all. */
export async function compose(options: ComposeOptions): Promise<Node> {
  const { settings, clock, log } = options
  const undo: (() => Promise<unknown>)[] = []
  const keep = <Thing>(thing: Thing, close: () => Promise<unknown>): Thing => {
    undo.push(close)
    return thing
  }
  const stop = async (): Promise<void> => {
    for (const close of undo.toReversed()) await close()
    undo.length = 0
  }
  try {
    await mkdir(settings.folder, { recursive: true })
    const nodeId = await readNodeId(settings.folder)
    const policies = loadPolicies(join(ROOT, 'policies'))
    const { owner, app, bundled } = await openServer(options)
    if (bundled) keep(bundled, bundled.stop)
    await migrate({ owner, appPassword: app.password, folder: join(ROOT, 'migrations'), log })
    await installJobs(owner)
    const database = await openDatabase({ app, nodeId, log })
    keep(database, database.close)
    const lease = await holdLease(database, clock, log)
    keep(lease, lease.stop)
    const keys = await createKeys({ database, rootKey: await fileRootKey(settings.rootKeyFile) })
    keep(keys, keys.close)
    const signer = await keys.signer('ledger')
    const sequencer = startSequencer({
      database,
      ledgerName: settings.ledgerName,
      signer,
      clock,
      log,
    })
    keep(sequencer, sequencer.stop)
    const transport = createTransport(clock, { publicLookup, ...options.transport })
    keep(transport, transport.close)
    const push = openPush(clock, options.push)
    keep(push, push.close)
    const seconds = () => clock.now() / 1000
    const connectors = [
      appleDeviceEnrollment(seconds),
      appleAppsAndBooks(seconds),
      ...push.connectors,
      googleAndroidManagement(seconds, options.googleTokenEndpoints),
      jamfPro(seconds),
      jamfProHistoric(seconds),
    ]
    const partners = await openPartners({
      database,
      shipped: options.catalog ?? shippedCatalog,
      connectors: connectors as readonly Connector[],
      seconds,
      allowLoopback: settings.insecureLoopback,
      log,
    })
    keep(partners, partners.close)
    const parts: SharingParts = {
      database,
      catalog: partners.catalog,
      decider: createDecider(await policies),
      keys,
      names: createSubjectNames(keys),
      connectors: partners.connectors,
      transport: transport.send,
      lease,
      clock,
      log,
      ...(options.reached ? { reached: options.reached } : {}),
    }
    const sharing = await createSharing(parts)
    keep(sharing, sharing.close)
    partners.onChange(() => sharing.gate.forget('*'))
    const recover = async (nodeIds: readonly string[]): Promise<number> => {
      await push.recover(parts, nodeIds)
      return sharing.outcomes.recover(nodeIds)
    }
    await recoverEvery(recover, database, lease, log, keep)
    const gateways = createGateways(parts, sharing, push, settings)
    keep(gateways, gateways.close)
    const node = {
      settings,
      database,
      bundled,
      keys,
      sequencer,
      sharing,
      partners,
      parts,
      eventSources: [googleEvents(tokenVerifier(transport.send, options.googleIssuer))],
      openGateway: gateways.open,
      stop,
      openGateways: gateways.follow,
    }
    let jobs: Jobs | undefined
    const beginJobs: Node['startJobs'] = async (more = []) => {
      if (jobs) return jobs
      jobs = await startJobs({ app, log, kinds: jobKinds(node, () => jobs, more) })
      return keep(jobs, jobs.stop)
    }
    return { ...node, startJobs: beginJobs }
  } catch (fault) {
    await stop()
    throw fault
  }
}

async function openServer({ settings, clock, log }: ComposeOptions) {
  if (settings.database) return { ...settings.database, bundled: undefined }
  const bundled = await startBundled({ folder: settings.folder, clock, log })
  return { owner: bundled.owner, app: bundled.app, bundled }
}

/** A node keeps its name over restarts, so that it closes what it left open itself. */
async function readNodeId(folder: string): Promise<string> {
  const path = join(folder, 'node-id')
  const kept = await readFile(path, 'utf8').catch(() => undefined)
  if (kept) return kept
  const made = newId()
  await writeFile(path, made)
  return made
}

/** Closes as unknown what this node left open before it started, and what nodes leave that die meanwhile. */
async function recoverEvery(
  recover: (nodeIds: readonly string[]) => Promise<number>,
  database: Database,
  lease: Lease,
  log: Log,
  keep: (thing: unknown, close: () => Promise<unknown>) => unknown,
): Promise<void> {
  const mine = await recover([database.nodeId])
  if (mine > 0) log.warn('disclosures of the last run have no known outcome', { count: mine })
  const timer = setInterval(() => {
    const round = async (): Promise<void> => {
      for (const nodeId of await lease.deadNodes()) {
        await recover([nodeId])
        await lease.forget(nodeId)
      }
    }
    round().catch(() => log.warn('looking after nodes that died failed and is tried again'))
  }, RECOVER_EVERY_IN_MS)
  timer.unref()
  keep(timer, async () => clearInterval(timer))
}
