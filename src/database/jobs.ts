import pg from 'pg'
import { PgBoss } from 'pg-boss'
import type { Log } from '#foundation/log.ts'
import { DatabaseFault } from './fault.ts'
import { type PoolSettings, driverConfig } from './pool.ts'

const SCHEMA = 'jobs'
const LOCK = 7587_0002
const CONNECTIONS = 2
/** A node that dies in the middle of a job says nothing; after this long another one takes it up. */
const HEARTBEAT_IN_S = 60

/**
 * Work that runs by itself, on whichever node is there. It may run twice, after a node died, and must bear it.
 * Its data are identifiers only: they stand in a table that is not apart by tenant.
 */
export interface JobKind<Data extends Readonly<Record<string, string>>> {
  readonly name: string
  /** Cron expression (UTC) at which one job without data is added. */
  readonly cron?: string
  /** At once on each node. */
  readonly concurrency?: number
  /** Longest that one job may take. */
  readonly seconds: number
  /** Whether a job that failed is tried again by itself, later and later: six times within some three hours. */
  readonly tryAgain: boolean
  run(data: Data): Promise<void>
}

export interface Jobs {
  /** Adds a job, unless one of the same key waits or runs. Answers whether it was added. */
  add(name: string, key: string, data: Readonly<Record<string, string>>): Promise<boolean>
  /** Takes no more jobs and waits for those that run. */
  stop(): Promise<void>
}

/** Makes or upgrades the library's tables as the owner role; the application's role may use, not change them. */
export async function installJobs(owner: PoolSettings): Promise<void> {
  const client = new pg.Client(driverConfig(owner, 0))
  await client.connect()
  try {
    // Nodes that start together take turns, for the grants as well as for the tables.
    await client.query('select pg_advisory_lock($1)', [LOCK])
    const boss = new PgBoss({
      ...driverConfig(owner, 0),
      schema: SCHEMA,
      max: 1,
      supervise: false,
      schedule: false,
    } as ConstructorParameters<typeof PgBoss>[0])
    await boss.start()
    await boss.stop({ graceful: false })
    await client.query(
      `grant usage on schema ${SCHEMA} to sluss_app;
       grant select, insert, update, delete on all tables in schema ${SCHEMA} to sluss_app;
       grant usage on all sequences in schema ${SCHEMA} to sluss_app;
       grant execute on all functions in schema ${SCHEMA} to sluss_app`,
    )
  } finally {
    await client.end()
  }
}

/** Starts to work, as the application's role. Every node of an installation names the same kinds. */
export async function startJobs(parts: {
  readonly app: PoolSettings
  readonly log: Log
  readonly kinds: readonly JobKind<never>[]
}): Promise<Jobs> {
  const { app, log, kinds } = parts
  const boss = new PgBoss({
    ...driverConfig(app, 0),
    schema: SCHEMA,
    max: CONNECTIONS,
    migrate: false,
    createSchema: false,
    // Both need the owner of the tables.
    reindex: false,
    monitorVacuum: false,
  } as ConstructorParameters<typeof PgBoss>[0])
  boss.on('error', (fault) => {
    const { code } = fault as NodeJS.ErrnoException
    log.warn('the job queue has trouble and goes on', { code: code ?? fault.name })
  })
  await boss.start()
  for (const kind of kinds) await startKind(boss, log, kind)
  return {
    add: async (name, key, data) => (await boss.send(name, data, { singletonKey: key })) !== null,
    stop: () => boss.stop({ graceful: true, timeout: 20_000 }),
  }
}

async function startKind(boss: PgBoss, log: Log, kind: JobKind<never>): Promise<void> {
  const options = {
    expireInSeconds: kind.seconds,
    heartbeatSeconds: HEARTBEAT_IN_S,
    retryLimit: kind.tryAgain ? 6 : 0,
    retryDelay: 60,
    retryBackoff: true,
    deleteAfterSeconds: 7 * 86_400,
  }
  // At most one of each key waits or runs.
  await boss.createQueue(kind.name, { policy: 'exclusive', ...options })
  await boss.updateQueue(kind.name, options)
  if (kind.cron === undefined) await boss.unschedule(kind.name)
  else await boss.schedule(kind.name, kind.cron, {}, { tz: 'UTC' })
  const work = { localConcurrency: kind.concurrency ?? 1, batchSize: 1 }
  await boss.work<Readonly<Record<string, string>>>(kind.name, work, async ([job]) => {
    if (!job) return
    try {
      await kind.run(job.data as never)
    } catch (fault) {
      const code = fault instanceof DatabaseFault ? fault.code : (fault as Error).name
      log.warn('a job failed', { job: `${kind.name}/${job.id}`, code, ...job.data })
      // The library keeps what is thrown; a name is all that it needs.
      throw new Error(code)
    }
  })
}
