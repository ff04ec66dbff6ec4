import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { withdrawConsent } from '#agreements/consent.ts'
import { EVENT_FIELDS, type JamfFields } from '#catalog/jamf-fields.ts'
import { countEvents } from '#intake/event-mark.ts'
import { JAMF_CONNECTION } from '../../sandbox/jamf/connect.ts'
import {
  computerEvent,
  mobileDeviceEvent,
  sendWebhooks,
  webhookBody,
} from '../../sandbox/jamf/webhooks.ts'
import { type JamfNode, TENANT, startJamfNode } from './jamf-node.ts'

/** A minute ago: the events of these tests happened in the minutes before they come in. */
const START = Date.now() - 60_000

describe('webhooks of Jamf Pro come in', () => {
  let t: JamfNode
  before(async () => {
    t = await startJamfNode({
      agreed: ['jamf-pro-compliance'],
      jamf: { computers: 3, mobiles: 2 },
    })
  })
  after(() => t.stop())

  const basic = () => ({ authorization: `Basic ${btoa(`jamf:${t.opened.eventSecret}`)}` })
  const send = (bodies: readonly Buffer[], headers = basic() as Record<string, string>) =>
    sendWebhooks(t.webhookUrl, bodies, headers)
  const added = (number: number, osVersion: string, at: number, form: 'json' | 'xml' = 'json') =>
    webhookBody('ComputerAdded', computerEvent(number, { osVersion }), { at, form })
  const only = async (serial: string) =>
    (await t.records()).find((record) => record['device.serialNumber'] === serial)
  const counted = () =>
    t.node.database.read(TENANT, (reader) => countEvents(reader, JAMF_CONNECTION))

  it('in JSON and in XML, proven by Basic or by a header; nobody else’s do', async () => {
    const bodies = [added(11, '15.1', START + 1), added(12, '15.2', START + 2, 'xml')]
    assert.deepEqual(await send(bodies), [200, 200])
    assert.deepEqual(
      await send([added(13, '15.3', START + 3)], { 'x-sluss-token': t.opened.eventSecret }),
      [200],
    )
    for (const [serial, version] of [
      ['SYNC0000011', '15.1'],
      ['SYNC0000012', '15.2'],
      ['SYNC0000013', '15.3'],
    ] as const)
      assert.deepEqual(await only(serial), {
        'device.serialNumber': serial,
        'device.osVersion': version,
        'device.osBuild': '24A300',
        'protocol.jamfEvent': 'computeradded',
      })
    const no = [added(14, '15', START + 4)]
    const wrong = 'x'.repeat(64)
    for (const headers of [
      {},
      { 'x-sluss-token': wrong },
      { authorization: `Basic ${btoa(`jamf:${wrong}`)}` },
      { ...basic(), 'x-sluss-token': wrong },
      { authorization: `Bearer ${t.opened.eventSecret}` },
    ])
      assert.deepEqual(await send(no, headers as Record<string, string>), [401])
    assert.equal(await only('SYNC0000014'), undefined)
  })

  it('an event comes in once, also as XML after JSON, from another webhook, and twice at a time', async () => {
    const before = await counted()
    const at = START + 100
    const bodies = [
      added(21, '15.1', at),
      added(21, '15.1', at, 'xml'),
      webhookBody('ComputerAdded', computerEvent(21, { osVersion: '15.1' }), { at, webhookId: 4 }),
    ]
    assert.deepEqual(await send([...bodies, ...bodies]), Array(6).fill(200))
    await Promise.all(Array.from({ length: 6 }, () => send([added(22, '15.1', at)])))
    const now = await counted()
    assert.equal(now.events - before.events, 2)
    assert.equal(now.repeats - before.repeats, 10)
  })

  it('in whatever order they come, the latest state holds, and a device that left stays away', async () => {
    const at = START + 5_000
    const phone = (name: string, osVersion: string, when: number) =>
      webhookBody(name, mobileDeviceEvent(31, { osVersion, version: osVersion }), { at: when })
    await send([
      phone('MobileDeviceCheckIn', '18.3', at + 300),
      phone('MobileDeviceEnrolled', '18.1', at),
      phone('MobileDevicePushSent', '18.2', at + 200),
    ])
    assert.equal((await only('SYNM0000031'))?.['device.osVersion'], '18.3')
    await send([
      phone('MobileDeviceUnEnrolled', '18.3', at + 400),
      phone('MobileDeviceCheckIn', '18.3', at + 350),
    ])
    assert.equal(await only('SYNM0000031'), undefined)
    await send([phone('MobileDeviceEnrolled', '18.4', at + 500)])
    assert.equal((await only('SYNM0000031'))?.['device.osVersion'], '18.4')
  })

  it('inventory and webhooks add up to one record, the later of the two in each field', async () => {
    const now = Date.now()
    await t.synchronise()
    const before = (await only('SYNC0000001')) ?? assert.fail()
    assert.equal(before['device.firewallEnabled'], true)
    await send([added(1, '14.0', now - 1_000)])
    assert.equal((await only('SYNC0000001'))?.['device.osVersion'], '15.1')
    await send([added(1, '15.9', Date.now())])
    const after = (await only('SYNC0000001')) ?? assert.fail()
    assert.deepEqual([after['device.osVersion'], after['device.firewallEnabled']], ['15.9', true])
    assert.equal(
      (await t.records()).filter((record) => record['device.serialNumber'] === 'SYNC0000001')
        .length,
      1,
    )
    await t.synchronise()
    assert.equal((await only('SYNC0000001'))?.['device.osVersion'], '15.1')
  })

  it('a clock of Jamf Pro that runs ahead keeps nothing out that comes after it', async () => {
    await send([added(41, '15.1', Date.now() + 86_400_000)])
    await send([added(41, '15.2', Date.now())])
    assert.equal((await only('SYNC0000041'))?.['device.osVersion'], '15.2')
  })

  it('P12 of every event with every field nothing reaches the disk but the items of the profile', async () => {
    let number = 0
    const fill = (fields: JamfFields) => {
      const event: Record<string, unknown> = {}
      for (const [path, what] of Object.entries(fields)) {
        const [type, item = ''] = what.split(' ')
        const isKept = /^device\.(serialNumber|osVersion|osBuild)$/.test(item)
        const canary = `${isKept ? 'kept' : 'cnry'}${(++number).toString().padStart(6, '0')}`
        const value =
          type === 'number'
            ? 900_000_000 + number
            : type === 'boolean'
              ? true
              : type === 'json'
                ? [canary]
                : canary
        const [top = '', below] = path.split('.')
        if (below === undefined) event[top] = value
        else event[top] = { ...(event[top] as object | undefined), [below]: value }
      }
      return { ...event, invented: `cnry-unknown-${number}` }
    }
    for (const [name, fields] of Object.entries(EVENT_FIELDS))
      for (const form of ['json', 'xml'] as const) {
        const body = webhookBody(name, fill(fields), {
          at: Date.now(),
          form,
          webhookName: 'cnry-webhook',
        })
        assert.deepEqual(await send([body]), [200], name)
      }
    const kept = await t.records()
    const held = JSON.stringify(kept)
    const { bundled } = t.node
    const files = readdirSync(bundled?.dataFolder ?? assert.fail(), {
      recursive: true,
      withFileTypes: true,
    })
    const disk = Buffer.concat(
      files
        .filter((file) => file.isFile())
        .map((file) => readFileSync(join(file.parentPath, file.name))),
    )
    for (const canary of ['cnry', t.opened.eventSecret])
      assert.ok(!held.includes(canary) && !disk.includes(canary), canary)
    assert.ok(disk.includes('computerinventorycompleted'), 'the hunt finds what is there')
    const intake = (await t.entries()).filter((one) => one.kind === 'intake').map((one) => one.data)
    assert.ok(
      intake.some((data) => (data.withheld as Record<string, number>)['person.userEmail'] === 1),
    )
    assert.ok(
      intake.filter((data) => Number(data.unknown) >= 1).length >= Object.keys(EVENT_FIELDS).length,
    )
  })

  it('what is no event, or has a document type, is refused and counted, and nothing of it kept', async () => {
    const bad = [
      '',
      '{}',
      '<JSSEvent/>',
      '<!DOCTYPE a [<!ENTITY x "canary">]><JSSEvent></JSSEvent>',
    ].map((text) => Buffer.from(text))
    assert.deepEqual(await send(bad), [400, 400, 400, 400])
  })

  it('P2 without consent nothing is kept, and Jamf Pro is answered all the same', async () => {
    await t.node.database.write(TENANT, (tx) =>
      withdrawConsent(tx, 'jamf-pro-compliance/inbound', { actor: 'admin:1', at: Date.now() }),
    )
    const before = (await t.records()).length
    assert.deepEqual(await send([added(51, '15', Date.now())]), [200])
    assert.equal((await t.records()).length, before)
  })
})
