import { rm } from 'node:fs/promises'
import { switchFeature } from '#agreements/switch-feature.ts'
import type { Clock } from '#foundation/clock.ts'
import { systemClock } from '#foundation/clock.ts'
import { silentLog } from '#foundation/log.ts'
import type { GatewayListener } from '#http/gateway/listener.ts'
import { readEntries, readHead } from '#ledger/read.ts'
import { admin } from '../sandbox/agree.ts'
import {
  type SandboxApple,
  type SandboxOptions,
  startSandboxApple,
} from '../sandbox/apple/server.ts'
import { createMdmClient } from '../sandbox/sample/mdm-client.ts'
import {
  agreeWithApple,
  CONNECTION,
  consentToBoth,
  makeOrganisation,
  TENANT,
} from '../sandbox/sample/organisation.ts'
import { type ComposeOptions, compose, type Node } from '../src/compose.ts'
import { readSettings } from '../src/settings.ts'
import { temporaryFolder } from './folder.ts'

export interface TestNode {
  readonly node: Node
  readonly apple: SandboxApple
  readonly gateway: GatewayListener
  readonly mdm: ReturnType<typeof createMdmClient>
  readonly folder: string
  /** Every entry of the tenant's log, once all that is under way has its place. */
  entries(): Promise<Awaited<ReturnType<typeof readEntries>>>
  stop(): Promise<void>
}

/** A whole node with a stand-in for Apple and a client pointed at its gateway; `agreed` opens the gate. */
export async function startTestNode(
  options: {
    agreed?: boolean
    clock?: Clock
    apple?: SandboxOptions
    rest?: Partial<ComposeOptions>
    /** What the environment says besides the folder. */
    environment?: Readonly<Record<string, string>>
  } = {},
): Promise<TestNode> {
  const folder = await temporaryFolder('node')
  const clock = options.clock ?? systemClock
  const apple = await startSandboxApple({ devices: 20, now: () => clock.now(), ...options.apple })
  const settings = readSettings(
    { SLUSS_FOLDER: folder, SLUSS_PORT: '0', ...options.environment },
    true,
  )
  const node = await compose({
    settings,
    clock,
    log: silentLog,
    transport: { headersMs: 1_500, bodyMs: 1_500, connectMs: 1_000 },
    ...options.rest,
  })
  const { client } = await makeOrganisation(node, apple)
  if (options.agreed !== false) await agree(node)
  const gateway = await node.openGateway({
    tenantId: TENANT,
    connectionId: CONNECTION,
    connectorId: 'apple-device-enrollment',
    port: 0,
  })
  const mdm = createMdmClient(`http://127.0.0.1:${gateway.port}`, client)
  return {
    node,
    apple,
    gateway,
    mdm,
    folder,
    entries: () => readLog(node),
    stop: async () => {
      await mdm.close()
      await node.stop()
      await apple.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Feature on, contract, permission and consent to both directions. */
export async function agree(node: Node): Promise<void> {
  await node.database.write(TENANT, (tx) =>
    switchFeature(tx, node.parts.catalog, 'apple-device-enrollment', true, admin(node)),
  )
  await agreeWithApple(node)
  await consentToBoth(node)
}

/** Every entry of the tenant's log, once all that is under way at the node has its place. */
export async function readLog(
  node: Node,
  tenantId = TENANT,
): Promise<Awaited<ReturnType<typeof readEntries>>> {
  await node.sharing.outcomes.idle()
  await node.sequencer.settled()
  return node.database.read(tenantId, async (reader) =>
    readEntries(reader, 0, (await readHead(reader))?.size ?? 0),
  )
}
