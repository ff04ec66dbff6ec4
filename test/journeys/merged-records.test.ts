import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import type { Precision } from '#catalog/precision.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { type KeyRoom, createKeys } from '#keys/create-keys.ts'
import { fileRootKey } from '#keys/root-key.ts'
import { type MergeBatch, type MergedRecord, mergeRecords } from '#records/merge.ts'
import { readRecords } from '#records/read.ts'
import { findRecords } from '#records/record-index.ts'
import { createTenant } from '#tenants/create-tenant.ts'
import { type TestDatabase, testDatabase } from '../database.ts'
import { temporaryFolder } from '../folder.ts'

const UDID = 'device.udid'
const NAME = 'device.name'
const OS = 'device.osVersion'
const now = Date.parse('2030-01-01T00:00:00Z')
const allowed = new Map<string, Precision>([UDID, NAME, OS].map((item) => [item, 'exact']))
const NAMES = ['one', 'two', 'three']

interface Step {
  readonly device: number
  readonly at: number
  readonly section: string
  readonly removed: boolean
  readonly name: string | undefined
  readonly os: string | undefined
  /** Ends the transaction after it. */
  readonly ends: boolean
}

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    device: fc.integer({ min: 0, max: 2 }),
    at: fc.integer({ min: 1, max: 8 }),
    section: fc.constantFrom('a', 'b'),
    removed: fc.boolean(),
    name: fc.option(fc.constantFrom(...NAMES), { nil: undefined }),
    os: fc.option(fc.constantFrom('17', '18'), { nil: undefined }),
    ends: fc.boolean(),
  }),
  { minLength: 1, maxLength: 14 },
)

type Merge = typeof mergeRecords

describe('records that come in parts', () => {
  let test: TestDatabase
  let keys: KeyRoom
  let tenants = 0
  before(async () => {
    test = await testDatabase()
    const rootKey = await fileRootKey(join(await temporaryFolder('merged'), 'root.key'))
    keys = await createKeys({ database: test.database, rootKey })
  })
  after(async () => {
    await keys.close()
    await test.stop()
  })

  const recordOf = ({ device, at, section, removed, name, os }: Step): MergedRecord => ({
    subjectItem: UDID,
    subject: `SYN-${device}`,
    items: {
      [UDID]: `SYN-${device}`,
      ...(name === undefined ? {} : { [NAME]: name }),
      ...(os === undefined ? {} : { [OS]: os }),
    },
    removed,
    section,
    at,
  })

  /** What is kept, and what the index leads to, after the steps; in transactions as the steps say. */
  const kept = async (list: readonly Step[], merge: Merge) => {
    const tenant = `t${tenants++}`
    const by = { name: 'Example', region: 'EU', actor: 'operator:1', at: now } as const
    await test.database.write(tenant, (tx) => createTenant(tx, keys, by))
    let group: MergedRecord[] = []
    for (const [i, step] of list.entries()) {
      group.push(recordOf(step))
      if (!step.ends && i < list.length - 1) continue
      const batch: MergeBatch = { connectionId: 'c', kind: 'device', records: group, allowed, now }
      await test.database.write(tenant, (tx) => merge(tx, keys, shippedCatalog, batch))
      group = []
    }
    return test.database.read(tenant, async (reader) => {
      const items = new Set(allowed.keys())
      const records = await readRecords(reader, keys, { connectionId: 'c', items, limit: 10 })
      const found: Record<string, string[]> = {}
      for (const name of NAMES) {
        const ids = await findRecords(reader, keys, NAME, [name])
        found[name] = records
          .filter((record) => ids.includes(record.recordId))
          .map((record) => String(record.items[UDID]))
          .sort()
      }
      return { records: sorted(records.map((record) => record.items)), found }
    })
  }

  const sorted = (records: readonly Readonly<Record<string, unknown>>[]) =>
    records.toSorted((a, b) => (String(a[UDID]) < String(b[UDID]) ? -1 : 1))

  /** The same by the rule, one event after the other, in memory. */
  const byTheRule = (list: readonly Step[]) => {
    const devices = new Map<
      string,
      { items: Record<string, unknown>; times: [string, number][]; gone: number; removed: boolean }
    >()
    for (const step of list) {
      const { subject, items } = recordOf(step)
      const one = devices.get(subject) ?? { items: {}, times: [], gone: 0, removed: false }
      const known = devices.has(subject)
      const newer = one.times.filter(([section]) => step.removed || section === step.section)
      if (newer.some(([, at]) => at > step.at) || one.gone > step.at) continue
      if (!(step.removed && known)) one.items = { ...one.items, ...items }
      if (step.removed) one.gone = step.at
      else one.times.push([step.section, step.at])
      one.removed = step.removed
      devices.set(subject, one)
    }
    const records = [...devices.values()].filter((one) => !one.removed).map((one) => one.items)
    const found: Record<string, string[]> = {}
    for (const name of NAMES)
      found[name] = records
        .filter((record) => record[NAME] === name)
        .map((record) => String(record[UDID]))
        .sort()
    return { records: sorted(records), found }
  }

  const agrees = (merge: Merge, numRuns: number) =>
    fc.assert(
      fc.asyncProperty(steps, async (list) => {
        assert.deepEqual(await kept(list, merge), byTheRule(list))
      }),
      { numRuns, seed: 4, endOnFailure: true },
    )

  it('are what one event after the other makes of them, however they share commits; so is their index', () =>
    agrees(mergeRecords, 60))

  const TWINS: Readonly<Record<string, Merge>> = {
    'adds events in the wrong order': (tx, room, catalog, batch) =>
      mergeRecords(tx, room, catalog, { ...batch, records: batch.records.toReversed() }),
    'takes only the last event of a device': (tx, room, catalog, batch) => {
      const last = new Map(batch.records.map((record) => [record.subject, record]))
      return mergeRecords(tx, room, catalog, { ...batch, records: [...last.values()] })
    },
    'forgets when things happened': (tx, room, catalog, batch) =>
      mergeRecords(tx, room, catalog, {
        ...batch,
        records: batch.records.map((record) => ({ ...record, at: 1 })),
      }),
  }
  for (const [fault, twin] of Object.entries(TWINS))
    it(`catches one that ${fault}`, () => assert.rejects(agrees(twin, 60)))

  it('P6 what is no longer allowed as exactly goes with the next event, not from what was removed', async () => {
    const write = (records: MergedRecord[], how: ReadonlyMap<string, Precision>) =>
      test.database.write('precise', (tx) =>
        mergeRecords(tx, keys, shippedCatalog, {
          connectionId: 'c',
          kind: 'device',
          records,
          allowed: how,
          now,
        }),
      )
    const by = { name: 'Example', region: 'EU', actor: 'operator:1', at: now } as const
    await test.database.write('precise', (tx) => createTenant(tx, keys, by))
    const step = { device: 1, section: 'a', removed: false, os: undefined, ends: true }
    const coarse = new Map<string, Precision>([...allowed, [NAME, 'pseudonym']])
    await write([recordOf({ ...step, at: 1, name: 'one' })], allowed)
    await write([recordOf({ ...step, at: 2, name: undefined, removed: true })], coarse)
    await write([recordOf({ ...step, at: 3, name: undefined })], coarse)
    const [record] = await test.database.read('precise', (reader) =>
      readRecords(reader, keys, { connectionId: 'c', items: new Set([NAME, UDID]), limit: 10 }),
    )
    assert.deepEqual(record?.items, { [UDID]: 'SYN-1' })
  })

  it('what is unchanged is not written again, and what was there before is in the index still', async () => {
    const step = { device: 5, section: 'a', removed: false, os: '18', name: 'one', ends: true }
    await test.database.write('still', (tx) =>
      createTenant(tx, keys, { name: 'Example', region: 'EU', actor: 'operator:1', at: now }),
    )
    const take = (at: number, name: string) =>
      test.database.write('still', (tx) =>
        mergeRecords(tx, keys, shippedCatalog, {
          connectionId: 'c',
          kind: 'device',
          records: [recordOf({ ...step, at, name })],
          allowed,
          now: now + at,
        }),
      )
    const rows = () =>
      test.ownerQuery<{ sealed: Buffer; last_seen: Date }>(
        `select sealed, last_seen from records where tenant_id = 'still'`,
      )
    await take(1, 'one')
    const [first] = await rows()
    await take(2, 'one')
    const [second] = await rows()
    assert.deepEqual(second?.sealed, first?.sealed)
    assert.equal(second?.last_seen.getTime(), now + 2)
    await take(3, 'two')
    const found = (item: string, value: string) =>
      test.database.read('still', (reader) => findRecords(reader, keys, item, [value]))
    assert.equal((await found(NAME, 'one')).length, 0)
    assert.equal((await found(NAME, 'two')).length, 1)
    assert.equal((await found(UDID, 'SYN-5')).length, 1)
  })
})
