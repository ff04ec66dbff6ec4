import { rm } from 'node:fs/promises'
import { type Clock, systemClock } from '#foundation/clock.ts'
import { type Log, silentLog } from '#foundation/log.ts'
import { createTenant } from '#tenants/create-tenant.ts'
import { SAMPLE } from '../../sandbox/sample/organisation.ts'
import { type ComposeOptions, type Node, compose } from '../../src/compose.ts'
import { readSettings } from '../../src/settings.ts'
import { temporaryFolder } from '../folder.ts'

export { TENANT } from '../../sandbox/sample/organisation.ts'

export interface PartyNodeOptions {
  /** Of the folder. */
  readonly name: string
  /** Stopped with the node, and where the node does not start. */
  readonly standIn: { stop(): Promise<void> }
  readonly clock?: Clock | undefined
  readonly log?: Log | undefined
  /** What the environment says besides the folder; of what is written into the folder first, if need be. */
  readonly environment?:
    | Readonly<Record<string, string>>
    | ((folder: string) => Promise<Readonly<Record<string, string>>>)
    | undefined
  readonly rest?: Partial<ComposeOptions>
}

/** A whole node in a folder of its own, without tenants, for the journeys with one party. */
export async function startPartyNode({
  name,
  standIn,
  clock = systemClock,
  log = silentLog,
  environment = {},
  rest,
}: PartyNodeOptions) {
  const folder = await temporaryFolder(name)
  const start = async (): Promise<Node> => {
    const more = typeof environment === 'function' ? await environment(folder) : environment
    return compose({
      settings: readSettings({ SLUSS_FOLDER: folder, SLUSS_PORT: '0', ...more }, true),
      clock,
      log,
      transport: { headersMs: 1_500, bodyMs: 1_500, connectMs: 1_000 },
      ...rest,
    })
  }
  const clean = async (): Promise<void> => {
    await standIn.stop()
    await rm(folder, { recursive: true, force: true })
  }
  const node = await start().catch(async (fault: unknown) => {
    await clean()
    throw fault
  })
  return {
    node,
    folder,
    stop: async () => {
      await node.stop()
      await clean()
    },
  }
}

/** The sample's organisation, as a tenant of that id. */
export async function openTenant(node: Node, tenantId: string): Promise<void> {
  const at = node.sharing.gate.now()
  await node.database.write(tenantId, (tx) => createTenant(tx, node.keys, { ...SAMPLE, at }))
}
