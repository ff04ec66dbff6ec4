import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { addMonths, isCustomerData, leadTimeOver } from './agent-lead-time.ts'

const DAY_IN_MS = 86_400_000

/** The same by walking the calendar a day at a time: the n-th month from here, and in it the day, or its last. */
function byWalking(at: number, months: number): number {
  const wanted = new Date(at).getUTCDate()
  let time = at
  let passed = 0
  while (passed < months) {
    const month = new Date(time).getUTCMonth()
    time += DAY_IN_MS
    if (new Date(time).getUTCMonth() !== month) passed += 1
  }
  const isLast = (t: number): boolean => new Date(t + DAY_IN_MS).getUTCDate() === 1
  while (new Date(time).getUTCDate() < wanted && !isLast(time)) time += DAY_IN_MS
  return time
}

const times = fc.integer({
  min: Date.parse('1999-12-25T00:00:00Z'),
  max: Date.parse('2105-01-01T00:00:00Z'),
})

type AddMonths = typeof addMonths

function agreesWithTheCalendar(add: AddMonths): void {
  fc.assert(
    fc.property(times, fc.integer({ min: 0, max: 14 }), (at, months) => {
      assert.equal(add(at, months), byWalking(at, months))
    }),
    { numRuns: 400, seed: 4 },
  )
  for (const [from, until] of EDGES)
    assert.equal(new Date(add(Date.parse(from), 6)).toISOString(), until)
}

const EDGES: readonly (readonly [string, string])[] = [
  ['2027-08-31T10:20:30.456Z', '2028-02-29T10:20:30.456Z'],
  ['2026-08-31T00:00:00.000Z', '2027-02-28T00:00:00.000Z'],
  ['2026-08-29T23:59:59.999Z', '2027-02-28T23:59:59.999Z'],
  ['2028-02-29T12:00:00.000Z', '2028-08-29T12:00:00.000Z'],
  ['2026-12-31T23:59:59.999Z', '2027-06-30T23:59:59.999Z'],
  ['2099-08-31T00:00:00.000Z', '2100-02-28T00:00:00.000Z'],
]

const TWINS: Readonly<Record<string, AddMonths>> = {
  'counts a month as thirty days': (at, months) => at + months * 30 * DAY_IN_MS,
  'overflows into the next month': (at, months) => {
    const date = new Date(at)
    return date.setUTCMonth(date.getUTCMonth() + months)
  },
  'goes by the clock of a summer-time zone': (at, months) => addMonths(at, months) - 3_600_000,
  'forgets the time of day': (at, months) =>
    Math.floor(addMonths(at, months) / DAY_IN_MS) * DAY_IN_MS,
  'takes every fourth year for a leap year': (at, months) => {
    const end = new Date(addMonths(at, months))
    return end.getUTCFullYear() === 2100 && end.getUTCMonth() === 1 && end.getUTCDate() === 28
      ? end.getTime() + DAY_IN_MS
      : end.getTime()
  },
}

describe('lead times', () => {
  it('P2 six months are calendar months in UTC, at month ends and in leap years too', () => {
    agreesWithTheCalendar(addMonths)
  })

  for (const [fault, twin] of Object.entries(TWINS))
    it(`catches one that ${fault}`, () => {
      assert.throws(() => agreesWithTheCalendar(twin))
    })

  it('P2 data of the customer wait six months, other personal data 30 days, and what nobody classed the longer', () => {
    const at = Date.parse('2027-08-31T00:00:00Z')
    assert.equal(isCustomerData('People'), true)
    assert.equal(isCustomerData('a category of tomorrow'), true)
    assert.equal(leadTimeOver('People', at), Date.parse('2028-02-29T00:00:00Z'))
    assert.equal(leadTimeOver('Support information', at), at + 30 * DAY_IN_MS)
  })
})
