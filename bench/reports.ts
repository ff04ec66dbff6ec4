import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createKeys } from '#keys/create-keys.ts'
import { fileRootKey } from '#keys/root-key.ts'
import { discreteLaplace } from '#minimisation/discrete-noise.ts'
import { cryptographicBits } from '#minimisation/random-bits.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { DEVICE_GROUPINGS, countDevices } from '#records/count-devices.ts'
import { type Alike, type Ladder, generalise } from '#reports/k-anonymity.ts'
import { readReport } from '#reports/reports.ts'
import { createTenant } from '#tenants/create-tenant.ts'
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { driverConfig } from '#database/pool.ts'
import { testDatabase, type TestDatabase } from '../test/database.ts'
import { temporaryFolder } from '../test/folder.ts'
import { type BenchResult, type Spread, printResults, spread } from './result.ts'

const DEVICES = 1_000_000
const TENANT = 'acme'
const START = Date.parse('2030-01-01T12:00:00Z')
const DAY = 86_400_000
const ROUNDS = 3
const DRAWS = 300_000
const ROWS = 100_000
const K = 10

/** Reports over a million devices, exact noise, and record-level k-anonymity. */
export async function run(): Promise<BenchResult[]> {
  return [...(await reports()), noise(), anonymity()]
}

/** The bare statement that says the same of one grouping: no suppression, no release, no entry. */
const BARE = `select clear ->> 'device.osFamily' as platform, clear ->> 'device.model' as model, count(*)
  from records where tenant_id = '${TENANT}' and kind = 'device' and removed_at is null group by 1, 2`

async function reports(): Promise<BenchResult[]> {
  const test = await testDatabase()
  const folder = await temporaryFolder('bench')
  const client = new pg.Client(driverConfig(test.server.owner, 0))
  await client.connect()
  try {
    const keys = await createKeys({
      database: test.database,
      rootKey: await fileRootKey(join(folder, 'root.key')),
    })
    await test.database.write(TENANT, (tx) =>
      createTenant(tx, keys, { name: 'Acme', region: 'EU', actor: 'admin:a', at: START }),
    )
    await fill(client)
    const bare = (): Promise<number> => timed(() => client.query(BARE))
    const all = (day: number): Promise<number> =>
      timed(async () => {
        const access = {
          may: () => true,
          tagsFor: () => 'all' as const,
          permissions: new Set<string>(),
        }
        const read = await readReport(
          { database: test.database, keys },
          { principal: PRINCIPAL, access, report: 'devicesByModel', now: START + day * DAY },
        )
        if (isRefusal(read) || read.release.figures.total === null) throw new Error('no report')
      })
    const [single, whole] = [[], []] as { own: number; ratio: number }[][]
    for (let round = -1; round < ROUNDS; round++) {
      const reference = await bare()
      const one = await oneGrouping(test)
      const own = await all(round + 1)
      if (round < 0) continue
      single?.push({ own: one, ratio: reference / one })
      whole?.push({ own, ratio: (reference * DEVICE_GROUPINGS.length) / own })
    }
    return [
      line(
        'devices by platform and model, one million',
        single ?? [],
        'one bare GROUP BY of the same two',
        0.8,
      ),
      line(
        'all reports on devices, made and released',
        whole ?? [],
        'seven bare GROUP BYs, one for each grouping',
        0.8,
      ),
    ]
  } finally {
    await client.end()
    await test.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

const PRINCIPAL = {
  tenantId: TENANT,
  accountId: '00000000-0000-4000-8000-000000000001',
  kind: 'person' as const,
  groups: [],
  personMarks: [],
  language: 'en' as const,
  authenticatedAt: START,
  methods: [],
}

/** What one report with noise counts: one grouping. */
const oneGrouping = (test: TestDatabase): Promise<number> =>
  timed(() =>
    test.database.read(TENANT, (reader) =>
      countDevices(reader, { tag: undefined, grouping: 'model', now: START }),
    ),
  )

async function fill(client: pg.Client): Promise<void> {
  await client.query(`
    set synchronous_commit = off;
    alter table records disable row level security;
    insert into records (tenant_id, record_id, subject_id, connection_id, kind, clear, sealed, sealed_items, first_seen, last_seen)
    select '${TENANT}', gen_random_uuid(), gen_random_uuid(), 'c', 'device', jsonb_build_object(
             'device.osFamily', (array['iOS', 'iOS', 'OSX', 'tvOS'])[1 + i % 4],
             'device.model', 'Model ' || (hashint4(i) & 63), 'device.osVersion', '17.' || (hashint4(i * 3) & 7),
             'device.availableStorageSpace', hashint4(i * 5) & 255, 'device.passcodeCompliant', i % 9 > 0,
             'device.enrolledAutomatically', i % 3 > 0, 'device.managedAppCount', hashint4(i * 7) & 63,
             'device.color', 'SILVER', 'device.supervised', true),
           decode(repeat('ab', 300), 'hex'), '{device.serialNumber}', now(), timestamptz '2030-01-01Z' - (i % 120) * interval '1 day'
      from generate_series(1, ${DEVICES}) i;
    alter table records enable row level security`)
  await client.query('vacuum analyze records')
}

function noise(): BenchResult {
  const bits = cryptographicBits()
  const words = new Uint32Array(2_048)
  let next = words.length
  const uniform = (): number => {
    if (next === words.length) {
      words.set(new Uint32Array(randomBytes(words.byteLength).buffer.slice(0, words.byteLength)))
      next = 0
    }
    return ((words[next++] ?? 0) + 0.5) / 2 ** 32
  }
  const rounded = (): number => Math.round(-30 * Math.log(uniform()) * (uniform() < 0.5 ? -1 : 1))
  const scale = { numerator: 30, denominator: 1 }
  let sink = 0
  const rate = (draw: () => number): number => {
    const began = performance.now()
    for (let i = 0; i < DRAWS; i++) sink += draw()
    return DRAWS / ((performance.now() - began) / 1_000)
  }
  const [own, ratios] = [[], []] as number[][]
  for (let round = -1; round < ROUNDS; round++) {
    const exact = rate(() => discreteLaplace(scale, bits))
    const floating = rate(rounded)
    if (round < 0) continue
    own?.push(exact)
    ratios?.push(exact / floating)
  }
  if (Number.isNaN(sink)) throw new Error('no noise was drawn')
  return {
    name: 'exact discrete Laplace, scale 30',
    unit: 'draws/s',
    ours: spread(own ?? []),
    reference: 'a rounded floating-point draw from the same source, which is not exact',
    ratio: spread(ratios ?? []),
  }
}

/** Four quasi-identifiers with 4 × 4 × 3 × 2 combinations of steps. */
function anonymity(): BenchResult {
  const hash = (i: number, salt: number): number => Math.imul(i + salt, 2_654_435_761) >>> 16
  const rows: Alike[] = Array.from({ length: ROWS }, (_, i) => ({
    values: [
      `Model ${hash(i, 1) % 60}`,
      `${12 + (hash(i, 2) % 6)}.${hash(i, 3) % 8}`,
      `${hash(i, 4) % 256}`,
      i % 50 === 0 ? 'no' : 'yes',
    ],
    count: 1,
  }))
  const cut =
    (length: number) =>
    (value: string): string =>
      value.slice(0, length)
  const ladders: Ladder[] = [
    [cut(9), cut(7), cut(5), cut(0)],
    [cut(9), cut(3), cut(2), cut(0)],
    [cut(9), (value) => String(Number(value) >> 5), cut(0)],
    [cut(9), cut(0)],
  ]
  const [own, ratios] = [[], []] as number[][]
  for (let round = 0; round < 3; round++) {
    let began = performance.now()
    const found = generalise(rows, ladders, K)
    const took = performance.now() - began
    began = performance.now()
    const judged = byTexts(rows, ladders)
    const reference = performance.now() - began
    if (found?.steps.join() !== judged.join()) throw new Error('the two disagree')
    own?.push(took)
    ratios?.push(reference / took)
  }
  return {
    name: 'k-anonymity of 100,000 records, 4 quasi-identifiers',
    unit: 'ms',
    ours: spread(own ?? []),
    reference: 'the same search that groups by joined texts',
    ratio: spread(ratios ?? []),
  }
}

function byTexts(rows: readonly Alike[], ladders: readonly Ladder[]): readonly number[] {
  let combinations: number[][] = [[]]
  for (const ladder of ladders)
    combinations = combinations.flatMap((steps) => ladder.map((_, step) => [...steps, step]))
  const height = (steps: readonly number[]): number => steps.reduce((sum, step) => sum + step, 0)
  let best: { steps: number[]; groups: number; smallest: number } | undefined
  for (const steps of combinations.toSorted((a, b) => height(a) - height(b))) {
    if (best && height(steps) > height(best.steps)) break
    const sizes = new Map<string, number>()
    for (const row of rows) {
      const name = row.values.map((value, i) => ladders[i]?.[steps[i] ?? 0]?.(value)).join('\0')
      sizes.set(name, (sizes.get(name) ?? 0) + row.count)
    }
    const smallest = Math.min(...sizes.values())
    if (smallest < K) continue
    const isBetter =
      !best || sizes.size > best.groups || (sizes.size === best.groups && smallest > best.smallest)
    if (isBetter) best = { steps, groups: sizes.size, smallest }
  }
  return best?.steps ?? []
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await work()
  return performance.now() - began
}

function line(
  name: string,
  rounds: readonly { own: number; ratio: number }[],
  reference: string,
  bar: number,
): BenchResult {
  const ours: Spread = spread(rounds.map(({ own }) => own))
  return { name, unit: 'ms', ours, reference, ratio: spread(rounds.map(({ ratio }) => ratio)), bar }
}

if (import.meta.main) printResults(await run())
