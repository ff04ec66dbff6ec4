import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createDecider } from '#access/create-decider.ts'
import { loadPolicies } from '#access/policies.ts'
import type { Catalog } from '#catalog/catalog.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { openClientCredentials } from '#connections/credentials.ts'
import { type GatewayAddress, listGateways } from '#connections/connection.ts'
import { googleAndroidManagement } from '#connectors/google-android-management/client.ts'
import { appleDeviceEnrollment } from '#connectors/apple-device-enrollment/client.ts'
import { verifySession } from '#connectors/apple-device-enrollment/sign.ts'
import { createTransport } from '#connectors/transport.ts'
import { type BundledServer, startBundled } from '#database/bundled/server.ts'
import { openDatabase } from '#database/database.ts'
import { type Database, INSTALLATION } from '#database/handles.ts'
import { type JobKind, type Jobs, installJobs, startJobs } from '#database/jobs.ts'
import { type Lease, holdLease } from '#database/lease.ts'
import { migrate } from '#database/migrate.ts'
import type { Clock } from '#foundation/clock.ts'
import { newId } from '#foundation/ids.ts'
import type { Log } from '#foundation/log.ts'
import { appleClientDoor } from '#http/gateway/apple-client-door.ts'
import { bearerClientDoor } from '#http/gateway/bearer-client-door.ts'
import type { ClientDoor } from '#http/gateway/client-door.ts'
import { type GatewayListener, listenGateway } from '#http/gateway/listener.ts'
import { type KeyRoom, createKeys } from '#keys/create-keys.ts'
import { fileRootKey } from '#keys/root-key.ts'
import { type Sequencer, startSequencer } from '#ledger/sequencer.ts'
import { createSubjectNames } from '#records/name-subjects.ts'
import type { Connector } from '#sharing/exchange.ts'
import type { SharingParts, SharePoint } from '#sharing/parts.ts'
import { type Sharing, createSharing } from '#sharing/share.ts'
import { jobKinds } from './jobs.ts'
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
  readonly parts: SharingParts
  /** Opens the gateway of one connection. */
  openGateway(address: GatewayAddress): Promise<GatewayListener>
  /** Opens the gateways of all connections; those that are open stay as they are. */
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
    const transport = createTransport(clock, options.transport)
    keep(transport, transport.close)
    const seconds = () => clock.now() / 1000
    const connectors = [
      appleDeviceEnrollment(seconds),
      googleAndroidManagement(seconds, options.googleTokenEndpoints),
    ]
    const parts: SharingParts = {
      database,
      catalog: options.catalog ?? shippedCatalog,
      decider: createDecider(await policies),
      keys,
      names: createSubjectNames(keys),
      connectors: new Map(connectors.map((connector) => [connector.id, connector as Connector])),
      transport: transport.send,
      lease,
      clock,
      log,
      ...(options.reached ? { reached: options.reached } : {}),
    }
    const sharing = await createSharing(parts)
    keep(sharing, sharing.close)
    await recoverEvery(sharing, database, lease, log, keep)
    const gateways = new Map<string, GatewayListener>()
    keep(gateways, () => Promise.all([...gateways.values()].map((gateway) => gateway.close())))
    const openGateway = async (address: GatewayAddress): Promise<GatewayListener> => {
      const name = `${address.tenantId}/${address.connectionId}`
      const opened = gateways.get(name) ?? (await listen(parts, sharing, address, settings.host))
      gateways.set(name, opened)
      return opened
    }
    const node = {
      settings,
      database,
      bundled,
      keys,
      sequencer,
      sharing,
      parts,
      openGateway,
      stop,
      openGateways: async () => {
        const addresses = await database.read(INSTALLATION, listGateways)
        return Promise.all(addresses.map(openGateway))
      },
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
  sharing: Sharing,
  database: Database,
  lease: Lease,
  log: Log,
  keep: (thing: unknown, close: () => Promise<unknown>) => unknown,
): Promise<void> {
  const mine = await sharing.outcomes.recover([database.nodeId])
  if (mine > 0) log.warn('disclosures of the last run have no known outcome', { count: mine })
  const timer = setInterval(() => {
    const round = async (): Promise<void> => {
      for (const nodeId of await lease.deadNodes()) {
        await sharing.outcomes.recover([nodeId])
        await lease.forget(nodeId)
      }
    }
    round().catch(() => log.warn('looking after nodes that died failed and is tried again'))
  }, RECOVER_EVERY_IN_MS)
  timer.unref()
  keep(timer, async () => clearInterval(timer))
}

async function listen(
  parts: SharingParts,
  sharing: Sharing,
  address: GatewayAddress,
  host: string,
): Promise<GatewayListener> {
  const { tenantId, connectionId, connectorId, port } = address
  const connector = parts.connectors.get(connectorId)
  if (!connector) throw new Error(`no connector ${connectorId}`)
  const door = await clientDoor(parts, sharing, address, connector)
  return listenGateway({
    tenantId,
    connectionId,
    connector,
    sharing,
    port,
    host,
    log: parts.log,
    door,
  })
}

/** How the gateway knows the tenant's own client, in the way that the party's protocol has. */
async function clientDoor(
  parts: SharingParts,
  sharing: Sharing,
  { tenantId, connectionId }: GatewayAddress,
  connector: Connector,
): Promise<ClientDoor> {
  const { client, hash } = await parts.database.read(tenantId, async (reader) => ({
    client: await openClientCredentials(reader, parts.keys, connectionId),
    hash: await parts.keys.blindIndex(reader, 'gateway-session'),
  }))
  if (!client)
    throw new Error(`the connection ${connectionId} has no credentials for its client yet`)
  if (connector.clientDoor === 'bearer') {
    if (!client.token) throw new Error(`the connection ${connectionId} has no token for its client`)
    return bearerClientDoor(client.token)
  }
  const { consumer_key = '', consumer_secret = '', access_token = '', access_secret = '' } = client
  const secrets = { consumer_key, consumer_secret, access_token, access_secret }
  return appleClientDoor({
    connectionId,
    verify: (request) => verifySession(secrets, request),
    hash,
    origins: (request) => [`http://${request.headers.host}`, `https://${request.headers.host}`],
    write: (work) => parts.database.write(tenantId, work),
    now: sharing.gate.now,
  })
}
