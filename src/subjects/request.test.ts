import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Action, type Standing, dueAfter, next, received } from './request.ts'

const DAY = 86_400_000
const RECEIVED = Date.parse('2030-01-31T14:00:00Z')

const ACTIONS: readonly Action[] = [
  { do: 'confirmIdentity' },
  { do: 'waitForRecipients' },
  { do: 'recipientsAnswered' },
  { do: 'complete', outcome: 'fulfilled' },
  { do: 'complete', outcome: 'partly' },
  { do: 'refuse' },
  { do: 'withdraw' },
  { do: 'extend', months: 1 },
  { do: 'extend', months: 2 },
  { do: 'runAgain' },
  { do: 'markOverdue' },
]

/** Just before and after every moment at which a rule turns. */
const TIMES = [0, 1, 2, 3].flatMap((months) =>
  months === 0 ? [RECEIVED] : [dueAfter(RECEIVED, months) - 1, dueAfter(RECEIVED, months)],
)

type Rules = typeof next

/** Every standing that can be reached, at every time that matters. */
function reachable(rules: Rules): readonly { standing: Standing; time: number }[] {
  const seen = new Map<string, { standing: Standing; time: number }>()
  const waiting = [true, false].map((shown) => ({ standing: received(RECEIVED, shown), time: 0 }))
  for (let one = waiting.pop(); one; one = waiting.pop()) {
    const { standing, time } = one
    const name = JSON.stringify([standing, time])
    if (seen.has(name)) continue
    seen.set(name, one)
    if (time + 1 < TIMES.length) waiting.push({ standing, time: time + 1 })
    for (const action of ACTIONS) {
      const after = rules(standing, action, TIMES[time] ?? 0)
      if (typeof after !== 'string') waiting.push({ standing: after, time })
    }
  }
  return [...seen.values()]
}

function faultsOf(rules: Rules): readonly string[] {
  return reachable(rules).flatMap(({ standing, time }) => {
    const now = TIMES[time] ?? 0
    const after = ACTIONS.map((action) => rules(standing, action, now))
    const faults: string[] = []
    if (!Number.isFinite(standing.dueAt)) faults.push('no deadline')
    if (standing.dueAt > dueAfter(RECEIVED, 3)) faults.push('a deadline beyond three months')
    if (standing.dueAt !== dueAfter(RECEIVED, 1 + standing.extendedMonths))
      faults.push('a deadline that its extensions do not explain')
    if (
      standing.state !== 'closed' &&
      !after.some((one) => typeof one !== 'string' && one.state === 'closed')
    )
      faults.push('no way out')
    if ((standing.state === 'closed') !== (standing.outcome !== undefined))
      faults.push('no outcome')
    const served = standing.outcome === 'fulfilled' || standing.outcome === 'partly'
    if (
      served &&
      now < standing.dueAt &&
      typeof rules(standing, { do: 'runAgain' }, now) === 'string'
    )
      faults.push('cannot be run again before its deadline')
    return faults
  })
}

describe('a request of a person, in every state that it can reach', () => {
  it('has a deadline of three months at most and a way out, and can be run again before its deadline', () => {
    assert.deepEqual(faultsOf(next), [])
    assert.ok(reachable(next).length > 100)
  })

  it('would be caught without a way out, or with a deadline that moves by itself', () => {
    const trap: Rules = (standing, action, now) =>
      standing.state === 'recipients' ? 'request_state' : next(standing, action, now)
    assert.ok(faultsOf(trap).includes('no way out'))
    const late: Rules = (standing, action, now) => {
      const after = next(standing, action, now)
      return action.do === 'runAgain' && typeof after !== 'string'
        ? { ...after, dueAt: standing.dueAt + DAY }
        : after
    }
    assert.ok(
      (() => {
        const capped: Rules = (standing, action, now) =>
          standing.dueAt > dueAfter(RECEIVED, 4) ? 'request_state' : late(standing, action, now)
        return faultsOf(capped).includes('a deadline that its extensions do not explain')
      })(),
    )
  })

  it('never gets to be served before it is known who asks', () => {
    const identity = received(RECEIVED, false)
    for (const action of ACTIONS) {
      const after = next(identity, action, RECEIVED)
      if (typeof after === 'string' || action.do === 'confirmIdentity') continue
      assert.ok(
        after.state === 'identity' || ['refused', 'withdrawn'].includes(after.outcome ?? ''),
      )
    }
  })
})

describe('the deadline of a request (Art. 12(3) GDPR, Regulation 1182/71)', () => {
  it('is the end of the same day of the next month, or of its last day', () => {
    const cases = [
      ['2030-01-31T14:00:00Z', '2030-03-01T00:00:00.000Z'],
      ['2028-01-31T00:00:00Z', '2028-03-01T00:00:00.000Z'],
      ['2030-03-15T23:59:59Z', '2030-04-16T00:00:00.000Z'],
      ['2030-12-31T12:00:00Z', '2031-02-01T00:00:00.000Z'],
    ] as const
    for (const [from, to] of cases)
      assert.equal(new Date(dueAfter(Date.parse(from), 1)).toISOString(), to)
  })

  it('equals a walk through the calendar day by day', () => {
    const day = fc.integer({ min: 0, max: 40_000 }).map((days) => days * DAY + 3_600_000)
    fc.assert(
      fc.property(day, fc.integer({ min: 1, max: 3 }), (from, months) => {
        assert.equal(dueAfter(from, months), walk(from, months))
      }),
      { seed: 6, numRuns: 500 },
    )
  })
})

/** Walks day by day until the month has changed so often, then on to the day of the month or the month's end. */
function walk(from: number, months: number): number {
  const wanted = new Date(from).getUTCDate()
  let day = Math.floor(from / DAY) * DAY
  let left = months
  while (left > 0) {
    day += DAY
    if (new Date(day).getUTCDate() === 1) left--
  }
  while (new Date(day).getUTCDate() < wanted && new Date(day + DAY).getUTCDate() !== 1) day += DAY
  return day + DAY
}
