import pg from 'pg'
import { driverConfig } from '#database/pool.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { collect } from '#subjects/request-collect.ts'
import { makeArchiveLink, openArchive } from '#subjects/export.ts'
import { ACME, MAIL, type RightsWorld, SERIAL, rightsWorld } from '../test/rights.ts'
import { type BenchResult, printResults, spread } from './result.ts'

const RECORDS = 1_000_000
const SIGHTINGS = 1_000_000
/** What the one person has. */
const DEVICES = 10
const DISCLOSURES = 200
const ROUNDS = 7
const LIMIT_IN_MS = 2_000
const PERSON = 'person@example.org'
/** Disclosures of the archive whose streaming is measured. */
const LONG = 5_000
const LONG_PERSON = 'long@example.org'

/**
 * An access request, from looking up who it is to the last page of what is held, shared and seen, for one person among a
 * million records and a million places of the log that name others; against the same look-up in a plain table without
 * encryption, evidence or anybody's rights. And how fast an archive streams, and by how much memory grows meanwhile.
 */
export async function run(): Promise<BenchResult[]> {
  const world = await rightsWorld()
  const client = new pg.Client(driverConfig(world.test.server.owner, 0))
  await client.connect()
  try {
    await fillOthers(client)
    await fillPerson(world, client, PERSON, 'P', DISCLOSURES)
    await fillPerson(world, client, LONG_PERSON, 'L', LONG)
    const id = await world.ask(ACME, { email: PERSON }, 'access')
    await ours(world, id)
    const took: number[] = []
    const ratios: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const plain = await plainly(client)
      const mine = await ours(world, id)
      took.push(mine)
      ratios.push(plain / mine)
    }
    return [
      {
        name: `access request, one of ${RECORDS / 1e6} million records`,
        unit: 'ms',
        ours: spread(took),
        reference: 'two seconds',
        ratio: spread(took.map((one) => LIMIT_IN_MS / one)),
        bar: 1,
      },
      {
        name: 'the same, against plain SQL',
        unit: 'ms',
        ours: spread(took),
        reference: 'the same rows of plain tables by an index, in SQL',
        ratio: spread(ratios),
      },
      ...(await streaming(world)),
    ]
  } finally {
    await client.end()
    await world.stop()
  }
}

async function fillOthers(client: pg.Client): Promise<void> {
  await client.query(`
    set synchronous_commit = off;
    set row_security = off;
    alter table records disable row level security;
    alter table record_index disable row level security;
    alter table rights_sightings disable row level security;
    create table plain_records (serial text, mail text, model text, seen timestamptz);
    create table plain_disclosures (serial text, party text, at timestamptz);
    insert into plain_records select 'S' || i, 'm' || i % 500000 || '@example.org', 'Phone', now() from generate_series(1, ${RECORDS}) i;
    insert into plain_disclosures select 'S' || 1 + i % 500000, 'apple', now() from generate_series(1, ${SIGHTINGS}) i;
    insert into records (tenant_id, record_id, subject_id, connection_id, kind, clear, sealed, sealed_items, first_seen, last_seen)
      select '${ACME}', gen_random_uuid(), gen_random_uuid(), 'mdm', 'device', '{"device.model": "Phone"}',
             decode(md5(i::text) || md5('x' || i) || md5('y' || i), 'hex'), array['${SERIAL}', '${MAIL}'], now(), now()
        from generate_series(1, ${RECORDS}) i;
    insert into record_index (tenant_id, item_id, blind, record_id)
      select '${ACME}', '${MAIL}', md5('m' || hashtext(r.record_id::text) % 500000), r.record_id from records r
       union all select '${ACME}', '${SERIAL}', md5('s' || r.record_id), r.record_id from records r;
    insert into rights_sightings (tenant_id, subject, entry_index, entry_id)
      select '${ACME}', substr(md5((i % 500000)::text), 1, 24), i, '00000000-0000-7000-8000-000000000000' from generate_series(1, ${SIGHTINGS}) i;
    alter table records enable row level security;
    alter table record_index enable row level security;
    alter table rights_sightings enable row level security;
    create index on plain_records (mail);
    create index on plain_disclosures (serial)`)
  for (const table of [
    'records',
    'record_index',
    'rights_sightings',
    'plain_records',
    'plain_disclosures',
  ])
    await client.query(`vacuum analyze ${table}`)
}

/** Real records, sealed, and real entries of the log. */
async function fillPerson(
  world: RightsWorld,
  client: pg.Client,
  mail: string,
  prefix: string,
  disclosures: number,
): Promise<void> {
  const serials = Array.from({ length: DEVICES }, (_, i) => `${prefix}${i}`)
  await world.keep(
    ACME,
    serials.map((serial) => ({ [SERIAL]: serial, [MAIL]: mail, 'device.model': 'Phone' })),
  )
  for (let i = 0; i < disclosures; i++)
    await world.tell(ACME, 'disclosure', [serials[i % DEVICES] ?? ''])
  await world.sequencer.settled()
  await client.query(
    `insert into plain_records select s, $2, 'Phone', now() from unnest($1::text[]) s`,
    [serials, mail],
  )
  await client.query(
    `insert into plain_disclosures select ($1::text[])[1 + i % ${DEVICES}], 'apple', now() from generate_series(1, $2) i`,
    [serials, disclosures],
  )
}

async function ours(world: RightsWorld, id: string): Promise<number> {
  const began = performance.now()
  await collect(world.parts, ACME, id, world.by())
  const view = await world.view(ACME, id)
  const took = performance.now() - began
  const devices = view.held.filter((thing) => thing.holder === 'records').length
  if (devices !== DEVICES || view.shared.length !== DISCLOSURES)
    throw new Error(`found ${devices} devices and ${view.shared.length} disclosures`)
  return took
}

async function plainly(client: pg.Client): Promise<number> {
  const began = performance.now()
  const records = await client.query('select * from plain_records where mail = $1', [PERSON])
  const sent = await client.query(
    'select d.* from plain_disclosures d join plain_records r on r.serial = d.serial where r.mail = $1',
    [PERSON],
  )
  const took = performance.now() - began
  if (records.rows.length !== DEVICES || sent.rows.length !== DISCLOSURES)
    throw new Error('the plain tables do not hold the same')
  return took
}

/** The archive of a person of whom the log tells much, taken as fast as it comes and thrown away. */
async function streaming(world: RightsWorld): Promise<BenchResult[]> {
  const id = await world.ask(ACME, { email: LONG_PERSON }, 'export')
  const rates: number[] = []
  const grown: number[] = []
  for (let round = 0; round < 3; round++) {
    const link = await world.parts.database.write(ACME, (tx) =>
      makeArchiveLink(tx, world.parts, id, { redactions: [] }, world.by()),
    )
    const opened = isRefusal(link)
      ? link
      : await openArchive(world.parts, link.token, world.clock.now())
    if (isRefusal(opened)) throw new Error(opened.refused)
    const before = process.memoryUsage().rss
    let peak = before
    const began = performance.now()
    for await (const piece of opened.bytes)
      if (piece.length > 0) peak = Math.max(peak, process.memoryUsage().rss)
    rates.push(LONG / ((performance.now() - began) / 1_000))
    grown.push((peak - before) / 1e6)
  }
  return [
    {
      name: `archive, ${LONG} disclosures in three forms`,
      unit: 'disclosures/s',
      ours: spread(rates),
      reference: '1,000 disclosures a second',
      ratio: spread(rates.map((rate) => rate / 1_000)),
    },
    {
      name: 'memory that grows meanwhile',
      unit: 'MB',
      ours: spread(grown),
      reference: '100 MB',
      ratio: spread(grown.map((megabytes) => 100 / Math.max(megabytes, 1))),
      bar: 1,
    },
  ]
}

if (import.meta.main) printResults(await run())
