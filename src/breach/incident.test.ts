import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Refusal, isRefusal } from '#foundation/refusal.ts'
import {
  CLASSES,
  IMPACTS,
  type IncidentEvent,
  NEW,
  PHASES,
  REPORTABLE,
  type Standing,
  applyEvent,
  isOver,
} from './incident.ts'

type Machine = (now: Standing, event: IncidentEvent) => Standing | Refusal

const EVENTS: readonly IncidentEvent[] = [
  ...PHASES.flatMap((phase) =>
    [true, false].map((hasReason) => ({ event: 'moveTo' as const, phase, hasReason })),
  ),
  ...CLASSES.flatMap((one) =>
    IMPACTS.map((impact) => ({ event: 'classify' as const, class: one, impact })),
  ),
  { event: 'declare', class: 'customerReportable' },
  { event: 'declare', class: 'privacyBreach' },
  { event: 'scope' },
  { event: 'postMortem' },
  { event: 'close' },
  { event: 'reopen', hasReason: true },
  { event: 'reopen', hasReason: false },
  { event: 'merge' },
  { event: 'retract' },
]

interface Step {
  readonly from: Standing
  readonly event: IncidentEvent
  readonly to: Standing
}

/** Every state that can be reached, and every step between them. */
function explore(machine: Machine): { states: readonly Standing[]; steps: readonly Step[] } {
  const states = new Map([[JSON.stringify(NEW), NEW]])
  const steps: Step[] = []
  for (const from of states.values())
    for (const event of EVENTS) {
      const to = machine(from, event)
      if (isRefusal(to)) continue
      steps.push({ from, event, to })
      states.set(JSON.stringify(to), to)
    }
  return { states: [...states.values()], steps }
}

/** What must hold of every step and state, in words; nothing when it does. */
function complaints(machine: Machine): readonly string[] {
  const { states, steps } = explore(machine)
  const found = new Set<string>()
  const must = (holds: boolean, words: string): void => {
    if (!holds) found.add(words)
  }
  for (const { from, event, to } of steps) {
    must(!isOver(from), 'something follows an end')
    must(!from.isDeclared || to.isDeclared, 'a declaration is taken back')
    must(from.isDeclared === to.isDeclared || event.event === 'declare', 'a clock starts by itself')
    must(to.state !== 'retracted' || from.isDeclared, 'what was not declared is retracted')
    if (event.event === 'moveTo' && !event.hasReason) {
      const back = PHASES.indexOf(to.phase) < PHASES.indexOf(from.phase)
      const alternates = from.phase === 'stabilise' && to.phase === 'diagnose'
      must(!back || alternates, 'it goes back without a reason')
    }
    if (to.state === 'closed' && from.state === 'open') {
      must(!to.isDeclared || to.isScoped, 'a declared incident closes without a scope')
      must(to.hasPostMortem && to.phase === 'close', 'it closes without a post-mortem')
      must(to.class !== 'unclassified' && to.impact !== 'unknown', 'it closes unjudged')
    }
    if (event.event === 'declare' || (event.event === 'classify' && REPORTABLE.has(event.class)))
      must(from.state === 'open', 'what is over is declared')
  }
  for (const state of states) {
    must(!state.isDeclared || REPORTABLE.has(state.class), 'a declared incident is not reportable')
    must(state.isDeclared || !REPORTABLE.has(state.class), 'it is reportable and no clock runs')
    must(state.class !== 'falsePositive' || state.impact === 'none', 'a false alarm has an impact')
  }
  const canEnd = ends(states, steps)
  for (const state of states) must(canEnd.has(JSON.stringify(state)), 'an incident gets stuck')
  return [...found]
}

/** States from which a way leads to closed, merged or retracted. */
function ends(states: readonly Standing[], steps: readonly Step[]): ReadonlySet<string> {
  const good = new Set(
    states.filter((one) => one.state !== 'open').map((one) => JSON.stringify(one)),
  )
  const before = new Map<string, string[]>()
  for (const { from, to } of steps) {
    const name = JSON.stringify(to)
    before.set(name, [...(before.get(name) ?? []), JSON.stringify(from)])
  }
  for (const name of good) for (const from of before.get(name) ?? []) good.add(from)
  return good
}

describe('the states of an incident', () => {
  it('P13 keep every promise on every way through them, and none is a dead end', () => {
    const { states, steps } = explore(applyEvent)
    assert.ok(states.length > 100, `${states.length}`)
    assert.ok(steps.length > 1_000)
    assert.deepEqual(complaints(applyEvent), [])
    for (const phase of PHASES) assert.ok(states.some((one) => one.phase === phase))
    for (const [state, over] of [
      ['open', false],
      ['closed', false],
      ['merged', true],
      ['retracted', true],
    ] as const) {
      assert.ok(states.some((one) => one.state === state))
      assert.equal(isOver({ state }), over, state)
    }
  })

  it('P13 would be caught breaking any of them', () => {
    const twins: Record<string, Machine> = {
      'takes a declaration back': (now, event) =>
        event.event === 'classify' && now.isDeclared && event.class === 'securityIncident'
          ? { ...now, isDeclared: false, class: event.class }
          : applyEvent(now, event),
      'goes back without a reason': (now, event) =>
        applyEvent(now, event.event === 'moveTo' ? { ...event, hasReason: true } : event),
      'closes a declared one unscoped': (now, event) => {
        const next = applyEvent(event.event === 'close' ? { ...now, isScoped: true } : now, event)
        if (isRefusal(next)) return next
        return { ...next, isScoped: now.isScoped || event.event === 'scope' }
      },
      'wakes what was retracted': (now, event) =>
        event.event === 'reopen' && now.state === 'retracted'
          ? { ...now, state: 'open' }
          : applyEvent(now, event),
      'never closes': (now, event) => {
        const next = applyEvent(now, event)
        return now.isDeclared && !isRefusal(next) && next.state !== 'open' ? now : next
      },
    }
    for (const [name, twin] of Object.entries(twins))
      assert.notDeepEqual(complaints(twin), [], name)
  })

  it('let a declaration come at any phase of what is open', () => {
    for (const phase of PHASES) {
      const next = applyEvent({ ...NEW, phase }, { event: 'declare', class: 'privacyBreach' })
      assert.ok(!isRefusal(next) && next.isDeclared && next.phase === phase)
    }
  })
})
