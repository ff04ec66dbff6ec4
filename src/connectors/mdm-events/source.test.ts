import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isRefusal } from '#foundation/refusal.ts'
import { type Writable, binaryPlist, xmlPlist } from '../../../test/mdm/plist.ts'
import { webhookBody } from '../../../test/mdm/webhook.ts'
import { readPlist } from './plist/read-plist.ts'
import { readMdmEvent } from './source.ts'

const at = Date.parse('2030-01-01T00:00:00Z')
const read = (topic: string, message: Record<string, Writable>, encode = xmlPlist) => {
  const event = readMdmEvent(webhookBody({ topic, message, at, encode }))
  assert.ok(!isRefusal(event))
  return event
}
const xml = (inner: string) => readPlist(Buffer.from(`<plist version="1.0">${inner}</plist>`))

const INVENTORY = {
  UDID: '00008030-SYN0000000000001',
  CommandUUID: 'c1',
  Status: 'Acknowledged',
  QueryResponses: {
    DeviceName: 'Syn’s <iPhone> & "co" – Ä',
    SerialNumber: 'SYN0000001',
    IsSupervised: true,
    DeviceCapacity: 119.25,
    AvailableDeviceCapacity: 64,
    TimeZone: 'Europe/Stockholm',
    PushToken: Buffer.from('secret'),
    LastCloudBackupDate: new Date(at),
    ActiveManagedUsers: ['a', 'b'],
    AccessibilitySettings: { VoiceOverEnabled: true },
    SomethingNew: { of: ['a', 'newer', 'release'] },
  },
}

describe('events of a management server', () => {
  it('XML and binary of the same message give the same record', () => {
    for (const [topic, message] of [
      ['mdm.Connect', INVENTORY],
      [
        'mdm.Authenticate',
        { MessageType: 'Authenticate', UDID: 'u', OSVersion: '18.1', Topic: 't' },
      ],
      [
        'mdm.Connect',
        {
          UDID: 'u',
          InstalledApplicationList: Array.from({ length: 20 }, (_, i) => ({
            Identifier: `org.example.app${i}`,
            Name: `App ${i}`,
            BundleSize: 2 ** 40 + i,
          })),
        },
      ],
    ] as const) {
      assert.deepEqual(read(topic, message, binaryPlist), read(topic, message, xmlPlist))
    }
  })

  it('P12 a record has kept values by path; what is dropped or unknown is only counted', () => {
    const { record } = read('mdm.Connect', INVENTORY)
    assert.deepEqual(
      { ...record },
      {
        UDID: '00008030-SYN0000000000001',
        'QueryResponses.DeviceName': 'Syn’s <iPhone> & "co" – Ä',
        'QueryResponses.SerialNumber': 'SYN0000001',
        'QueryResponses.IsSupervised': true,
        'QueryResponses.DeviceCapacity': 119.25,
        'QueryResponses.AvailableDeviceCapacity': 64,
        '- never.mdmUnneeded': [1, 1],
        '- never.mdmWhereabouts': [1],
        '- never.mdmPushSecret': [1],
        '- never.mdmUsage': [1],
        '- never.mdmOtherPeople': [1],
        '- never.mdmHealth': [1],
        '? 0': 1,
      },
    )
  })

  it('counts apps, and lists them by identifier only', () => {
    const { record } = read('mdm.Connect', {
      UDID: 'u',
      InstalledApplicationList: [
        { Identifier: 'org.example.b', Name: 'B' },
        { Identifier: 'org.example.a', Name: 'A', IsAppClip: false },
      ],
    })
    assert.equal(record.InstalledApplicationList, 2)
    assert.equal(
      record['InstalledApplicationList.InstalledApplicationListItem.Identifier'],
      'org.example.a\norg.example.b',
    )
    assert.deepEqual(record['- never.mdmUsage'], [1, 1, 1])
  })

  it('a personal device is known by its enrollment id, and an id that Apple withholds is dropped', () => {
    const event = read('mdm.Authenticate', {
      MessageType: 'Authenticate',
      EnrollmentID: 'E1',
      UDID: 'must-not',
      SerialNumber: 'must-not',
    })
    assert.equal(event.subjectItem, 'device.enrollmentId')
    assert.deepEqual(
      { ...event.record },
      {
        MessageType: 'Authenticate',
        EnrollmentID: 'E1',
        '- never.mdmWithheldByApple': [1, 1],
      },
    )
  })

  it('a key with a point in it is no path', () => {
    const { record } = read('mdm.Connect', { UDID: 'u', 'QueryResponses.SerialNumber': 'X' })
    assert.deepEqual({ ...record }, { UDID: 'u', '? 0': 1 })
  })

  it('a message of an unknown kind is counted, and nothing of it goes on', () => {
    const event = read('mdm.Invented', { MessageType: 'Invented', UDID: 'u', Secret: 's' })
    assert.deepEqual(event.record, { '? 0': 1 })
  })

  it('has the same name for the same event only', () => {
    const body = (eventId: string) =>
      readMdmEvent(
        webhookBody({
          topic: 'mdm.CheckOut',
          message: { MessageType: 'CheckOut', UDID: 'u' },
          at,
          eventId,
        }),
      ) as { name: string }
    assert.equal(body('1').name, body('1').name)
    assert.notEqual(body('1').name, body('2').name)
  })

  it('refuses what is no event', () => {
    for (const body of [
      '',
      'null',
      '[]',
      '{}',
      '{"topic":"mdm.Connect","created_at":"2030-01-01T00:00:00Z"}',
      '{"topic":"mdm.Connect","created_at":"yesterday","acknowledge_event":{"raw_payload":""}}',
      '{"topic":"mdm.Connect","created_at":"2030-01-01T00:00:00Z","acknowledge_event":{"raw_payload":"!"}}',
      '{"topic":"mdm.Connect","created_at":"2030-01-01T00:00:00Z","acknowledge_event":{"raw_payload":"AAAA"}}',
    ])
      assert.ok(isRefusal(readMdmEvent(Buffer.from(body))), body)
  })
})

describe('property lists', () => {
  it('expand no entity of their own and read no other document', () => {
    const evil =
      '<?xml version="1.0"?><!DOCTYPE plist [<!ENTITY a "aaaa">]><plist><string>&a;</string></plist>'
    assert.ok(isRefusal(readPlist(Buffer.from(evil))))
    assert.ok(isRefusal(xml('<string>&a;</string>')))
    assert.equal(xml('<string>&amp;lt;&#x41;<![CDATA[<b>]]></string>'), '&lt;A<b>')
  })

  it('refuse what would be read in two ways', () => {
    for (const inner of [
      '<dict><key>a</key><true/><key>a</key><false/></dict>',
      '<dict><key>a</key></dict>',
      '<dict><true/></dict>',
      '<integer>1.5</integer>',
      '<date>yesterday</date>',
      '<true/><true/>',
      '<string>a',
      '<array><string>a</array></string>',
      '<set/>',
      '',
    ])
      assert.ok(isRefusal(xml(inner)), inner)
  })

  it('stay within their bounds: depth, number of values, references in a ring', () => {
    assert.ok(isRefusal(xml(`${'<array>'.repeat(100)}${'</array>'.repeat(100)}`)))
    assert.ok(isRefusal(xml(`<array>${'<true/>'.repeat(200_001)}</array>`)))
    const ring = binaryPlist([['a']])
    // The inner array now refers to the outer one.
    ring.writeUInt16BE(0, 8 + 3 + 1)
    assert.ok(isRefusal(readPlist(ring)))
    // Twenty lists, each of which holds the next one twice: a million values in 120 bytes.
    const lists = Array.from({ length: 20 }, (_, i) => [0xa2, i + 1, i + 1])
    const objects = Buffer.from([...lists.flat(), 0x09])
    const table = Buffer.from([...lists.map((_, i) => 8 + i * 3), 8 + 60])
    const trailer = Buffer.alloc(32)
    trailer.writeUInt8(1, 6)
    trailer.writeUInt8(1, 7)
    trailer.writeBigUInt64BE(21n, 8)
    trailer.writeBigUInt64BE(BigInt(8 + objects.length), 24)
    assert.ok(
      isRefusal(readPlist(Buffer.concat([Buffer.from('bplist00'), objects, table, trailer]))),
    )
  })
})
