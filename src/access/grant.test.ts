import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Clock, manualClock } from '#foundation/clock.ts'
import { steadyClock } from './grant-clock.ts'
import { type Grant, grantDeadline, grantState } from './grant.ts'

const HOUR = 3_600_000
const grant = (change: Partial<Grant> = {}): Grant => ({
  grantId: 'g',
  tenantId: 'acme',
  requestId: 'r',
  caseId: 'c',
  operatorAccountId: 'o',
  kind: 'approved',
  items: new Set(),
  records: [],
  precision: 'masked',
  purpose: 'remote-assistance',
  starts: 'firstUse',
  approvedAt: 0,
  durationMs: HOUR,
  firstUsedAt: undefined,
  endsAt: undefined,
  lapsesAt: 24 * HOUR,
  seenAt: 0,
  endedAt: undefined,
  endedBy: undefined,
  endReason: undefined,
  ...change,
})

describe('the state of a grant', () => {
  it('P7 is over at its end to the millisecond, and stays over', () => {
    const used = grant({ firstUsedAt: 10, endsAt: 10 + HOUR })
    assert.equal(grantState(used, 9 + HOUR), 'inForce')
    assert.equal(grantState(used, 10 + HOUR), 'ended')
    assert.equal(grantState(grant(), 24 * HOUR - 1), 'notStarted')
    assert.equal(grantState(grant(), 24 * HOUR), 'lapsed')
  })
  it('P7 is never before the latest time at which it was seen', () =>
    assert.equal(grantState(grant({ seenAt: 24 * HOUR }), 0), 'lapsed'))
  it('follows its deadline whenever it is asked', () => {
    const anyGrant = fc.record({
      firstUsedAt: fc.option(fc.nat(HOUR), { nil: undefined }),
      starts: fc.constantFrom('approval' as const, 'firstUse' as const),
      lapsesAt: fc.integer({ min: 1, max: 3 * HOUR }),
    })
    fc.assert(
      fc.property(anyGrant, fc.nat(6 * HOUR), ({ firstUsedAt, starts, lapsesAt }, now) => {
        const endsAt =
          starts === 'approval' ? HOUR : firstUsedAt === undefined ? undefined : firstUsedAt + HOUR
        const one = grant({ firstUsedAt, starts, lapsesAt, endsAt })
        const isOver = ['ended', 'lapsed'].includes(grantState(one, now))
        assert.equal(isOver, now >= (grantDeadline(one) ?? 0))
      }),
    )
  })
})

/** Whether a clock made of another ever runs backwards, or slower than time passes. */
function complaints(make: (clock: Clock) => Clock): number {
  const step = fc.oneof(
    fc.record({ advance: fc.nat(HOUR) }),
    fc.record({ set: fc.integer({ min: -10 * HOUR, max: 10 * HOUR }) }),
  )
  let found = 0
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const clock = manualClock(0)
      const steady = make(clock)
      let last = steady.now()
      for (const one of steps) {
        const passed = 'advance' in one ? one.advance : 0
        if ('advance' in one) clock.advance(passed)
        else clock.set(clock.now() + one.set)
        const now = steady.now()
        if (now < last + passed) found++
        last = now
      }
    }),
    { seed: 1, numRuns: 200 },
  )
  return found
}

describe('a clock for deadlines', () => {
  it('P7 never runs backwards nor stands still when the clock of the machine is set back', () =>
    assert.equal(complaints(steadyClock), 0))
  it('follows a clock that is set forward', () => {
    const clock = manualClock(0)
    const steady = steadyClock(clock)
    clock.set(HOUR)
    assert.equal(steady.now(), HOUR)
  })
  it('would notice a plain clock, and one that only remembers its latest time', () => {
    assert.notEqual(
      complaints((clock) => clock),
      0,
    )
    const remembering = (clock: Clock): Clock => {
      let latest = 0
      return { ...clock, now: () => (latest = Math.max(latest, clock.now())) }
    }
    assert.notEqual(complaints(remembering), 0)
  })
})
