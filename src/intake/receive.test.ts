import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { createDecider } from '#access/create-decider.ts'
import { loadPolicies } from '#access/policies.ts'
import { chooseCollection } from '#agreements/collection.ts'
import { giveConsent } from '#agreements/consent.ts'
import { switchFeature } from '#agreements/switch-feature.ts'
import { manifestOf } from '#catalog/manifest.ts'
import { withFlowItem } from '#catalog/grow.ts'
import { leaf, object } from '#catalog/shape.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import type { Catalog } from '#catalog/catalog.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { type KeyRoom, createKeys } from '#keys/create-keys.ts'
import { fileRootKey } from '#keys/root-key.ts'
import { createSubjectNames } from '#records/name-subjects.ts'
import { countRecords, readRecords, recordHolder } from '#records/read.ts'
import { ensureSubjects, findSubject } from '#records/subjects.ts'
import { createTenant } from '#tenants/create-tenant.ts'
import { type TestDatabase, testDatabase } from '../../test/database.ts'
import { type IntakeBatch, receive } from './receive.ts'

const FLOW = 'apple-device-enrollment/inbound'
const SERIAL = 'device.serialNumber'
const now = Date.parse('2030-01-01T00:00:00Z')
const by = { actor: 'admin:1', at: now }

/** A flow that also names an optional and a never item, so that both can be seen to stop. */
const row = (item: string) => ({
  item,
  source: 'protocol:test',
  status: 'protocol' as const,
  class: 'person' as const,
  personal: true,
  says: item,
  why: 'test',
})
const catalog: Catalog = ['clientApp.crashReport', 'never.textMessages'].reduce(
  (grown, id) => withFlowItem(grown, FLOW, shippedCatalog.items.get(id) ?? assert.fail(), row(id)),
  shippedCatalog,
)

describe('intake', () => {
  let test: TestDatabase
  let keys: KeyRoom
  let folder: string
  const decider = loadPolicies(join(import.meta.dirname, '..', '..', 'policies')).then(
    createDecider,
  )

  before(async () => {
    test = await testDatabase()
    folder = await mkdtemp(join(tmpdir(), 'sluss-intake-'))
    keys = await createKeys({
      database: test.database,
      rootKey: await fileRootKey(join(folder, 'root.key')),
    })
    for (const tenant of ['acme', 'blank']) {
      await test.database.write(tenant, (tx) =>
        createTenant(tx, keys, { name: 'Example', region: 'EU', actor: 'operator:1', at: now }),
      )
    }
    await test.database.write('acme', async (tx) => {
      await switchFeature(tx, catalog, 'apple-device-enrollment', true, by)
      await giveConsent(
        tx,
        catalog,
        { flowId: FLOW, manifestHash: manifestOf(catalog, FLOW).hash },
        by,
      )
      await chooseCollection(
        tx,
        catalog,
        { itemId: 'device.assignedBy', on: true, precision: 'domain' },
        by,
      )
    })
  })
  after(async () => {
    await keys.close()
    await rm(folder, { recursive: true })
  })

  const shape = object({
    serial_number: leaf(SERIAL, { subject: true }),
    model: leaf('device.model'),
    device_assigned_by: leaf('device.assignedBy'),
    crash: leaf('clientApp.crashReport'),
    sms: leaf('never.textMessages'),
    op_type: leaf('protocol.opType'),
  })
  const batch = (records: readonly unknown[]): IntakeBatch => ({
    connectionId: 'apple',
    flow: FLOW,
    purpose: 'device-enrolment-management',
    kind: 'device',
    records,
    shape,
    subjectItem: SERIAL,
    removal: { item: 'protocol.opType', word: 'deleted' },
  })
  const take = async (records: readonly unknown[], tenant = 'acme', at = now) => {
    const parts = { catalog, decider: await decider, keys, now: at, actor: 'job:test' }
    return test.database.write(tenant, (tx) => receive(tx, batch(records), parts))
  }
  const all = () =>
    test.database.read('acme', (reader) =>
      readRecords(reader, keys, {
        connectionId: 'apple',
        items: new Set([SERIAL, 'device.model', 'device.assignedBy', 'clientApp.crashReport']),
        limit: 100,
      }),
    )

  it('P2 keeps nothing without consent, and says so in the log', async () => {
    const refused = await take([{ serial_number: 'SYN0000001' }], 'blank')
    assert.ok(isRefusal(refused) && refused.refused === 'feature_off')
    assert.equal(await test.database.read('blank', (reader) => countRecords(reader, 'apple')), 0)
  })

  it('keeps what may come in, as exactly as agreed, and counts the rest', async () => {
    const taken = await take([
      {
        serial_number: 'SYN0000001',
        model: 'iPhone',
        device_assigned_by: 'cny-person@school.example.org',
        crash: 'cny-optional',
        sms: 'cny-never',
        note: 'cny-unknown',
        nested: { model: 'cny-nested' },
      },
      { model: 'without a serial number' },
    ])
    assert.deepEqual(taken, {
      kept: 1,
      withheld: { 'clientApp.crashReport': 1, 'never.textMessages': 1 },
      unknown: 2,
    })
    const [record] = await all()
    assert.deepEqual(record?.items, {
      [SERIAL]: 'SYN0000001',
      'device.model': 'iPhone',
      'device.assignedBy': 'school.example.org',
    })
  })

  it('knows a device again, takes its newest state, and marks one that is gone', async () => {
    await take(
      [
        { serial_number: 'SYN0000001', model: 'iPad' },
        { serial_number: 'SYN0000002', model: 'Mac' },
      ],
      'acme',
      now + 1,
    )
    assert.deepEqual(
      (await all()).map((record) => record.items['device.model']),
      ['iPad', 'Mac'],
    )
    await take([{ serial_number: 'SYN0000002', op_type: 'deleted' }], 'acme', now + 2)
    assert.equal((await all()).length, 1)
  })

  it('a device first seen in a call and then in a sync is one subject', async () => {
    const names = createSubjectNames(keys)
    const [first] = await test.database.write('acme', (tx) =>
      names.name(tx, SERIAL, ['SYN0000009']),
    )
    await take([{ serial_number: 'SYN0000009', model: 'Mac' }])
    const [again, other] = await test.database.write('acme', (tx) =>
      names.name(tx, SERIAL, ['SYN0000009', 'SYN0000010']),
    )
    assert.equal(again, first)
    assert.notEqual(other, first)
    const [one, two] = await Promise.all(
      [1, 2].map(() =>
        test.database.write('acme', (tx) =>
          ensureSubjects(tx, keys, SERIAL, ['SYN0000011', 'SYN0000011']),
        ),
      ),
    )
    assert.equal(new Set([...(one ?? []), ...(two ?? [])]).size, 1)
  })

  it('P11 a name that was rolled back does not live on in memory', async () => {
    const names = createSubjectNames(keys)
    const value = ['SYN0000012']
    const undone = test.database.write('acme', async (tx) => {
      await names.name(tx, SERIAL, value)
      throw new Error('undone')
    })
    await assert.rejects(undone, /undone/)
    assert.equal(names.known('acme', SERIAL, value), undefined)
    const named = await test.database.write('acme', (tx) => names.name(tx, SERIAL, value))
    names.remember('acme', SERIAL, value, named)
    assert.deepEqual(names.known('acme', SERIAL, value), named)
    const [subject] = await test.database.write('acme', (tx) =>
      ensureSubjects(tx, keys, SERIAL, value),
    )
    const kept = await test.database.read('acme', (reader) =>
      keys.subjectCommitments(reader, [subject ?? '']),
    )
    assert.deepEqual([...kept.values()], named)
  })

  it('P11 erasing a subject leaves nothing of it in the rows', async () => {
    const id = await test.database.read('acme', (reader) =>
      findSubject(reader, keys, SERIAL, 'SYN0000001'),
    )
    assert.ok(id)
    const holder = recordHolder(keys)
    const exported = await test.database.read('acme', (reader) => holder.exportFor(reader, id))
    assert.equal(exported[0]?.items[SERIAL], 'SYN0000001')
    await test.database.write('acme', async (tx) => {
      assert.equal(await holder.erase(tx, id), 1)
      await keys.destroySubjectKey(tx, id)
    })
    assert.equal(
      await test.database.read('acme', (reader) => findSubject(reader, keys, SERIAL, 'SYN0000001')),
      undefined,
    )
    assert.deepEqual(await test.database.read('acme', (reader) => holder.find(reader, id)), [])
  })

  it('P12 what was not to be kept is in no file of the database, nor is anything sealed in clear', async () => {
    await test.ownerQuery('checkpoint')
    const folder = test.server.dataFolder
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((file) =>
      file.isFile(),
    )
    const bytes = () => files.map((file) => readFileSync(join(file.parentPath, file.name)))
    const found = (needle: string) => bytes().some((one) => one.includes(needle))
    for (const canary of [
      'cny-optional',
      'cny-never',
      'cny-unknown',
      'cny-nested',
      'cny-person',
      'SYN0000001',
      'school.example.org',
    ]) {
      assert.ok(!found(canary), `${canary} is on the disk`)
    }
    // The hunt finds what is there.
    assert.ok(found('iPhone') || found('iPad'))
    await test.stop()
  })
})
