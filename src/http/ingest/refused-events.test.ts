import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type RefusedEvent, createRefusedEvents } from './refused-events.ts'

const one: RefusedEvent = {
  tenantId: 'acme',
  connectionId: 'nano',
  reason: 'client_unauthenticated',
}

describe('events that are refused at the door', () => {
  it('are recorded at once, then once a minute with their number, and none is forgotten at the end', async () => {
    const recorded: [string, number, number][] = []
    const events = createRefusedEvents(async ({ reason }, times, now) => {
      recorded.push([reason, times, now])
    })
    for (const now of [0, 1, 2, 59_999, 60_000, 60_001]) await events.add(one, now)
    await events.add({ ...one, reason: 'body_malformed' }, 60_002)
    await events.flush(60_003)
    assert.deepEqual(recorded, [
      ['client_unauthenticated', 1, 0],
      ['client_unauthenticated', 4, 60_000],
      ['body_malformed', 1, 60_002],
      ['client_unauthenticated', 1, 60_003],
    ])
  })

  it('are counted again when the entry could not be written', async () => {
    let broken = true
    const times: number[] = []
    const events = createRefusedEvents(async (_, count) => {
      if (broken) throw new Error('no database')
      times.push(count)
    })
    await assert.rejects(events.add(one, 0))
    broken = false
    await events.flush(1)
    assert.deepEqual(times, [1])
  })
})
