import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { approveCommand } from '#agreements/approval.ts'
import { closeObligation } from '#agreements/obligation.ts'
import { KeyDestroyed } from '#keys/keys.ts'
import { recordHolder } from '#records/read.ts'
import { subjectsWith } from '#records/people.ts'
import { askForErasure } from '#subjects/erase.ts'
import { readErasure } from '#subjects/erasure.table.ts'
import { recordOfProcessing } from '#subjects/processing.ts'
import { endRetention, forecastRetention } from '#subjects/retention.ts'
import { keepRecords } from '#records/keep.ts'
import { recipientsOfErasure } from '#subjects/erasure-recipients.ts'
import { placeHold, releaseHold } from '#subjects/hold.ts'
import { readLog } from '../node.ts'
import { type ErasureWorld, TENANT, startErasureWorld } from './erasure-world.ts'

const DELETE_DEVICE = 'google.androidManagement.enterprises.devices.delete'

describe('from a delete signal of the directory to the last receipt', () => {
  let t: ErasureWorld
  let device: string
  let userId: string
  let erasureId: string
  before(async () => {
    t = await startErasureWorld()
    device = `${t.google.service.enterprise}/devices/3592d972`
  })
  after(() => t.stop())
  const read = <Result>(work: Parameters<typeof t.node.database.read<Result>>[1]) =>
    t.node.database.read(TENANT, work)
  const recipients = () => read((reader) => recipientsOfErasure(reader, erasureId))
  const find = () =>
    read((reader) =>
      subjectsWith(reader, t.node.keys, [
        { item: 'person.userEmail', value: 'anna@example.org' },
        { item: 'device.name', value: device },
      ]),
    )

  it('knows the person, their devices, and who got something of them', async () => {
    const names = await t.call('GET', '/Users?count=0')
    assert.equal(names.body.totalResults, 0)
    const made = await t.call('POST', '/Users', {
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
      userName: 'anna@example.org',
      displayName: 'Anna Andersson',
      active: true,
    })
    assert.equal(made.status, 201)
    userId = made.body.id
    await t.keep('person', 'person.userEmail', { 'person.userEmail': 'anna@example.org' })
    await t.keep('device', 'device.name', {
      'device.name': device,
      'person.userEmail': 'anna@example.org',
    })
    const sent = await t.throughGateway('GET', `/v1/${device}`)
    assert.equal(sent.status, 200)
    assert.equal((await find()).length, 2)
  })

  it('P11 destroys the keys and removes the rows of a person whom the directory deleted', async () => {
    const subjects = await find()
    assert.equal((await t.call('DELETE', `/Users/${userId}`)).status, 204)
    assert.equal((await t.call('GET', `/Users/${userId}`)).status, 404)
    const done = await t.erase()
    assert.deepEqual(done, { keysDestroyed: 1, erased: 1, waiting: 0, told: 0 })
    assert.deepEqual(await find(), [])
    for (const id of [userId, ...subjects])
      await assert.rejects(
        read((reader) => t.node.keys.sealFor(reader, id, 'x', Buffer.from('x'))),
        KeyDestroyed,
      )
    const log = await readLog(t.node)
    const entry = log.find((one) => one.kind === 'erasure.keys-destroyed')
    erasureId = String(entry?.data.erasure)
    assert.deepEqual(entry?.data.recipients, [['google', 'google']])
    const erasure = await read((reader) => readErasure(reader, erasureId))
    assert.deepEqual(
      [
        erasure?.state,
        erasure?.trigger,
        Object.fromEntries(Object.entries(erasure?.removed ?? {}).filter(([, rows]) => rows > 0)),
      ],
      ['erased', 'directoryDelete', { records: 2, directory: 1 }],
    )
    assert.doesNotMatch(JSON.stringify(log), /anna|Andersson/i)
  })

  it('tells the recipient by its protocol once somebody approved that the device is wiped', async () => {
    const [before] = await recipients()
    assert.deepEqual(
      [before?.partyId, before?.how, before?.state, before?.waitsFor],
      ['google', 'connector', 'open', 'approval_missing'],
    )
    await t.node.database.write(TENANT, (tx) =>
      approveCommand(
        tx,
        t.node.keys,
        { connectionId: 'google', exchangeId: DELETE_DEVICE, target: device, command: '' },
        { until: t.clock.now() + 3_600_000, needsSecond: false },
        t.by(),
      ),
    )
    t.clock.advance(120_000)
    const { told } = await t.erase()
    assert.equal(told, 1, (await recipients())[0]?.waitsFor ?? '')
    const [after] = await recipients()
    assert.deepEqual([after?.state, after?.waitsFor], ['receipt', null])
    assert.deepEqual(await find(), [], 'to tell somebody brought nobody back')
    await assert.rejects(
      read((reader) => t.node.keys.sealFor(reader, erasureId, 'x', Buffer.from('x'))),
      KeyDestroyed,
      'by which names they knew the person is forgotten after the last answer',
    )
  })

  it('waits for a legal hold, says so once, and goes on when it ends', async () => {
    const [subject = ''] = await t.keep('person', 'person.userEmail', {
      'person.userEmail': 'held@example.org',
    })
    const hold = await t.node.database.write(TENANT, (tx) =>
      placeHold(
        tx,
        t.node.keys,
        { subjectId: subject, reason: 'a court asked for it', endsAt: undefined },
        t.by(),
      ),
    )
    const id = await t.node.database.write(TENANT, (tx) =>
      askForErasure(tx, { trigger: 'administrator', subjectIds: [subject] }, t.by()),
    )
    assert.equal((await t.erase()).waiting, 1)
    assert.equal((await t.erase()).waiting, 1)
    assert.equal((await read((reader) => readErasure(reader, id)))?.waitsFor, `hold:${hold}`)
    const holder = recordHolder(t.node.keys)
    assert.equal((await read((reader) => holder.exportFor(reader, subject))).length, 1)
    await t.node.database.write(TENANT, (tx) => releaseHold(tx, hold, t.by()))
    assert.equal((await t.erase()).erased, 1)
    const waits = (await readLog(t.node)).filter((one) => one.kind === 'erasure.waits')
    assert.equal(waits.length, 1)
  })

  it('asks once: the same erasure asked again is the one that is under way', async () => {
    const [subject = ''] = await t.keep('person', 'person.userEmail', {
      'person.userEmail': 'twice@example.org',
    })
    const ask = () =>
      t.node.database.write(TENANT, (tx) =>
        askForErasure(tx, { trigger: 'administrator', subjectIds: [subject] }, t.by()),
      )
    assert.equal(await ask(), await ask())
    assert.equal((await t.erase()).erased, 1)
  })

  it('ends retention: what its party removed 29 days ago is asked to go, counted, and forecast before', async () => {
    const forget = { 'device.serialNumber': 'SYN-REMOVED-1' }
    await t.node.database.write(TENANT, (tx) =>
      keepRecords(tx, t.node.keys, t.node.parts.catalog, {
        connectionId: 'google',
        kind: 'device',
        subjectItem: 'device.serialNumber',
        records: [{ subject: 'SYN-REMOVED-1', items: forget, removed: true }],
        now: t.clock.now(),
      }),
    )
    const due = new Date(t.clock.now() + 30 * 86_400_000).toISOString().slice(0, 10)
    const forecast = await read(forecastRetention)
    assert.deepEqual(
      forecast.filter((one) => one.rule === 'retention.factory-reset'),
      [{ day: due, rule: 'retention.factory-reset', subjects: 1 }],
    )
    const end = () =>
      t.node.database.write(TENANT, (tx) => endRetention(tx, t.by('job:end-retention')))
    assert.equal(await end(), 0)
    t.clock.advance(29 * 86_400_000)
    assert.equal(await end(), 1)
    assert.equal(await end(), 0, 'asked once')
    assert.equal((await t.erase()).erased, 1)
    const applied = (await readLog(t.node)).filter((one) => one.kind === 'retention.applied')
    assert.deepEqual(
      applied.map((one) => one.data),
      [{ rule: 'retention.factory-reset', subjects: 1 }],
    )
  })

  it('makes the record of processing from what stands: consents, and what the ledger holds', async () => {
    const made = await read((reader) =>
      recordOfProcessing(reader, t.node.parts.catalog, t.clock.now()),
    )
    assert.equal(made?.controller.id, TENANT)
    const [activity] = made?.activities ?? []
    assert.ok(activity && activity.purposes.every(({ dpv }) => dpv.includes(':')))
    const google = made?.transfers.find((one) => one.flow === 'android-enterprise/outbound')
    const sent = (await readLog(t.node)).filter((one) => one.kind === 'disclosure').length
    assert.deepEqual(
      [google?.party, google?.consent, google?.disclosures],
      ['google', 'given', sent],
    )
  })

  it('leaves a recipient who does not answer overdue, and forgets the names after 30 days', async () => {
    const [subject = ''] = await t.keep('device', 'device.name', {
      'device.name': device.replace(/.$/, '3'),
    })
    await t.throughGateway('GET', `/v1/${device.replace(/.$/, '3')}`)
    const id = await t.node.database.write(TENANT, (tx) =>
      askForErasure(tx, { trigger: 'administrator', subjectIds: [subject] }, t.by()),
    )
    await t.erase()
    const [recipient] = await read((reader) => recipientsOfErasure(reader, id))
    assert.equal(recipient?.state, 'open')
    t.clock.advance(31 * 86_400_000)
    await t.erase()
    await assert.rejects(
      read((reader) => t.node.keys.sealFor(reader, id, 'x', Buffer.from('x'))),
      KeyDestroyed,
    )
    await t.node.database.write(TENANT, (tx) =>
      closeObligation(
        tx,
        recipient?.obligationId ?? '',
        { outcome: 'refused', evidenceHash: 'a'.repeat(64) },
        t.by(),
      ),
    )
    const [closed] = await read((reader) => recipientsOfErasure(reader, id))
    assert.equal(closed?.state, 'refused')
  })
})
