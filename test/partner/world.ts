import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ItemId } from '#catalog/catalog.ts'
import { createConnection } from '#connections/connection.ts'
import { issueEventSecret, storeCredentials } from '#connections/credentials.ts'
import { storeDescription } from '#connections/partner-descriptions.ts'
import { startBundled } from '#database/bundled/server.ts'
import { INSTALLATION } from '#database/handles.ts'
import { systemClock } from '#foundation/clock.ts'
import { silentLog } from '#foundation/log.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { keepRecords } from '#records/keep.ts'
import { createTenant } from '#tenants/create-tenant.ts'
import { agreeOn, consentTo } from '../../sandbox/agree.ts'
import { type Node, compose } from '../../src/compose.ts'
import { readSettings } from '../../src/settings.ts'
import { temporaryFolder } from '../folder.ts'
import { readLog } from '../node.ts'

export const TENANTS = ['example', 'other'] as const
export const MDM = 'mdm'

export interface PartnerWorld {
  readonly nodes: readonly Node[]
  readonly node: Node
  /** Stores a description on the first node, which then knows it. */
  describe(description: Record<string, unknown>): ReturnType<typeof storeDescription>
  /** A connection with credentials; answers the secret for events. */
  connect(
    tenantId: string,
    connectorId: string,
    origin: string,
    credentials: Record<string, string> | undefined,
  ): Promise<string>
  /** Features on, contract, permission and consent to their flows as they stand. */
  agree(tenantId: string, features: readonly string[]): Promise<void>
  consent(tenantId: string, features: readonly string[]): Promise<void>
  keep(
    tenantId: string,
    devices: readonly Readonly<Record<ItemId, string | number | boolean>>[],
  ): Promise<void>
  entries(tenantId: string, kind: string): Promise<readonly Record<string, unknown>[]>
  stop(): Promise<void>
}

const by = (node: Node) => ({ actor: 'admin:test', at: node.sharing.gate.now() })

/** Nodes on one database, two tenants with a device manager each, and no party yet. */
export async function partnerWorld(
  options: { nodes?: number; ca?: string; headersMs?: number } = {},
): Promise<PartnerWorld> {
  const folder = await temporaryFolder('partner')
  const server = await startBundled({
    folder: join(folder, 'server'),
    clock: systemClock,
    log: silentLog,
  })
  const nodes: Node[] = []
  for (let i = 0; i < (options.nodes ?? 1); i++) {
    const settings = readSettings(
      {
        SLUSS_FOLDER: join(folder, `node-${i}`),
        SLUSS_ROOT_KEY_FILE: join(folder, 'root.key'),
        SLUSS_PORT: '0',
      },
      true,
    )
    nodes.push(
      await compose({
        settings: { ...settings, database: { owner: server.owner, app: server.app } },
        clock: systemClock,
        log: silentLog,
        transport: {
          headersMs: options.headersMs ?? 1_500,
          bodyMs: 1_500,
          connectMs: 1_000,
          ...(options.ca === undefined ? {} : { ca: options.ca }),
        },
      }),
    )
  }
  const node = nodes[0] ?? assert.fail()
  const { database, keys, parts } = node
  for (const tenantId of TENANTS)
    await database.write(tenantId, async (tx) => {
      await createTenant(tx, keys, {
        name: tenantId,
        region: 'EU',
        actor: 'operator:test',
        at: by(node).at,
      })
      const made = { connectionId: MDM, connectorId: 'nanomdm', title: 'MDM' }
      await createConnection(tx, { ...made, origin: 'https://nanomdm.invalid' }, by(node))
    })
  const consent: PartnerWorld['consent'] = (tenantId, features) =>
    database.write(tenantId, async (tx) => {
      for (const feature of features) await consentTo(tx, node, feature)
    })
  return {
    nodes,
    node,
    consent,
    describe: async (description) => {
      const stored = await database.write(INSTALLATION, (tx) =>
        storeDescription(tx, description, node.partners.against, by(node)),
      )
      await node.partners.load()
      return stored
    },
    connect: (tenantId, connectorId, origin, credentials) =>
      database.write(tenantId, async (tx) => {
        await createConnection(
          tx,
          { connectionId: connectorId, connectorId, title: connectorId, origin },
          by(node),
        )
        if (credentials) {
          const file = Buffer.from(JSON.stringify(credentials))
          const read = parts.connectors.get(connectorId)?.readCredentials?.(file)
          assert.ok(read && !isRefusal(read), JSON.stringify(read))
          await storeCredentials(tx, keys, connectorId, read, {}, by(node))
        }
        return issueEventSecret(tx, keys, connectorId, by(node))
      }),
    agree: async (tenantId, features) => {
      const flow = [...parts.catalog.flows.values()].find((one) => features.includes(one.feature))
      assert.ok(flow)
      await agreeOn(node, tenantId, { party: flow.party, purposes: flow.purposes, features })
    },
    keep: (tenantId, devices) =>
      database.write(tenantId, async (tx) => {
        await keepRecords(tx, keys, parts.catalog, {
          connectionId: MDM,
          kind: 'device',
          subjectItem: 'device.serialNumber',
          records: devices.map((items) => ({
            subject: String(items['device.serialNumber']),
            items,
            removed: false,
          })),
          now: by(node).at,
        })
      }),
    entries: async (tenantId, kind) => {
      return (await readLog(node, tenantId))
        .map((entry) => entry as unknown as { kind: string; data: Record<string, unknown> })
        .filter((entry) => entry.kind === kind)
        .map((entry) => entry.data)
    },
    stop: async () => {
      for (const one of nodes) await one.stop()
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
