import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  DEADLINES,
  type RequestEvent,
  type RequestState,
  TRANSITIONS,
  isMeaningful,
  samePerson,
  statesBefore,
} from './request.ts'

type Table = typeof TRANSITIONS

/** Walks every way from `created`; answers the states reached and what is wrong with them. */
function explore(table: Table): { reached: Set<RequestState>; complaints: string[] } {
  const reached = new Set<RequestState>(['created'])
  const complaints: string[] = []
  for (const state of reached) {
    const ways = table.filter((one) => one.from.includes(state))
    for (const { to } of ways) reached.add(to)
    const deadline = DEADLINES[state]
    if (deadline === 'final' && ways.length > 0) complaints.push(`${state} is final and goes on`)
    if (deadline === 'final') continue
    const byTime: readonly RequestEvent[] =
      deadline === 'expiresAt' ? ['expire'] : deadline === 'endsAt' ? ['end'] : ['lapse']
    if (!ways.some((way) => byTime.includes(way.event)))
      complaints.push(`${state} has a deadline and no way out at it`)
    if (!ways.some((way) => DEADLINES[way.to] === 'final'))
      complaints.push(`${state} cannot come to an end`)
  }
  return { reached, complaints }
}

describe('states of a request', () => {
  it('every state is reached, and has a deadline with a way out at it, or is final', () => {
    const { reached, complaints } = explore(TRANSITIONS)
    assert.deepEqual(complaints, [])
    assert.deepEqual([...reached].sort(), Object.keys(DEADLINES).sort())
  })
  it('would notice a state without an end', () => {
    for (const event of ['expire', 'lapse', 'end'] as const)
      assert.notDeepEqual(explore(TRANSITIONS.filter((one) => one.event !== event)).complaints, [])
    const again: Table = [...TRANSITIONS, { event: 'begin', from: ['ended'], to: 'active' }]
    assert.notDeepEqual(explore(again).complaints, [])
  })
  it('P7 there is no way to an access past the operator, nor past the customer', () => {
    for (const skipped of ['providerApprove', 'approve'] as const) {
      const { reached } = explore(TRANSITIONS.filter((one) => one.event !== skipped))
      assert.ok(!reached.has('active') && !reached.has('approved'), skipped)
    }
  })
  it('nothing leads from one access to a longer one', () =>
    assert.deepEqual(
      TRANSITIONS.filter((one) => one.from.includes('active')).map((one) => DEADLINES[one.to]),
      ['final', 'final', 'final'],
    ))
  it('an event that is not in the table is possible nowhere', () =>
    assert.deepEqual(statesBefore('extend' as RequestEvent), []))
})

describe('who is who, and what says something', () => {
  it('one person is one account, or one mark in common', () => {
    const one = { accountId: 'a', personMarks: ['m', 'n'] }
    assert.ok(samePerson(one, { accountId: 'a', personMarks: [] }))
    assert.ok(samePerson(one, { accountId: 'b', personMarks: ['x', 'n'] }))
    assert.ok(!samePerson(one, { accountId: 'b', personMarks: ['x'] }))
  })
  for (const reason of [
    '',
    ' '.repeat(50),
    'aaaaaaaaaaaaaaaaaaaaaaaaa',
    'support support support support',
    '....................,,,,,,,,,,',
    'x y z x y z x y z x y z x y z x y z',
    'fix fix fix it it it fix fix fix',
  ])
    it(`refuses as a reason: ${JSON.stringify(reason.slice(0, 30))}`, () =>
      assert.equal(isMeaningful(reason), false))
  it('takes a sentence, in any alphabet that spaces its words', () => {
    assert.ok(isMeaningful('Telefonerna går inte att registrera sedan i går.'))
    assert.ok(isMeaningful('See why the update of the tablets fails.'))
  })
})
