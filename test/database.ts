import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import pg from 'pg'
import type { BundledServer } from '#database/bundled/server.ts'
import { openDatabase } from '#database/database.ts'
import type { Database } from '#database/handles.ts'
import { driverConfig, type PoolSettings } from '#database/pool.ts'
import { silentLog } from '#foundation/log.ts'
import { unpackEntries } from '#ledger/verify/bundle.ts'
import { temporaryFolder } from './folder.ts'
import { startPrepared } from './prepared-database.ts'

export { MIGRATIONS } from './prepared-database.ts'

export interface TestDatabase {
  readonly database: Database
  readonly server: BundledServer
  /** Another node on the same server. */
  openSecond(app?: PoolSettings): Promise<Database>
  /** Sees all rows of all tenants. */
  ownerQuery<Row extends object>(text: string, values?: unknown[]): Promise<Row[]>
  stop(): Promise<void>
}

/** A bundled PostgreSQL in a folder of its own, with the schema in place. Call `stop` when done. */
export async function testDatabase(): Promise<TestDatabase> {
  const folder = await temporaryFolder('test')
  const server = await startPrepared(folder).catch(async (fault: unknown) => {
    await rm(folder, { recursive: true, force: true })
    throw fault
  })
  const opened: Database[] = []
  const openNode = async (app: PoolSettings = server.app): Promise<Database> => {
    const database = await openDatabase({ app, nodeId: randomUUID(), log: silentLog })
    opened.push(database)
    return database
  }
  const database = await openNode()
  return {
    database,
    server,
    openSecond: openNode,
    ownerQuery: async <Row extends object>(text: string, values?: unknown[]) => {
      const client = new pg.Client(driverConfig(server.owner))
      await client.connect()
      try {
        return (await client.query(text, values)).rows as Row[]
      } finally {
        await client.end()
      }
    },
    stop: async () => {
      await Promise.all(opened.map((one) => one.close()))
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Entries that wait for their place in the tenant's log, in the order in which they were appended. */
export async function waitingEntries(
  { ownerQuery }: Pick<TestDatabase, 'ownerQuery'>,
  tenantId?: string,
): Promise<{ id: string; bytes: Buffer }[]> {
  const rows = await ownerQuery<{ entry_ids: string[]; entries: Buffer }>(
    'select entry_ids, entries from ledger_segments where first_index is null and ($1::text is null or tenant_id = $1) order by queue_id',
    [tenantId ?? null],
  )
  return rows.flatMap((row) =>
    unpackEntries(row.entries).map((bytes, i) => ({ id: row.entry_ids[i] ?? '', bytes })),
  )
}
