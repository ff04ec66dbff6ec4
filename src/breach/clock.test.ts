import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { NOTICE_IN_MS, type Pause, awarenessClock, declarationClock, inZone } from './clock.ts'

const HOUR = 3_600_000
const START = Date.parse('2030-03-01T00:00:00Z')

describe('the clock of a declaration', () => {
  it('P13 is up 72 hours after the declaration', () => {
    const at = (hours: number) => declarationClock(START, [], START + hours * HOUR)
    assert.deepEqual(at(0), {
      startedAt: START,
      dueAt: START + 72 * HOUR,
      pausedMs: 0,
      remainingMs: 72 * HOUR,
      state: 'running',
    })
    assert.equal(at(71.99).state, 'running')
    assert.equal(at(72).state, 'over')
    // Set back before the declaration, it reads as at the start.
    assert.equal(at(-5).remainingMs, 72 * HOUR)
  })

  it('P13 agrees with one that ticks minute by minute, whatever the pauses', () => {
    const pause = fc
      .tuple(fc.integer({ min: -300, max: 9_000 }), fc.integer({ min: 0, max: 4_320 }))
      .map(
        ([from, length]): Pause => ({
          from: START + from * 60_000,
          until: START + (from + length) * 60_000,
        }),
      )
    fc.assert(
      fc.property(
        fc.array(pause, { maxLength: 4 }),
        fc.integer({ min: 0, max: 9_000 }),
        (pauses, minutes) => {
          const now = START + minutes * 60_000
          let left = NOTICE_IN_MS
          for (let t = START; t < now && left > 0; t += 60_000)
            if (!pauses.some(({ from, until }) => from <= t && t < until)) left -= 60_000
          const clock = declarationClock(START, pauses, now)
          assert.equal(clock.state === 'over', left <= 0)
          // While it stands still nobody knows yet what is left of a pause; it is told as if it lasted.
          if (clock.state === 'running') assert.equal(clock.remainingMs, left)
        },
      ),
      { numRuns: 60, seed: 5 },
    )
  })

  it('P13 of a tenant is never stopped', () => {
    assert.equal(awarenessClock(START, START + 72 * HOUR).state, 'over')
    assert.equal(awarenessClock(START, START + 71 * HOUR).state, 'running')
  })
})

describe('times outside', () => {
  it('are told in the zone of the tenant, and an hour that comes twice is told apart', () => {
    const zone = 'Europe/Stockholm'
    assert.equal(inZone(Date.parse('2030-07-01T12:00:00Z'), zone), '2030-07-01T14:00:00+02:00')
    assert.equal(inZone(Date.parse('2030-10-27T00:30:00Z'), zone), '2030-10-27T02:30:00+02:00')
    assert.equal(inZone(Date.parse('2030-10-27T01:30:00Z'), zone), '2030-10-27T02:30:00+01:00')
    assert.equal(inZone(Date.parse('2030-01-01T00:00:00Z'), 'UTC'), '2030-01-01T00:00:00+00:00')
    assert.equal(inZone(0, 'Asia/Kathmandu').slice(-6), '+05:30')
    assert.throws(() => inZone(0, 'Mars/Olympus'), RangeError)
    for (const minutes of [0, 17, 59_123]) {
      const time = START + minutes * 60_000
      assert.equal(Date.parse(inZone(time, 'America/St_Johns')), time)
    }
  })
})
