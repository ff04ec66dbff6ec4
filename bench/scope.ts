import pg from 'pg'
import { overview } from '#breach/scope.ts'
import { driverConfig } from '#database/pool.ts'
import { testDatabase, type TestDatabase } from '../test/database.ts'
import { type BenchResult, type Spread, printResults, spread } from './result.ts'

const TENANTS = 400
const PARTIES = 40
const SUBJECTS = 2_000
const DAYS = 347
const SIX_WEEKS = 42
const START = Date.parse('2030-01-01T00:00:00Z')
const DAY = 86_400_000
const STEPS = [1_000_000, 10_000_000]
const ROUNDS = 7
const COLD_ROUNDS = 3
const DATA_TOUCHES = ['sent', 'answered', 'seen', 'received'] as const

/**
 * "Which tenants, how many entries, people and items, for one party in six weeks", by the index of the incident room
 * against a scan of a plain table that holds the same. The data is made in SQL: what a follower of the logs would write
 * for disclosures of one subject each.
 */
export async function run(): Promise<BenchResult[]> {
  const test = await testDatabase()
  const client = new pg.Client(driverConfig(test.server.owner, 0))
  await client.connect()
  try {
    const results: BenchResult[] = []
    const medians: number[] = []
    let from = 0
    await begin(client)
    for (const to of STEPS) {
      await fill(client, from, to)
      from = to
      const cold = await coldRounds(test, client)
      const warm = await warmRounds(test, client)
      medians.push(warm.ours.median)
      results.push(...lines(to, cold, warm))
    }
    const [small = 1, large = 1] = medians
    results.push({
      name: 'growth of the scope, warm, from 1 to 10 million',
      unit: 'times',
      ours: one(large / small),
      reference: 'ten times the entries',
      ratio: one(10 / (large / small)),
    })
    return results
  } finally {
    await client.end()
    await test.stop()
  }
}

/** The bars are for the larger; a plain table of a million is not much to read. */
function lines(
  entries: number,
  cold: Spread,
  warm: { ours: Spread; ratio: Spread },
): BenchResult[] {
  const what = `${entries / 1_000_000} million entries`
  return [
    {
      name: `scope, warm, ${what}`,
      unit: 'ms',
      ours: warm.ours,
      reference: 'a scan of the plain table in SQL, same question',
      ratio: warm.ratio,
      ...(entries === STEPS.at(-1) ? { bar: 25 } : {}),
    },
    {
      name: `scope, cold, ${what}`,
      unit: 'ms',
      ours: cold,
      reference: 'one second',
      ratio: spread([1_000 / cold.max, 1_000 / cold.median, 1_000 / cold.min]),
      bar: 1,
    },
  ]
}

async function begin(client: pg.Client): Promise<void> {
  await client.query(`
    set max_parallel_maintenance_workers = 2;
    set maintenance_work_mem = '512MB';
    set synchronous_commit = off;
    create table plain_entries (at timestamptz not null, tenant text not null, party text not null,
      subject bigint not null, item_set bigint not null);
    insert into breach_cursors (tenant_id, indexed_to) select 'tenant-' || i, 0 from generate_series(1, ${TENANTS}) i;
    insert into breach_item_sets (tenant_id, set_hash, items)
      select 'tenant-' || i, 'set', '{"device.serialNumber": "exact"}' from generate_series(1, ${TENANTS}) i`)
}

/** Rows as they lie after years of following: the indexes that no question here asks are not filled. */
async function fill(client: pg.Client, from: number, to: number): Promise<void> {
  await client.query(`
    drop index if exists breach_touches_actor, breach_touches_connection, breach_touches_grant, breach_touches_node,
      breach_touches_policies, breach_touches_at, breach_touches_entry, breach_touches_subject, breach_touches_party;
    alter table breach_touches drop constraint if exists breach_touches_pkey;
    alter table breach_touches disable row level security;
    insert into breach_touches (tenant_id, entry_index, part, entry_id, at, touch, actor, party, connection, item_set, subjects)
    select 'tenant-' || (1 + i % ${TENANTS}), i / ${TENANTS}, 0, gen_random_uuid(),
           timestamptz '2030-01-01Z' + (i::float8 / ${STEPS.at(-1)}) * interval '${DAYS} days', 'sent', 'client:c',
           'party-' || (hashint8(i) & 2147483647) % ${PARTIES}, 'c', 1 + i % ${TENANTS},
           array[((i % ${TENANTS}) * ${SUBJECTS} + (hashint8(i * 7) & 2147483647) % ${SUBJECTS})::bigint]
      from generate_series(${from}::bigint, ${to - 1}::bigint) i;
    insert into plain_entries
    select t.at, t.tenant_id, t.party, t.subjects[1], t.item_set from breach_touches t where t.entry_index >= ${from / TENANTS};
    alter table breach_touches enable row level security;
    create index breach_touches_party on breach_touches (tenant_id, party, at)
      include (entry_index, touch, item_set, subjects, unsent_index) where party is not null;`)
  await client.query('vacuum analyze breach_touches')
  await client.query('vacuum analyze plain_entries')
}

/** Six weeks that lie in the data, however much of it there is. */
const windowOf = (round: number) => {
  const from = START + ((round * 13) % 30) * (DAY / 10)
  return { from, to: from + SIX_WEEKS * DAY }
}

async function ours(test: TestDatabase, round: number): Promise<number> {
  const began = performance.now()
  const found = await overview(test.database, {
    by: 'party',
    names: [`party-${round % PARTIES}`],
    ...windowOf(round),
    touches: DATA_TOUCHES,
    tenants: undefined,
    readable: 'all',
  })
  const took = performance.now() - began
  if (found.length === 0) throw new Error('the scope found nothing')
  return took
}

/** Every column is used outside, because the planner leaves out what nobody reads. */
async function scan(client: pg.Client, round: number): Promise<number> {
  const { from, to } = windowOf(round)
  const began = performance.now()
  const { rows } = await client.query(
    `select tenant, count(*), count(distinct subject), array_agg(distinct item_set), min(at), max(at) from plain_entries
      where party = $1 and at >= $2 and at < $3 group by tenant order by 1`,
    [`party-${round % PARTIES}`, new Date(from), new Date(to)],
  )
  const took = performance.now() - began
  if (rows.length === 0) throw new Error('the scan found nothing')
  return took
}

async function warmRounds(test: TestDatabase, client: pg.Client) {
  const took: number[] = []
  const ratios: number[] = []
  for (let round = -2; round < ROUNDS; round++) {
    const number = round + 2
    await ours(test, number)
    const own = await ours(test, number)
    const plain = await scan(client, number)
    if (round < 0) continue
    took.push(own)
    ratios.push(plain / own)
  }
  return { ours: spread(took), ratio: spread(ratios) }
}

/** Nothing of the tables is in PostgreSQL's memory; what the operating system keeps of the files cannot be dropped here. */
async function coldRounds(test: TestDatabase, client: pg.Client): Promise<Spread> {
  await client.query('create extension if not exists pg_buffercache')
  const took: number[] = []
  for (let round = 0; round < COLD_ROUNDS; round++) {
    await evict(client)
    took.push(await ours(test, 20 + round))
  }
  return spread(took)
}

/** Writes out what is dirty and takes every page out of PostgreSQL's shared buffers. */
async function evict(client: pg.Client): Promise<void> {
  await client.query('checkpoint')
  const { rows } = await client.query<{ evicted: number }>(
    `select count(pg_buffercache_evict(bufferid))::int as evicted from pg_buffercache where relfilenode is not null`,
  )
  if (rows[0] === undefined) throw new Error('nothing was evicted')
}

const one = (value: number): Spread => spread([value])

if (import.meta.main) printResults(await run())
