import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { Agent, request } from 'undici'
import { createDecider } from '#access/create-decider.ts'
import { loadPolicies } from '#access/policies.ts'
import { giveConsent } from '#agreements/consent.ts'
import { switchFeature } from '#agreements/switch-feature.ts'
import { manifestOf } from '#catalog/manifest.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { createConnection } from '#connections/connection.ts'
import { issueEventSecret } from '#connections/credentials.ts'
import { microMdm, nanoMdm } from '#connectors/mdm-events/source.ts'
import type { Database, Transaction } from '#database/handles.ts'
import { driverConfig } from '#database/pool.ts'
import { silentLog } from '#foundation/log.ts'
import { isRefusal } from '#foundation/refusal.ts'
import type { EventSource } from '#intake/event-source.ts'
import { ingestRoutes } from '#http/ingest/ingest-routes.ts'
import { type KeyRoom, createKeys } from '#keys/create-keys.ts'
import { fileRootKey } from '#keys/root-key.ts'
import { readRecords } from '#records/read.ts'
import { createTenant } from '#tenants/create-tenant.ts'
import { type TestDatabase, testDatabase, waitingEntries } from '../database.ts'
import { temporaryFolder } from '../folder.ts'
import { serve } from '../serve.ts'
import { sign } from './webhook.ts'

export const TENANT = 'acme'
export const FLOW = 'apple-mdm-checkin/inbound'
export const START = Date.parse('2030-01-01T00:00:00Z')

/** A source whose events the database will not take: its section has a character that no jsonb can hold. */
const broken: EventSource = {
  ...microMdm,
  connectorId: 'broken',
  read: (body) => {
    const event = microMdm.read(body)
    return isRefusal(event) ? event : { ...event, section: '\0' }
  },
}

/** A tenant with a NanoMDM and a MicroMDM connection that has agreed to the flow, another that has not, two nodes. */
export interface MdmWorld {
  readonly test: TestDatabase
  readonly keys: KeyRoom
  readonly secret: string
  /** Port of the first node. */
  readonly port: number
  /** Connections past everything that Sluss does, to measure against. */
  rawPool(): Promise<pg.Pool>
  readonly microSecret: string
  readonly brokenSecret: string
  readonly clock: { time: number; leaseHeld: boolean }
  readonly by: { readonly actor: string; readonly at: number }
  write<Result>(work: (tx: Transaction) => Promise<Result>, tenant?: string): Promise<Result>
  /** Posts a body; signed as NanoMDM signs unless headers are given. */
  post(body: Buffer, options?: PostOptions): Promise<{ status: number; text: string }>
  /** All that is kept of the connection's devices. */
  records(connectionId?: string): Promise<readonly Readonly<Record<string, unknown>>[]>
  /** Data of the entries of a kind, in order. */
  entries(kind: string): Promise<readonly Readonly<Record<string, unknown>>[]>
  flush(): Promise<void>
  stop(): Promise<void>
}

export interface PostOptions {
  readonly address?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly node?: 0 | 1
}

export async function mdmWorld(): Promise<MdmWorld> {
  const test = await testDatabase()
  const folder = await temporaryFolder('mdm')
  const rootKey = await fileRootKey(join(folder, 'root.key'))
  const clock = { time: START, leaseHeld: true }
  const decider = createDecider(await loadPolicies(join(import.meta.dirname, '../../policies')))
  const open = async (database: Database) => {
    const keys = await createKeys({ database, rootKey })
    const ingest = await ingestRoutes({
      database,
      keys,
      catalog: shippedCatalog,
      decider,
      lease: { held: () => clock.leaseHeld } as Parameters<typeof ingestRoutes>[0]['lease'],
      clock: { now: () => clock.time } as Parameters<typeof ingestRoutes>[0]['clock'],
      log: silentLog,
      sources: new Map([nanoMdm, microMdm, broken].map((source) => [source.connectorId, source])),
    })
    return { keys, ingest, server: await serve(ingest.app) }
  }
  const nodes = [await open(test.database), await open(await test.openSecond())] as const
  const { keys } = nodes[0]
  const agent = new Agent()
  const by = { actor: 'admin:1', at: START }
  const write: MdmWorld['write'] = (work, tenant = TENANT) => test.database.write(tenant, work)
  const connect = (tenant: string, connectionId: string, connectorId: string) =>
    write(async (tx) => {
      const origin = 'https://mdm.example.org'
      await createConnection(tx, { connectionId, connectorId, title: 'MDM', origin }, by)
      return issueEventSecret(tx, keys, connectionId, by)
    }, tenant)
  for (const tenant of [TENANT, 'blank'])
    await write((tx) => createTenant(tx, keys, { name: 'Example', region: 'EU', ...by }), tenant)
  await write(async (tx) => {
    await switchFeature(tx, shippedCatalog, 'apple-mdm-checkin', true, by)
    const { hash } = manifestOf(shippedCatalog, FLOW)
    await giveConsent(tx, shippedCatalog, { flowId: FLOW, manifestHash: hash }, by)
  })
  const secret = await connect(TENANT, 'nano', 'nanomdm')
  const microSecret = await connect(TENANT, 'micro', 'micromdm')
  const brokenSecret = await connect(TENANT, 'broken', 'broken')
  return {
    test,
    keys,
    secret,
    port: nodes[0].server.port,
    rawPool: async () => new pg.Pool({ ...driverConfig(test.server.owner), max: 12 }),
    microSecret,
    brokenSecret,
    clock,
    by,
    write,
    post: async (body, { address = `${TENANT}.nano`, headers, node = 0 } = {}) => {
      const answer = await request(`${nodes[node].server.origin}/ingest/${address}`, {
        method: 'POST',
        headers: { 'x-hmac-signature': sign(secret, body), ...headers },
        body,
        dispatcher: agent,
      })
      return { status: answer.statusCode, text: await answer.body.text() }
    },
    records: async (connectionId = 'nano') => {
      const items = new Set(shippedCatalog.items.keys())
      const held = await test.database.read(TENANT, (reader) =>
        readRecords(reader, keys, { connectionId, items, limit: 1_000 }),
      )
      return held.map((record) => record.items)
    },
    entries: async (kind) => {
      const entries = (await waitingEntries(test)).map(({ bytes }) => JSON.parse(bytes.toString()))
      return entries.filter((entry) => entry.kind === kind).map((entry) => entry.data)
    },
    flush: async () => {
      for (const { ingest } of nodes) await ingest.close()
    },
    stop: async () => {
      await agent.close()
      for (const { server, keys: own } of nodes) {
        await server.stop()
        await own.close()
      }
      await test.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
