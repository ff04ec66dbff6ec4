import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, it } from 'node:test'
import fc from 'fast-check'
import { computeScope } from '#breach/compute-scope.ts'
import { addCriterion, declare, openIncident, retract } from '#breach/incidents.ts'
import { tellOthers } from '#breach/recipient-jobs.ts'
import { listTells } from '#breach/recipient-messages.ts'
import { setCorrespondent } from '#breach/recipient-settings.ts'
import { setSuiteCustomer } from '#breach/suite-relay.ts'
import { acknowledgeRelay } from '#breach/suite-relay-answers.ts'
import { type Database, INSTALLATION } from '#database/handles.ts'
import { appendAll } from '#ledger/append.ts'
import { sequenceBatch } from '#ledger/sequence.ts'
import { callWebhook } from '#notify/signed-call.ts'
import { type SandboxSuite, startSandboxSuite } from '../../../sandbox/suite/server.ts'
import { ACME, type ApiWorld, BETA, startApiWorld } from '../api-world.ts'
import { entriesOf, looked } from './histories.ts'
import { good } from './notice-world.ts'
import { signingOf } from './settle.ts'

const HOUR = 3_600_000
const WHY = 'Because of what was found in the access log.'
const TENANTS = [ACME, BETA]
const customerOf = (tenant: string) => `suite-${tenant}`

let world: ApiWorld
let suite: SandboxSuite & { secret: string | undefined }
before(async () => {
  world = await startApiWorld()
  suite = await startSandboxSuite({ now: () => world.clock.now() })
  const given = { party: 'suite', role: 'suite', url: suite.url, isOn: true } as const
  const set = good(await setCorrespondent(breach(), { ...given, newSecrets: true }, by()))
  assert.ok(set !== true)
  suite.secret = set.ourSecret
  for (const tenant of TENANTS)
    await world.db.database.write(tenant, (tx) => setSuiteCustomer(tx, customerOf(tenant), by()))
})
after(async () => {
  await suite.stop()
  await world.stop()
})

const breach = () => world.endpointParts.breach
const by = () => ({
  principal: world.person(INSTALLATION, 'all').principal,
  now: world.clock.now(),
})
async function declared(): Promise<string> {
  const account = randomUUID()
  const signing = signingOf(world)
  for (const tenant of TENANTS) {
    const event = looked(tenant, 'somebody', account, world.clock.now())
    await world.db.database.write(tenant, (tx) => appendAll(tx, entriesOf(event)))
    await world.db.database.write(tenant, (tx) => sequenceBatch(tx, signing))
  }
  const { incidentId } = good(await openIncident(breach(), { title: 'Misuse' }, by()))
  const window = { from: world.clock.now() - HOUR, to: world.clock.now() + HOUR }
  const criterion = { kind: 'account', name: account, readable: 'all', ...window } as const
  good(await addCriterion(breach(), incidentId, criterion, by()))
  good(await computeScope(breach(), incidentId, by()))
  const given = { ground: 'accessVeryLikely', statement: WHY, class: 'privacyBreach' } as const
  good(await declare(breach(), incidentId, given, by()))
  return incidentId
}

/** A node that dies at its so-many-th write. */
function dyingAt(writes: number, database: Database): Database {
  let left = writes
  return {
    ...database,
    write: async (tenantId, work) => {
      if (left-- === 0) throw new Error('the node died')
      return database.write(tenantId, work)
    },
  }
}

type Step =
  | { readonly do: 'run' }
  | { readonly do: 'die'; readonly at: number }
  | { readonly do: 'pass'; readonly hours: number }
  | { readonly do: 'fault'; readonly fault: 'lose-answer' | 'close' | 500 }
  | { readonly do: 'confirm'; readonly tenant: string }

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ do: fc.constant('run' as const) }) },
    fc.record({ do: fc.constant('die' as const), at: fc.integer({ min: 0, max: 8 }) }),
    fc.record({ do: fc.constant('pass' as const), hours: fc.integer({ min: 1, max: 20 }) }),
    fc.record({
      do: fc.constant('fault' as const),
      fault: fc.constantFrom('lose-answer' as const, 500 as const, 'close' as const),
    }),
    fc.record({ do: fc.constant('confirm' as const), tenant: fc.constantFrom(...TENANTS) }),
  ),
  { maxLength: 10 },
)

type Deadline = 'kept' | 'forgotten'

/** Plays the steps and answers what is wrong in the end. A judge of its own keeps who was confirmed in time. */
async function play(run: readonly Step[], deadline: Deadline) {
  const incident = await declared()
  const direct: string[] = []
  const confirmed = new Set<string>()
  const tick = (database = breach().database) =>
    tellOthers(
      { ...breach(), database, post: (call) => callWebhook(LOOSE, call) },
      async (tx, id) => void (id === incident && direct.push(tx.tenantId)),
      world.clock.now(),
    )
  for (const step of run) {
    if (step.do === 'run') await tick()
    else if (step.do === 'die')
      await tick(dyingAt(step.at, breach().database)).catch(() => undefined)
    else if (step.do === 'pass') world.clock.advance(step.hours * HOUR)
    else if (step.do === 'fault') suite.inject(step.fault)
    else {
      const told = [{ customerId: customerOf(step.tenant), at: world.clock.now() }]
      const taken = await acknowledgeRelay(breach(), incident, told, world.clock.now())
      if (taken.acknowledged.length > 0 && !direct.includes(step.tenant)) confirmed.add(step.tenant)
    }
  }
  for (let i = 0; i < 4; i++) {
    await tick()
    if (deadline === 'forgotten')
      await world.db.ownerQuery(`update breach_tells set state = 'waiting' where state = 'direct'`)
    world.clock.advance(25 * HOUR)
  }
  await tick()
  const named = suite.messages
    .filter((one) => one.incidentId === incident)
    .flatMap((one) => one.customerIds)
  const states = new Map(
    (await listTells(breach(), incident)).map((one) => [one.tenantId, one.state]),
  )
  good(await retract(breach(), incident, WHY, by()))
  return TENANTS.flatMap((tenant) => {
    const times = direct.filter((one) => one === tenant).length
    const expected = confirmed.has(tenant) ? 0 : 1
    return [
      ...(times === expected ? [] : [`${tenant} was told directly ${times} times`]),
      ...(named.filter((one) => one === customerOf(tenant)).length === 1
        ? []
        : [`${tenant} is not named to the suite team exactly once`]),
      ...(states.get(tenant) === (expected === 0 ? 'acknowledged' : 'direct')
        ? []
        : [`${tenant} stands as ${states.get(tenant)}`]),
    ]
  })
}

const LOOSE = { allowHttp: true, allowPrivateAddresses: true, timeoutMs: 500 }

it('P13 tells each joint customer once, by the team or directly, wherever nodes die, answers are lost and time goes', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (run) => {
      assert.deepEqual(await play(run, 'kept'), [])
    }),
    { seed: 7587, numRuns: 12, endOnFailure: true },
  )
})

it('catches a wrong twin that does not write down whom it told', async () => {
  assert.ok((await play([{ do: 'run' }], 'forgotten')).length > 0)
})
