import assert from 'node:assert/strict'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import type { Criterion } from '#breach/criterion.ts'
import { followAllLogs, followLog, forgetIndex } from '#breach/follow-log.ts'
import { packetOf } from '#breach/packet.ts'
import { findScope, overview } from '#breach/scope.ts'
import { differenceOf } from '#breach/scope-difference.ts'
import { scopeFromExports, scopeOfHistories } from '#breach/scope-of-entries.ts'
import type { TenantScope } from '#breach/tenant-scope.ts'
import { shippedCatalog as catalog } from '#catalog/shipped.ts'
import { type Database, INSTALLATION } from '#database/handles.ts'
import { manualClock, toTimestamp } from '#foundation/clock.ts'
import { newOrderedId } from '#foundation/ids.ts'
import { silentLog } from '#foundation/log.ts'
import { signerFromSeed } from '#keys/signing.ts'
import { appendAll } from '#ledger/append.ts'
import type { Entry } from '#ledger/entry.ts'
import { readBundle, readEntries, readHead, readTile } from '#ledger/read.ts'
import { logKey } from '#ledger/sequence.ts'
import { type Sequencer, startSequencer } from '#ledger/sequencer.ts'
import { tilePath, tilesOf } from '#ledger/verify/tile.ts'
import { type TestDatabase, testDatabase } from '../../database.ts'
import { temporaryFolder } from '../../folder.ts'
import {
  ACCOUNTS,
  type Event,
  GRANTS,
  START,
  TENANTS,
  canaryOf,
  entriesOf,
  histories,
} from './histories.ts'
import { type Judged, judge } from './scope-judge.ts'

const HOUR = 3_600_000
const ALWAYS = { from: START - HOUR, to: START + 10_000 * HOUR, readable: 'all' } as const
const signer = signerFromSeed(Buffer.alloc(32, 7))
const LEDGER = 'scope-test'

let test: TestDatabase
let database: Database
let sequencer: Sequencer

before(async () => {
  test = await testDatabase()
  database = test.database
  const clock = manualClock(START)
  sequencer = startSequencer({ database, ledgerName: LEDGER, signer, clock, log: silentLog })
})
after(async () => {
  await sequencer.stop()
  await test.stop()
})

const parts = () => ({ database, catalog, settled: () => sequencer.settled() })

/** Every run has tenants of its own: a log cannot be emptied. */
let run = 0
async function write(events: readonly Event[], rename: (tenant: string) => string) {
  const byTenant = new Map<string, Entry[]>()
  for (const event of events) {
    const tenant = rename(event.tenant)
    byTenant.set(tenant, [...(byTenant.get(tenant) ?? []), ...entriesOf(event)])
  }
  for (const [tenant, entries] of byTenant)
    await database.write(tenant, (tx) => appendAll(tx, entries))
  // Tenants that were never made are followed once their cursor is there.
  await sequencer.settled()
  for (const tenant of byTenant.keys()) await followLog(database, tenant)
}

function judgedForm(scope: TenantScope, name = scope.tenantId): Judged {
  return {
    tenant: name,
    subjects: scope.subjects,
    facts: scope.records
      .flatMap((one) =>
        Object.entries(one.items).flatMap(([item, all]) =>
          all.map((how) => `${one.connection} ${one.subject} ${item} ${how}`),
        ),
      )
      .toSorted(),
    first: scope.firstSeen ?? Number.NaN,
    last: scope.lastSeen ?? Number.NaN,
  }
}

const window = fc
  .tuple(fc.integer({ min: 0, max: 1_500 }), fc.integer({ min: 1, max: 1_500 }))
  .map(([from, length]) => ({ from: START + from * 60_000, to: START + (from + length) * 60_000 }))
const criterion: fc.Arbitrary<Criterion> = fc
  .tuple(
    fc.oneof(
      fc.constantFrom(...ACCOUNTS).map((name) => ({ kind: 'account' as const, name })),
      fc.constantFrom('apple', 'google').map((name) => ({ kind: 'party' as const, name })),
      fc
        .constantFrom('shared-name', `${canaryOf('north')}-c1`)
        .map((name) => ({ kind: 'connection' as const, name })),
      fc.constantFrom(...GRANTS).map((name) => ({ kind: 'grant' as const, name })),
      fc.constantFrom('node-1').map((name) => ({ kind: 'node' as const, name })),
      fc
        .integer({ min: 0, max: 400 })
        .map((one) => ({ kind: 'subject' as const, name: `${canaryOf('south')}-subject-${one}` })),
      fc.constant({ kind: 'window' as const }),
    ),
    window,
    fc.constantFrom('all' as const, 'all' as const, 'clearItems' as const, 'nothing' as const),
  )
  .map(([what, when, readable]) => ({ ...what, ...when, readable }))

describe('the scope of an incident', () => {
  it('P13 equals brute force on generated histories, looked up or from the entries alone', async () => {
    await fc.assert(
      fc.asyncProperty(
        histories(),
        fc.array(criterion, { minLength: 1, maxLength: 3 }),
        async (events, given) => {
          const suffix = `-${++run}`
          const named = given.map((one) => ({
            ...one,
            tenants: TENANTS.map((tenant) => tenant + suffix),
          }))
          await write(events, (tenant) => tenant + suffix)
          const found = await findScope(parts(), named)
          const mine = found.tenants.filter((one) => one.entries > 0)
          const expected = judge(
            events.map((event) => ({ ...event, tenant: event.tenant + suffix })),
            named,
          )
          assert.deepEqual(
            mine.map((one) => judgedForm(one)),
            expected,
          )
          const all = new Map<string, readonly (Entry & { index: number })[]>()
          for (const tenant of TENANTS.map((one) => one + suffix))
            all.set(
              tenant,
              await database.read(tenant, (reader) => readEntries(reader, 0, 100_000)),
            )
          assert.deepEqual(scopeOfHistories(catalog, all, named), found.tenants)
        },
      ),
      { numRuns: 25, seed: 1305 },
    )
  })

  it('P13 would not equal brute force if what never left were counted, or a refusal', () => {
    const events = fc.sample(histories(), { numRuns: 30, seed: 3 }).flat()
    const wrong = events.map((event) =>
      event.what === 'sent' && event.outcome === 'unsent'
        ? { ...event, outcome: 'none' as const }
        : event,
    )
    const apple = [{ ...ALWAYS, kind: 'party' as const, name: 'apple' }]
    assert.notDeepEqual(judge(wrong, apple), judge(events, apple))
  })

  it('P9 P13 gives each tenant a packet with nothing of another, though they share names', async () => {
    const events = fc.sample(histories(TENANTS, 200, 100), { numRuns: 1, seed: 11 })[0] ?? []
    const suffix = `-${++run}`
    await write(events, (tenant) => tenant + suffix)
    const { tenants } = await findScope(parts(), [
      { ...ALWAYS, kind: 'connection', name: 'shared-name' },
      { ...ALWAYS, kind: 'connection', name: `${canaryOf('north')}-c1` },
    ])
    const mine = tenants.filter((one) => one.tenantId.endsWith(suffix))
    assert.equal(mine.length, 3)
    for (const scope of mine) {
      const text = JSON.stringify(packetOf({ incidentId: 'i', scopeId: 's' }, scope))
      for (const other of TENANTS)
        assert.equal(
          text.includes(canaryOf(other)),
          scope.tenantId === other + suffix,
          `${scope.tenantId} ${other}`,
        )
    }
  })

  it('P9 asks one tenant only through its own rows, even when a probe of all is asked', async () => {
    const rows = await database.read('nobody', (reader) =>
      reader.rows('select tenant_id from breach_touches'),
    )
    assert.deepEqual(rows, [])
  })

  it('says up to which size each log was looked at, and finds nobody where nobody was touched', async () => {
    const suffix = `-${++run}`
    const [events = []] = fc.sample(histories(['north'], 40, 10), { numRuns: 1, seed: 2 })
    await write(events, (tenant) => tenant + suffix)
    const found = await findScope(parts(), [{ ...ALWAYS, kind: 'party', name: 'nobody-at-all' }])
    assert.deepEqual(found.tenants, [])
    const head = await database.read(`north${suffix}`, readHead)
    assert.equal(found.completeTo.get(`north${suffix}`), head?.size)
  })

  it('leaves out what was unreadable to the holder, and says how much', async () => {
    const tenant = `sealed-${++run}`
    const seen = (subject: string, exact: readonly string[]): Event => ({
      tenant,
      what: 'seen',
      at: START,
      by: ACCOUNTS[1],
      grant: undefined,
      connection: 'c',
      subjects: [subject],
      exact,
      masked: [],
    })
    await write(
      [seen('a', ['device.serialNumber']), seen('b', ['device.serialNumber', 'device.model'])],
      (one) => one,
    )
    const criteria = (readable: Criterion['readable']) => [
      { ...ALWAYS, kind: 'account' as const, name: ACCOUNTS[1], readable, tenants: [tenant] },
    ]
    const [clear] = (await findScope(parts(), criteria('clearItems'))).tenants
    assert.deepEqual(clear?.subjects, ['b'])
    assert.deepEqual(clear?.items, { 'device.model': ['exact'] })
    assert.deepEqual(clear?.excluded, { entries: 1, subjects: 1 })
    const [nothing] = (await findScope(parts(), criteria('nothing'))).tenants
    assert.equal(nothing?.entries, 0)
    assert.deepEqual(nothing?.excluded, { entries: 2, subjects: 2 })
  })

  it('goes from a key to what its account did while it had it, and from a version to its nodes', async () => {
    const tenant = `keys-${++run}`
    const at = (hours: number) => toTimestamp(START + hours * HOUR)
    const entry = (
      hours: number,
      kind: Entry['kind'],
      actor: string,
      data: Entry['data'],
    ): Entry => ({
      id: newOrderedId(START + hours * HOUR),
      at: at(hours),
      kind,
      actor,
      data,
    })
    const look = (hours: number, subject: string, node: string) =>
      entry(hours, 'read', `admin:${ACCOUNTS[0]}`, {
        node,
        kind: 'device',
        records: [{ connection: 'c', subjects: [subject] }],
        shown: { exact: ['device.model'], masked: {} },
      })
    const key = { account: ACCOUNTS[0], key: `key-${tenant}` }
    await database.write(tenant, (tx) =>
      appendAll(tx, [
        look(0, 'before', 'n1'),
        entry(1, 'key.registered', 'admin:x', key),
        look(2, 'during', 'n1'),
        entry(3, 'key.removed', 'admin:x', key),
        look(4, 'after', 'n2'),
      ]),
    )
    await database.write(INSTALLATION, (tx) =>
      appendAll(tx, [
        entry(0, 'node', 'node:n1', { node: 'n1', version: `v1-${tenant}` }),
        entry(1, 'node', 'node:n1', { node: 'n1', version: `v2-${tenant}` }),
        entry(1, 'node', 'node:n2', { node: 'n2', version: `v2-${tenant}` }),
      ]),
    )
    await sequencer.settled()
    await followLog(database, tenant)
    const subjects = async (kind: 'credential' | 'version', name: string) =>
      (await findScope(parts(), [{ ...ALWAYS, kind, name, tenants: [tenant] }])).tenants[0]
        ?.subjects
    assert.deepEqual(await subjects('credential', key.key), ['during'])
    assert.deepEqual(await subjects('version', `v1-${tenant}`), ['before'])
    assert.deepEqual(await subjects('version', `v2-${tenant}`), ['after', 'during'])
  })

  it('counts apart what does not say by which node it went', async () => {
    const tenant = `nodes-${++run}`
    const sent = (node: string | undefined, subject: string): Event => ({
      tenant,
      what: 'sent',
      at: START,
      party: 'apple',
      connection: 'c',
      node,
      items: { 'device.model': 'exact' },
      outcome: 'delivered',
      subjects: [subject],
    })
    await write([sent('bad', 'a'), sent(undefined, 'b'), sent('good', 'c')], (one) => one)
    const [found] = (
      await findScope(parts(), [{ ...ALWAYS, kind: 'node', name: 'bad', tenants: [tenant] }])
    ).tenants
    assert.deepEqual(found?.subjects, ['a'])
    assert.equal(found?.unattributed, 1)
  })

  it('shows after new facts what came to it, and who must be told more', async () => {
    const suffix = `-${++run}`
    const [events = []] = fc.sample(histories(TENANTS, 60, 40), { numRuns: 1, seed: 21 })
    await write(events, (tenant) => tenant + suffix)
    const tenants = TENANTS.map((tenant) => tenant + suffix)
    const apple = { ...ALWAYS, kind: 'party' as const, name: 'apple', tenants }
    const narrow = (await findScope(parts(), [{ ...apple, tenants: tenants.slice(0, 2) }])).tenants
    const wide = (await findScope(parts(), [apple, { ...apple, name: 'google' }])).tenants
    const difference = differenceOf(narrow, wide)
    assert.deepEqual(
      difference.map(({ tenantId, change }) => [tenantId, change]),
      [
        [tenants[0], 'more'],
        [tenants[1], 'more'],
        [tenants[2], 'new'],
      ],
    )
    assert.ok(difference.every((one) => one.mustBeToldMore))
    for (const one of difference) {
      const count = (all: readonly TenantScope[]) =>
        all.find((each) => each.tenantId === one.tenantId)?.subjects.length ?? 0
      assert.equal(one.addedSubjects, count(wide) - count(narrow))
    }
    assert.ok(differenceOf(wide, wide).every((one) => one.change === 'same' && !one.mustBeToldMore))
    assert.ok(
      differenceOf(wide, narrow).every((one) => !one.mustBeToldMore && one.removedRecords > 0),
    )
  })

  it('P13 comes from exported logs alone when the database itself is the incident', async () => {
    const tenant = `export-${++run}`
    const [events = []] = fc.sample(histories(['north'], 300, 280), { numRuns: 1, seed: 5 })
    await write(events, () => tenant)
    const criteria = [{ ...ALWAYS, kind: 'party' as const, name: 'apple', tenants: [tenant] }]
    const expected = (await findScope(parts(), criteria)).tenants
    const folder = await temporaryFolder('scope')
    try {
      await exportLog(tenant, folder)
      const key = logKey(LEDGER, tenant, signer.publicKey)
      assert.deepEqual(
        await scopeFromExports(catalog, [{ tenantId: tenant, folder, key }], criteria),
        expected,
      )
      await writeFile(join(folder, tilePath('entries', 0, 256)), Buffer.from([0, 1, 65]))
      await assert.rejects(
        scopeFromExports(catalog, [{ tenantId: tenant, folder, key }], criteria),
        /does not verify/,
      )
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })

  it('is the same when the index is made anew, and when two nodes follow one log at once', async () => {
    const tenant = `again-${++run}`
    const [events = []] = fc.sample(histories(['north'], 400, 300), { numRuns: 1, seed: 8 })
    await write(events, () => tenant)
    const criteria = [{ ...ALWAYS, kind: 'window' as const, tenants: [tenant] }]
    const look = async () => (await findScope(parts(), criteria)).tenants
    const first = await look()
    await forgetIndex(database, tenant)
    const second = await test.openSecond()
    await Promise.all([
      followLog(database, tenant),
      followLog(second, tenant),
      followAllLogs(second),
    ])
    assert.deepEqual(await look(), first)
    const [line] = (
      await overview(database, {
        ...ALWAYS,
        by: 'window',
        names: [],
        touches: ['sent', 'seen', 'received', 'answered'],
        tenants: [tenant],
      })
    ).filter((one) => one.tenantId === tenant)
    assert.equal(line?.subjects, first[0]?.subjects.length)
    assert.equal(line?.firstAt, first[0]?.firstSeen)
  })
})

async function exportLog(tenant: string, folder: string): Promise<void> {
  await database.read(tenant, async (reader) => {
    const head = await readHead(reader)
    assert.ok(head)
    await writeFile(join(folder, 'checkpoint'), head.checkpoint)
    for (const { level, index, width } of tilesOf(head.size)) {
      const bytes =
        level === 'entries'
          ? await readBundle(reader, index, width)
          : await readTile(reader, level, index, width)
      const path = join(folder, tilePath(level, index, width))
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, bytes ?? Buffer.alloc(0))
    }
  })
}
