import type pg from 'pg'
import type { Log } from '#foundation/log.ts'
import { DatabaseFault } from './fault.ts'
import type { Database, Reader, Transaction } from './handles.ts'
import { openListener } from './listener.ts'
import { type PoolSettings, openPool } from './pool.ts'
import { isTenantId } from '#foundation/ids.ts'
import { strip } from './strip.ts'
import { READ, WRITE, begin } from './transaction.ts'

const DEFAULT_POOL_SIZE = 12
const MOST_TRIES = 5
/** The transaction lost a race that PostgreSQL resolved by ending it: serialisation failure, deadlock. */
const WORTH_TRYING_AGAIN: ReadonlySet<string> = new Set(['40001', '40P01'])

export interface DatabaseParts {
  readonly app: PoolSettings
  readonly nodeId: string
  readonly log: Log
  readonly poolSize?: number
}

/**
 * Opens PostgreSQL for one node under the login role of the application.
 *
 * @throws Error when that role could step over row-level security: superuser, BYPASSRLS or owner of a table
 */
export async function openDatabase(parts: DatabaseParts): Promise<Database> {
  const pool = openPool(parts.app, parts.poolSize ?? DEFAULT_POOL_SIZE)
  pool.on('error', () => parts.log.warn('an idle database connection was lost'))
  // The pool listens only while a connection is idle; one that is lost in use, or after, must not end the process.
  pool.on('connect', (client) =>
    client.on('error', () => parts.log.warn('a database connection was lost')),
  )
  try {
    await refuseRoleThatSeesAll(pool)
  } catch (fault) {
    await pool.end()
    throw fault
  }
  const subscribers = new Set<{ topic: string; handler: (tenantId: string) => void }>()
  const committed = (topic: string, tenantId: string): void => {
    for (const one of subscribers) if (one.topic === topic) one.handler(tenantId)
  }
  const listener = openListener(parts.app, parts.log)
  return {
    nodeId: parts.nodeId,
    read: (tenantId, work) => inTransaction(pool, tenantId, READ, committed, work),
    write: (tenantId, work) => inTransaction(pool, tenantId, WRITE, committed, work),
    callFunction: async <Row extends object>(
      tenantId: string,
      name: string,
      values: readonly unknown[],
      topic?: string,
    ) => {
      const rows = await callFunction<Row>(pool, tenantId, name, values)
      if (topic !== undefined) committed(topic, tenantId)
      return rows
    },
    listen: listener.listen,
    onCommitted: (topic, handler) => {
      const subscriber = { topic, handler }
      subscribers.add(subscriber)
      return () => {
        subscribers.delete(subscriber)
      }
    },
    notify: async (channel, payload) => {
      await query(pool, 'select pg_notify($1, $2)', [channel, payload])
    },
    close: async () => {
      await listener.close()
      await pool.end()
    },
  }
}

async function inTransaction<Result>(
  pool: pg.Pool,
  tenantId: string,
  mode: string,
  committed: (topic: string, tenantId: string) => void,
  work: (tx: Transaction & Reader) => Promise<Result>,
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    const client = await connect(pool)
    let broken = false
    try {
      const open = await begin(client, tenantId, mode, committed)
      let result: Result
      try {
        result = await work(open.handle)
      } catch (thrown) {
        await open.rollback()
        throw thrown
      }
      await open.commit()
      return result
    } catch (thrown) {
      const fault = thrown instanceof DatabaseFault ? thrown : undefined
      broken = fault?.code === 'connection' || fault?.commitUnknown === true || isLost(fault?.code)
      if (fault && WORTH_TRYING_AGAIN.has(fault.code) && attempt < MOST_TRIES) continue
      throw thrown
    } finally {
      client.release(broken)
    }
  }
}

async function callFunction<Row extends object>(
  pool: pg.Pool,
  tenantId: string,
  name: string,
  values: readonly unknown[],
): Promise<Row[]> {
  if (!isTenantId(tenantId)) throw new DatabaseFault('tenant_id')
  const places = ['$1', ...values.map((_, i) => `$${i + 2}`)].join(', ')
  for (let attempt = 1; ; attempt++) {
    const client = await connect(pool)
    let broken = false
    try {
      const statement = {
        name,
        text: `select * from ${name}(${places})`,
        values: [tenantId, ...values],
      }
      return (await client.query(statement)).rows as Row[]
    } catch (thrown) {
      // The statement is its own commit: when the connection went, nobody knows whether that was before it.
      const fault = strip(thrown, true) as DatabaseFault
      broken = fault.commitUnknown || isLost(fault.code)
      if (!WORTH_TRYING_AGAIN.has(fault.code) || attempt >= MOST_TRIES) throw fault
    } finally {
      client.release(broken)
    }
  }
}

function isLost(code: string | undefined): boolean {
  return code !== undefined && (code.startsWith('57P') || code.startsWith('08'))
}

async function connect(pool: pg.Pool): Promise<pg.PoolClient> {
  try {
    return await pool.connect()
  } catch (thrown) {
    throw strip(thrown)
  }
}

async function query<Row extends object>(
  pool: pg.Pool,
  text: string,
  values?: unknown[],
): Promise<Row[]> {
  try {
    return (await pool.query(text, values)).rows as Row[]
  } catch (thrown) {
    throw strip(thrown)
  }
}

async function refuseRoleThatSeesAll(pool: pg.Pool): Promise<void> {
  const [role] = await query<{ rolsuper: boolean; rolbypassrls: boolean; owned: number }>(
    pool,
    `select rolsuper, rolbypassrls,
            (select count(*) from pg_class where relowner = r.oid and relkind in ('r', 'p'))::int as owned
       from pg_roles r where rolname = current_user`,
  )
  const faults = [
    role?.rolsuper && 'it is a superuser',
    role?.rolbypassrls && 'it has BYPASSRLS',
    (role?.owned ?? 0) > 0 && 'it owns tables',
  ].filter((fault) => fault !== false && fault !== undefined)
  if (faults.length > 0) {
    throw new Error(
      `the database role of the application must not step over row-level security, but ${faults.join(' and ')}`,
    )
  }
}
