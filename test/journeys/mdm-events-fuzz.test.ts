import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { shippedCatalog } from '#catalog/shipped.ts'
import { readPlist } from '#connectors/mdm-events/plist/read-plist.ts'
import { readMdmEvent } from '#connectors/mdm-events/source.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { binaryPlist, xmlPlist } from '../mdm/plist.ts'
import { webhookBody } from '../mdm/webhook.ts'

/** A small generator with a seed (mulberry32), so that what fails can be run again. */
function random(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

const MESSAGE = {
  UDID: 'cny-udid',
  Status: 'Acknowledged',
  QueryResponses: {
    DeviceName: 'Ä name',
    IsSupervised: true,
    DeviceCapacity: 64.5,
    PushToken: Buffer.from('token'),
    LastCloudBackupDate: new Date(1_900_000_000_000),
    ServiceSubscriptions: [{ IMEI: '0', Label: 'x' }],
  },
  InstalledApplicationList: [{ Identifier: 'org.example.app', BundleSize: 123_456_789 }],
}

const SPLICES = [
  '<dict>',
  '</array>',
  '<key>',
  ']]>',
  '<!--',
  '&#x41;',
  '<integer>',
  '\0',
  '\u{1F511}',
  '9'.repeat(30),
]

function mutate(original: Buffer, next: (below: number) => number): Buffer {
  let bytes = Buffer.from(original)
  for (let changes = 1 + next(4); changes > 0; changes--) {
    const at = next(bytes.length)
    switch (next(5)) {
      case 0:
        bytes.writeUInt8(next(256), at)
        break
      case 1:
        bytes = bytes.subarray(0, at + 1)
        break
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + next(20))])
        break
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(next(bytes.length))])
        break
      default:
        bytes = Buffer.concat([
          bytes.subarray(0, at),
          Buffer.from(SPLICES[next(SPLICES.length)] ?? ''),
          bytes.subarray(at),
        ])
    }
    if (bytes.length === 0) return original
  }
  return bytes
}

describe('events that something went wrong with', () => {
  const items = shippedCatalog.items

  it('10,000 changed messages crash nothing, and give a refusal or a record within its shape', () => {
    const next = random(20_300_101)
    const originals = [xmlPlist(MESSAGE), binaryPlist(MESSAGE)]
    const seen = { refused: 0, read: 0 }
    for (let i = 0; i < 10_000; i++) {
      const payload = mutate(originals[i % 2] ?? Buffer.alloc(1), next)
      const event = readMdmEvent(
        webhookBody({ topic: 'mdm.Connect', message: MESSAGE, at: 0, encode: () => payload }),
      )
      if (isRefusal(event)) {
        assert.equal(event.refused, 'body_malformed')
        seen.refused++
        continue
      }
      seen.read++
      assert.ok(items.has(event.subjectItem))
      for (const [member, value] of Object.entries(event.record)) {
        const known = member in event.shape.fields || member.startsWith('? ')
        assert.ok(known, `change ${i} brought a member that no shape knows`)
        if (member.startsWith('- ') || member.startsWith('? '))
          assert.match(JSON.stringify(value), /^(?:1|\[1(?:,1)*\])$/)
      }
    }
    // Changed so that both happen: else the test would look at one half only.
    assert.ok(seen.refused > 1_000 && seen.read > 300, JSON.stringify(seen))
  })

  it('10,000 changed envelopes and 2,000 heaps of bytes crash nothing', () => {
    const next = random(7)
    const original = webhookBody({ topic: 'mdm.Connect', message: MESSAGE, at: 0 })
    for (let i = 0; i < 10_000; i++) readMdmEvent(mutate(original, next))
    for (let i = 0; i < 2_000; i++) {
      const heap = Buffer.from(Array.from({ length: 40 + next(100) }, () => next(256)))
      readPlist(Buffer.concat([Buffer.from(i % 2 === 0 ? 'bplist00' : '<plist>'), heap]))
    }
  })

  it('takes no longer than its size allows', { timeout: 20_000 }, () => {
    const size = 1_000_000
    for (const text of [
      `<plist><data>${' '.repeat(size)}!</data></plist>`,
      `<plist><string>${'&'.repeat(size)}</string></plist>`,
      `<plist><string${' '.repeat(size)}`,
      `<plist>${'<!-- -->'.repeat(size / 8)}`,
      `<plist><string>${'<!-- -->'.repeat(size / 8)}</string></plist>`,
      `<plist><dict>${'<key>'.repeat(size / 5)}`,
      `<plist><integer>${'1'.repeat(size)}</integer></plist>`,
      `<plist><real>${'1'.repeat(size)}</real></plist>`,
    ]) {
      const from = process.hrtime.bigint()
      readPlist(Buffer.from(text))
      const ms = Number(process.hrtime.bigint() - from) / 1e6
      assert.ok(ms < 2_000, `${text.slice(0, 30)} took ${ms.toFixed(0)} ms`)
    }
  })
})
