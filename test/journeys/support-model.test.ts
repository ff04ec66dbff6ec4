import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { steadyClock } from '#access/grant-clock.ts'
import { readGrant, useGrant } from '#access/grants.ts'
import type { Database } from '#database/handles.ts'
import { type ManualClock, manualClock } from '#foundation/clock.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { readRequest } from '#support/request.table.ts'
import { stateOf } from '#support/request.ts'
import { type Support, createSupport } from '#support/support.ts'
import {
  ACME,
  HOUR,
  ITEMS,
  type Person,
  REASON,
  START,
  type SupportBench,
  approveAs,
  supportBench,
} from '../support-access.ts'
import { type ModelPerson, type ModelSettings, SupportModel } from './support-model.ts'

const NAMES = ['erin', 'erinToo', 'maja', 'erinInside', 'anna', 'bo'] as const
type Name = (typeof NAMES)[number]
const MARKS: Readonly<Record<Name, readonly string[]>> = {
  erin: ['mark-erin'],
  erinToo: ['mark-other', 'mark-erin'],
  maja: ['mark-maja'],
  erinInside: ['mark-erin'],
  anna: ['mark-anna'],
  bo: ['mark-bo'],
}
const isInside = (name: Name): boolean => ['erinInside', 'anna', 'bo'].includes(name)

type Step =
  | { readonly do: 'ask'; readonly hours: number }
  | {
      readonly do: 'providerApprove' | 'cancel' | 'use' | 'end' | 'deny'
      readonly at: number
      readonly by: Name
    }
  | { readonly do: 'approve'; readonly at: number; readonly by: Name; readonly hours: number }
  | { readonly do: 'race'; readonly at: number; readonly hours: number }
  | { readonly do: 'role'; readonly of: Name; readonly lost: boolean }
  | { readonly do: 'advance'; readonly minutes: number }
  | { readonly do: 'set'; readonly minutes: number }
  | { readonly do: 'close' }
  | { readonly do: 'sweep' }

const at = fc.nat({ max: 5 })
const outside = fc.constantFrom<Name>('erin', 'erin', 'erinToo', 'maja', 'maja', 'maja')
const inside = fc.constantFrom<Name>('anna', 'anna', 'bo', 'bo', 'erinInside')
const hours = fc.constantFrom(1, 2, 4, 8)
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('ask' as const),
      hours: fc.constantFrom(1, 2, 4, 8, 9),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('providerApprove' as const), at, by: outside }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('approve' as const), at, by: inside, hours }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('race' as const), at, hours }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('use' as const),
      at,
      by: fc.constantFrom<Name>('erin', 'erin', 'erin', 'maja'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('end' as const),
      at,
      by: fc.constantFrom<Name>('erin', 'maja', 'anna'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('deny' as const), at, by: inside }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel' as const), at, by: outside }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('role' as const), of: inside, lost: fc.boolean() }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('advance' as const),
      minutes: fc.constantFrom(1, 30, 60, 180, 720),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('set' as const),
      minutes: fc.constantFrom(-2_000, -180, -30, 30, 200),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'close' as const }) },
  { weight: 2, arbitrary: fc.constant({ do: 'sweep' as const }) },
)
const anyHistory = fc.record({
  steps: fc.array(fc.record({ step: anyStep, node: fc.nat({ max: 1 }) }), {
    minLength: 15,
    maxLength: 40,
  }),
  settings: fc.record({
    answer: fc.constantFrom(HOUR, 12 * HOUR),
    starts: fc.constantFrom('approval' as const, 'firstUse' as const),
    lapse: fc.constantFrom(HOUR, 24 * HOUR),
  }),
})
type History = typeof anyHistory extends fc.Arbitrary<infer Value> ? Value : never

interface TestNode {
  readonly support: Support
  readonly database: Database
}

/** How the system under test is to be wrong, for the twins. */
interface Flaws {
  readonly rawClock?: true
  readonly blindToMarks?: true
  readonly rolesFromMemory?: true
  readonly casesStayOpen?: true
}

describe('support access against a second implementation of its rules', () => {
  let bench: SupportBench
  let nodes: readonly TestNode[]
  const people = new Map<Name, Person>()
  let runs = 0
  before(async () => {
    bench = await supportBench()
    nodes = [bench, await bench.secondNode()]
    for (const name of NAMES)
      people.set(name, await bench.person(name, isInside(name) ? ACME : undefined, MARKS[name]))
  })
  after(() => bench?.stop())

  const person = (name: Name): Person => people.get(name) ?? assert.fail(name)
  const modelled = (name: Name): ModelPerson => ({
    id: name,
    marks: MARKS[name],
    side: isInside(name) ? 'tenant' : 'operator',
  })

  /** Plays one history on two nodes and in the model; answers the first step where they disagree. */
  async function play(
    { steps, settings }: History,
    flaws: Flaws = {},
  ): Promise<string | undefined> {
    const start = START + ++runs * 100 * 24 * HOUR
    const clocks = [manualClock(start), manualClock(start + 1_000)]
    const steady = clocks.map((clock) => steadyClock(clock))
    const tellers = flaws.rawClock ? clocks : steady
    const time = (i: number): number => steady[i]?.now() ?? start
    const used = nodes.map((node, i) => withFlaws(node, i, flaws))
    const by = (name: Name, i: number) => ({
      principal: flaws.blindToMarks
        ? { ...person(name).principal, personMarks: [] }
        : person(name).principal,
      now: tellers[i]?.now() ?? start,
    })
    bench.lost.clear()
    const caseId = await setUp(settings, by('anna', 0))
    const model = new SupportModel(settings)
    const requests: { requestId: string; grantId: string }[] = []
    for (const [index, { step, node: i }] of steps.entries()) {
      const node = used[i] ?? assert.fail()
      const context = { step, i, node, used, by, time, clocks, caseId, model, requests }
      const complaint = await playStep(context)
      if (complaint !== undefined) return `step ${index} ${JSON.stringify(step)}: ${complaint}`
      const states = await compareStates(context)
      if (states !== undefined) return `after step ${index} ${JSON.stringify(step)}: ${states}`
    }
    return undefined
  }

  function withFlaws(node: TestNode, i: number, flaws: Flaws): TestNode {
    const parts = i === 0 ? bench.parts : (node as unknown as { parts: typeof bench.parts }).parts
    const support = flaws.rolesFromMemory
      ? createSupport({ ...parts, holds: async () => true })
      : node.support
    if (!flaws.casesStayOpen) return { database: node.database, support }
    return { database: node.database, support: { ...support, closeCase: async () => true } }
  }

  async function setUp(
    settings: ModelSettings,
    by: Parameters<Support['changeSettings']>[1],
  ): Promise<string> {
    const change = {
      answerHours: settings.answer / HOUR,
      starts: settings.starts,
      lapseHours: settings.lapse / HOUR,
    }
    assert.ok(!isRefusal(await bench.support.changeSettings(change, by)))
    const caseId = await bench.support.openCase(ACME, { reference: 'M', title: 'M' }, by)
    return isRefusal(caseId) ? assert.fail() : caseId
  }

  interface Context {
    readonly step: Step
    readonly i: number
    readonly node: TestNode
    readonly used: readonly TestNode[]
    readonly by: (name: Name, i: number) => Parameters<Support['ask']>[2]
    /** The time on a node as the model has it. */
    readonly time: (i: number) => number
    readonly clocks: readonly ManualClock[]
    readonly caseId: string
    readonly model: SupportModel
    readonly requests: { requestId: string; grantId: string }[]
  }

  async function playStep(context: Context): Promise<string | undefined> {
    const { step, i, node, by, clocks, caseId, model, requests } = context
    const now = context.time(i)
    const same = (real: unknown, expected: boolean): string | undefined => {
      const isYes = !isRefusal(real)
      if (isYes === expected) return undefined
      return `the system says ${isRefusal(real) ? real.refused : 'yes'}, the model ${expected ? 'yes' : 'no'}`
    }
    if (step.do === 'advance') {
      for (const clock of clocks) clock.advance(step.minutes * 60_000)
      return undefined
    }
    if (step.do === 'set') {
      clocks[i]?.set((clocks[i]?.now() ?? 0) + step.minutes * 60_000)
      return undefined
    }
    if (step.do === 'role') {
      const key = `${person(step.of).principal.accountId} Support requests/Approve`
      if (step.lost) bench.lost.add(key)
      else bench.lost.delete(key)
      if (step.lost) model.lost.add(step.of)
      else model.lost.delete(step.of)
      return undefined
    }
    if (step.do === 'sweep') {
      await node.support.sweep(by('maja', i).now)
      model.sweep(now)
      return undefined
    }
    if (step.do === 'close') {
      const as = by('anna', i)
      return same(await node.support.closeCase(ACME, caseId, as), model.closeCase(now))
    }
    if (step.do === 'ask') {
      const as = by('erin', i)
      const wanted = {
        caseId,
        scope: { kind: 'records' as const, ids: bench.records },
        items: ITEMS,
        purpose: 'remote-assistance',
        durationMs: step.hours * HOUR,
        reason: REASON,
      }
      const real = await node.support.ask(ACME, wanted, as)
      if (!isRefusal(real)) {
        const made = await node.database.read(ACME, (reader) =>
          readRequest(reader, bench.keys, real),
        )
        requests.push({ requestId: real, grantId: made?.grantId ?? '' })
      }
      return same(real, model.ask(modelled('erin'), step.hours * HOUR, now))
    }
    const which = requests.length === 0 ? -1 : step.at % requests.length
    const request = requests[which]
    const expected = model.requests[which]
    if (!request || !expected) return undefined
    if (step.do === 'race') return race(context, request.requestId, which, step.hours)
    const as = by(step.by, i)
    const who = modelled(step.by)
    const { requestId, grantId } = request
    switch (step.do) {
      case 'providerApprove':
        return same(
          await node.support.providerApprove(ACME, requestId, as),
          model.providerApprove(expected, who, now),
        )
      case 'approve': {
        const signer = { ...person(step.by), principal: as.principal }
        const narrowing = { durationMs: step.hours * HOUR }
        const real = await approveAs(node.support, signer, requestId, as.now, narrowing)
        return same(real, model.approve(expected, who, step.hours * HOUR, now))
      }
      case 'deny':
        return same(await node.support.deny(ACME, requestId, REASON, as), model.deny(expected, now))
      case 'cancel':
        return same(
          await node.support.cancel(ACME, requestId, as),
          model.cancel(expected, who, now),
        )
      case 'use':
        return same(
          await node.database.write(ACME, (tx) =>
            useGrant(tx, grantId, as.principal.accountId, as.now),
          ),
          model.use(expected, who, now),
        )
      case 'end':
        return same(await node.support.endGrant(ACME, grantId, as), model.end(expected, who, now))
    }
  }

  /** Two approve at once, one on each node: one counts when either could. */
  async function race(
    { used, by, time, model }: Context,
    requestId: string,
    which: number,
    wantedHours: number,
  ): Promise<string | undefined> {
    const expected = model.requests[which] ?? assert.fail()
    const racers = (['anna', 'bo'] as const).map((name, i) => ({ name, as: by(name, i), i }))
    const duration = wantedHours * HOUR
    const could = racers.filter(({ name, i }) =>
      model.mayApprove({ ...expected }, modelled(name), duration, time(i)),
    )
    const answers = await Promise.all(
      racers.map(({ name, as, i }) => {
        const signer = { ...person(name), principal: as.principal }
        const { support } = used[i] ?? assert.fail()
        return approveAs(support, signer, requestId, as.now, { durationMs: duration })
      }),
    )
    const winners = racers.filter((_, i) => !isRefusal(answers[i]))
    if (winners.length !== Math.min(could.length, 1))
      return `${winners.length} of two won, ${could.length} could`
    for (const { name, i } of [...winners, ...racers.filter((one) => !winners.includes(one))])
      model.approve(expected, modelled(name), duration, time(i))
    return undefined
  }

  async function compareStates({
    used,
    by,
    time,
    model,
    requests,
  }: Context): Promise<string | undefined> {
    for (const [which, { requestId, grantId }] of requests.entries()) {
      const i = which % 2
      const { now } = by('anna', i)
      const real = await (used[i] ?? assert.fail()).database.read(ACME, async (reader) => {
        const request = await readRequest(reader, bench.keys, requestId)
        return request && stateOf(request, await readGrant(reader, grantId), now)
      })
      const expected = model.stateOf(model.requests[which] ?? assert.fail(), time(i))
      if (real !== expected) return `request ${which} is ${real}, in the model ${expected}`
    }
    return undefined
  }

  it('P7 random histories of two nodes, with roles that change and clocks that are set back, agree with the model', async () => {
    await fc.assert(
      fc.asyncProperty(anyHistory, async (history) => {
        assert.equal(await play(history), undefined)
      }),
      { numRuns: 40, endOnFailure: true, includeErrorInReport: true },
    )
  })

  const twins: Readonly<Record<string, Flaws>> = {
    'whose clock can be set back': { rawClock: true },
    'that does not know two accounts of one person': { blindToMarks: true },
    'that remembers roles instead of reading them': { rolesFromMemory: true },
    'whose grants outlive their case': { casesStayOpen: true },
  }
  for (const [name, flaws] of Object.entries(twins))
    it(`would notice a system ${name}`, async () => {
      const histories = fc.sample(anyHistory, { numRuns: 60, seed: 7 })
      for (const history of histories) if ((await play(history, flaws)) !== undefined) return
      assert.fail('no history showed it')
    })
})
