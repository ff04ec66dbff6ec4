import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SIGNAL_RULES, type SignalRule, findSignals } from './signal-rules.ts'
import type { Touch } from './touch.ts'

const HOUR = 3_600_000
const NOON = Date.parse('2030-03-04T12:00:00Z')

let index = 0
const touch = (over: Partial<Touch> & { count?: number }): Touch => ({
  entryIndex: index++,
  part: 0,
  entryId: 'e',
  at: NOON,
  touch: 'seen',
  actor: 'operator:a',
  party: undefined,
  connection: 'c',
  grant: undefined,
  node: undefined,
  policies: undefined,
  recordKind: 'device',
  subjects: Array.from({ length: over.count ?? 1 }, (_, i) => `s${i}`),
  items: { 'device.model': 'exact' },
  unsentIndex: undefined,
  ...over,
})

const rules = (id: SignalRule['id']) => SIGNAL_RULES.filter((rule) => rule.id === id)
const watched = {
  tenantId: 't',
  timeZone: 'Europe/Stockholm',
  decoys: new Set(['s7']),
  from: NOON - 2 * HOUR,
}
const find = (id: SignalRule['id'], touches: readonly Touch[]) =>
  findSignals(
    rules(id),
    watched,
    touches.toSorted((a, b) => a.at - b.at),
  )

describe('the rules that look for signals', () => {
  it('find far more than the busiest day before, and tell both numbers', async () => {
    const before = touch({ at: NOON - 48 * HOUR, count: 20 })
    assert.deepEqual(await find('volume', [before, touch({ count: 99 })]), [])
    const [found] = await find('volume', [before, touch({ count: 100 })])
    assert.equal(found?.measured.subjects, 100)
    assert.equal(found?.measured.busiest, 20)
    assert.deepEqual(await find('volume', [{ ...before, subjects: [] }, touch({ count: 99 })]), [])
    // Somebody without a past is for another rule.
    assert.deepEqual(await find('volume', [touch({ count: 500 })]), [])
  })

  it('find who looks for the first time, but not whom data is sent for', async () => {
    assert.equal((await find('firstReader', [touch({ count: 20 })])).length, 1)
    assert.deepEqual(await find('firstReader', [touch({ count: 20, touch: 'sent' })]), [])
    assert.deepEqual(
      await find('firstReader', [touch({ at: NOON - 30 * HOUR }), touch({ count: 20 })]),
      [],
    )
  })

  it('read hours by the clock of the tenant', async () => {
    // 19:30 UTC is 20:30 in Stockholm; 18:30 UTC is not yet late.
    const late = touch({ at: NOON + 7.5 * HOUR, count: 10 })
    assert.equal((await find('outOfHours', [late])).length, 1)
    assert.deepEqual(await find('outOfHours', [{ ...late, at: NOON + 6.5 * HOUR }]), [])
  })

  it('find refusals in a row, which something allowed in between breaks', async () => {
    const refused = (i: number) =>
      touch({ touch: 'refused', at: NOON + i * 60_000, subjects: [], items: {} })
    const row = Array.from({ length: 10 }, (_, i) => refused(i))
    assert.equal((await find('refusalsInARow', row))[0]?.measured.refusals, 10)
    assert.deepEqual(await find('refusalsInARow', row.slice(1)), [])
    assert.deepEqual(await find('refusalsInARow', [...row, touch({ at: NOON + 4.5 * 60_000 })]), [])
    const slow = row.map((one, i) => ({ ...one, at: NOON + i * 2 * 60_000 }))
    assert.deepEqual(await find('refusalsInARow', slow), [])
  })

  it('find one look at a decoy', async () => {
    assert.equal((await find('decoy', [touch({ count: 8 })])).length, 1)
    assert.deepEqual(await find('decoy', [touch({ count: 7 })]), [])
    assert.deepEqual(await find('decoy', [touch({ count: 8, touch: 'received' })]), [])
  })

  it('find the same again under the same key, and nothing that is past', async () => {
    const look = touch({ count: 20 })
    const keys = async () => (await find('firstReader', [look])).map((one) => one.key)
    assert.deepEqual(await keys(), await keys())
    assert.deepEqual(await find('firstReader', [touch({ at: NOON - 5 * HOUR, count: 20 })]), [])
  })
})
