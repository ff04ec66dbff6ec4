import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, beforeEach, describe, it } from 'node:test'
import { readObligation, markOverdue } from '#agreements/obligation.ts'
import { awarenessOfAll } from '#breach/awareness.ts'
import { computeScope } from '#breach/compute-scope.ts'
import { addCriterion, declare, openIncident, retract } from '#breach/incidents.ts'
import { listMessages, listTells } from '#breach/recipient-messages.ts'
import { tellOthers } from '#breach/recipient-jobs.ts'
import { setCorrespondent } from '#breach/recipient-settings.ts'
import { isToldBySuite, relayIncident, setSuiteCustomer } from '#breach/suite-relay.ts'
import { scopeReport } from '#breach/recipients.ts'
import { INSTALLATION } from '#database/handles.ts'
import { correspondenceRoutes } from '#http/api/incidents/relay-routes.ts'
import { appendAll } from '#ledger/append.ts'
import { type WebhookCall, callWebhook } from '#notify/signed-call.ts'
import { type SandboxSuite, startSandboxSuite } from '../../../sandbox/suite/server.ts'
import { type Served, serve } from '../../serve.ts'
import { ACME, type ApiWorld, BETA, startApiWorld } from '../api-world.ts'
import { type Event, entriesOf, looked } from './histories.ts'
import { good } from './notice-world.ts'
import { settle } from './settle.ts'

const HOUR = 3_600_000
const WHY = 'Because of what was found in the access log.'
const LOOSE = { allowHttp: true, allowPrivateAddresses: true, timeoutMs: 500 }

let world: ApiWorld
let suite: SandboxSuite & { secret: string | undefined }
let server: Served
let inbound: string
let secrets: { ourSecret: string; theirSecret: string }
let direct: string[]

before(async () => {
  world = await startApiWorld()
  suite = await startSandboxSuite({ now: () => world.clock.now() })
  const routes = correspondenceRoutes({
    breach: world.endpointParts.breach,
    clock: world.clock,
    lease: { held: () => true },
  })
  server = await serve(routes)
  inbound = `${server.origin}/correspondence`
  secrets = await correspond('suite', 'suite')
  suite.secret = secrets.ourSecret
  await world.db.database.write(ACME, (tx) => setSuiteCustomer(tx, 'suite-acme', by()))
})
after(async () => {
  await server.stop()
  await suite.stop()
  await world.stop()
})
beforeEach(() => {
  direct = []
})

const breach = () => ({ ...world.endpointParts.breach, settled: () => settle(world) })
const by = () => ({
  principal: world.person(INSTALLATION, 'all').principal,
  now: world.clock.now(),
})
const parts = (post = (call: WebhookCall) => callWebhook(LOOSE, call)) => ({ ...breach(), post })
const run = (given = parts()) =>
  tellOthers(
    given,
    async (tx, incident) => void direct.push(`${tx.tenantId} ${incident}`),
    world.clock.now(),
  )
const toldDirectly = (incident: string) => direct.filter((one) => one.endsWith(incident))
/** Everything that ever reached the suite team, hunted for what is none of its business. */
const leaks = () => {
  const bytes = suite.received.map((one) => one.bytes.toString()).join('\n')
  return [BETA, 'canary', ACME].filter((hidden) => bytes.includes(`"${hidden}`))
}

async function correspond(party: string, role: 'suite' | 'agent' | 'recipient') {
  const given = { party, role, url: suite.url, isOn: true, newSecrets: true }
  const set = good(await setCorrespondent(breach(), given, by()))
  assert.ok(set !== true)
  return set
}

const happens = (event: Event) =>
  world.db.database.write(event.tenant, (tx) => appendAll(tx, entriesOf(event)))

const sent = (tenant: string, party: string): Event => ({
  tenant,
  what: 'sent',
  at: world.clock.now(),
  party,
  connection: 'c',
  node: undefined,
  subjects: [`canary-${tenant}`],
  items: { 'device.serialNumber': 'exact' },
  outcome: 'delivered',
})

/** An incident that touched both tenants, declared now. */
async function declared(kind: 'account' | 'party' = 'account', name: string = randomUUID()) {
  for (const tenant of [ACME, BETA])
    await happens(
      kind === 'account'
        ? looked(tenant, `canary-${tenant}`, name, world.clock.now())
        : sent(tenant, name),
    )
  const { incidentId } = good(await openIncident(breach(), { title: 'Misuse' }, by()))
  const window = { from: world.clock.now() - HOUR, to: world.clock.now() + HOUR }
  good(await addCriterion(breach(), incidentId, { kind, name, readable: 'all', ...window }, by()))
  good(await computeScope(breach(), incidentId, by()))
  const given = { ground: 'accessVeryLikely', statement: WHY, class: 'privacyBreach' } as const
  good(await declare(breach(), incidentId, given, by()))
  return incidentId
}

const stateOf = async (incident: string, party = 'suite') =>
  (await listTells(breach(), incident))
    .filter((one) => one.party === party)
    .map((one) => `${one.tenantId} ${one.state}`)
const kinds = async (tenant: string, incident: string) =>
  (await world.entries(tenant))
    .filter((one) => one.data.incident === incident)
    .map((one) => one.kind)

describe('the suite relay', () => {
  it('P13 tells the suite team of joint customers only, by their ids, once, with the entry first', async () => {
    const incident = await declared()
    const seen: string[] = []
    const watching = parts(async (call) => {
      seen.push(...(await kinds(ACME, incident)))
      return callWebhook(LOOSE, call)
    })
    assert.deepEqual((await run(watching)).relayed, 1)
    assert.ok(seen.includes('incident.relayed'))
    await run()
    const mine = suite.messages.filter((one) => one.incidentId === incident)
    assert.deepEqual(
      mine.map((one) => one.customerIds),
      [['suite-acme']],
    )
    assert.deepEqual(leaks(), [])
    assert.ok(!(await kinds(BETA, incident)).includes('incident.relayed'))
    const held = (tenant: string) =>
      world.db.database.read(tenant, (reader) => isToldBySuite(reader, incident))
    assert.deepEqual([await held(ACME), await held(BETA)], [true, false])
  })

  it('takes the acknowledgement per customer, signed, and lets the tenant’s own 72 hours run from when it was told', async () => {
    const incident = await declared()
    await run()
    world.clock.advance(2 * HOUR)
    const toldAt = world.clock.now() - HOUR
    const say = (secret: string, ids: string[], over = {}) =>
      suite.acknowledge(`${inbound}/suite`, secret, incident, ids, { toldAt, ...over })
    assert.equal((await say(secrets.ourSecret, ['suite-acme'])).status, 401)
    const first = await say(secrets.theirSecret, ['suite-acme', 'suite-other'], { id: 'one' })
    assert.deepEqual(first.body, {
      acknowledged: ['suite-acme'],
      repeated: [],
      unknown: ['suite-other'],
    })
    assert.deepEqual((await say(secrets.theirSecret, ['suite-acme'], { id: 'one' })).body, {
      acknowledged: ['suite-acme'],
      repeated: [],
      unknown: ['suite-other'],
    })
    const again = await say(secrets.theirSecret, ['suite-acme'])
    assert.deepEqual((again.body as { repeated: string[] }).repeated, ['suite-acme'])
    const aware = await awarenessOfAll(breach().database, incident, world.clock.now())
    assert.equal(aware.get(ACME)?.awareAt, toldAt)
    assert.equal(aware.has(BETA), false)
    world.clock.advance(48 * HOUR)
    await run()
    assert.deepEqual(toldDirectly(incident), [])
    assert.deepEqual(await stateOf(incident), [`${ACME} acknowledged`])
  })

  it('P13 tells directly whom the team has not confirmed by the deadline, once, and not before', async () => {
    const incident = await declared()
    await run()
    world.clock.advance(24 * HOUR - 1)
    await run()
    assert.deepEqual(toldDirectly(incident), [])
    world.clock.advance(1)
    await Promise.all([run(), run()])
    await run()
    assert.deepEqual(toldDirectly(incident), [`${ACME} ${incident}`])
    assert.deepEqual(await stateOf(incident), [`${ACME} direct`])
    const late = await suite.acknowledge(`${inbound}/suite`, secrets.theirSecret, incident, [
      'suite-acme',
    ])
    assert.deepEqual((late.body as { acknowledged: string[] }).acknowledged, ['suite-acme'])
    assert.deepEqual(await stateOf(incident), [`${ACME} direct`])
  })

  it('P3 sends the same message again after a lost answer or an error, and the team has it once', async () => {
    const incident = await declared()
    suite.inject('lose-answer', 500)
    await run()
    await run()
    assert.equal((await listMessages(breach(), incident))[0]?.attempts, 1)
    world.clock.advance(60_000)
    await run()
    world.clock.advance(120_000)
    await run()
    const [message] = await listMessages(breach(), incident)
    assert.deepEqual([message?.state, message?.attempts], ['sent', 3])
    assert.equal(suite.messages.filter((one) => one.incidentId === incident).length, 1)
  })

  it('goes on where a node died between the tenants’ entries and the message', async () => {
    const incident = await declared()
    const { database } = breach()
    const dying = {
      ...database,
      write: (async (tenantId, work) => {
        if (tenantId === ACME) throw new Error('the node died')
        return database.write(tenantId, work)
      }) as typeof database.write,
    }
    await assert.rejects(
      relayIncident({ ...breach(), database: dying }, incident, world.clock.now()),
    )
    assert.deepEqual(await stateOf(incident), [])
    await run()
    assert.deepEqual(await stateOf(incident), [`${ACME} waiting`])
    assert.equal(suite.messages.filter((one) => one.incidentId === incident).length, 1)
  })

  it('sends nothing of what was retracted before it left', async () => {
    const incident = await declared()
    await relayIncident(breach(), incident, world.clock.now())
    good(await retract(breach(), incident, WHY, by()))
    await run()
    assert.equal(suite.messages.filter((one) => one.incidentId === incident).length, 0)
    assert.equal((await listMessages(breach(), incident))[0]?.state, 'withdrawn')
    world.clock.advance(72 * HOUR)
    await run()
    assert.deepEqual(toldDirectly(incident), [])
  })

  it('catches a wrong twin that names a tenant where it should name a customer', async () => {
    await world.db.database.write(BETA, (tx) => setSuiteCustomer(tx, BETA, by()))
    await declared()
    await run()
    await world.db.database.write(BETA, (tx) => setSuiteCustomer(tx, undefined, by()))
    assert.deepEqual(leaks(), [BETA])
  })
})

describe('recipients', () => {
  it('owe an answer for what the ledger says they got: receipt, reasoned refusal, or overdue', async () => {
    const { theirSecret } = await correspond('jamf', 'recipient')
    const incident = await declared('party', 'jamf')
    await run()
    await run()
    assert.deepEqual(await stateOf(incident, 'jamf'), [`${ACME} owed`, `${BETA} owed`])
    const [acme, beta] = (await listTells(breach(), incident)).filter((one) => one.party === 'jamf')
    assert.ok(acme && beta)
    const answer = (obligationId: string, data: object, secret = theirSecret, party = 'jamf') =>
      suite.write(`${inbound}/${party}`, secret, {
        type: 'incident.answered',
        data: { obligationId, ...data },
      })
    const thin = await answer(acme.reference, { outcome: 'refused', reason: 'no' })
    assert.equal(thin.status, 400)
    assert.equal((await answer(acme.reference, { outcome: 'receipt' })).status, 200)
    assert.notEqual((await answer(acme.reference, { outcome: 'receipt' })).status, 200)
    const other = await correspond('zebra', 'recipient')
    const foreign = await answer(beta.reference, { outcome: 'receipt' }, other.theirSecret, 'zebra')
    assert.equal(foreign.status, 404)
    world.clock.advance(49 * HOUR)
    const late = { actor: 'job:obligations', at: world.clock.now() }
    await world.db.database.write(BETA, (tx) => markOverdue(tx, late))
    const stateIn = (tenant: string, id: string) =>
      world.db.database.read(tenant, async (reader) => (await readObligation(reader, id))?.state)
    assert.equal(await stateIn(ACME, acme.reference), 'receipt')
    assert.equal(await stateIn(BETA, beta.reference), 'overdue')
    const reason = 'We never kept what was sent, as our log of that day shows.'
    assert.equal((await answer(beta.reference, { outcome: 'refused', reason })).status, 200)
    assert.equal(await stateIn(BETA, beta.reference), 'refused')
  })

  it('report a breach of their own, signed, and it is scoped by what the ledger says they got', async () => {
    const { theirSecret } = await correspond('mail-relay', 'agent')
    await happens(sent(BETA, 'mail-relay'))
    const report = {
      type: 'breach.reported',
      data: {
        fromDateTime: new Date(world.clock.now() - HOUR).toISOString(),
        toDateTime: new Date(world.clock.now() + HOUR).toISOString(),
        text: 'A synthetic disk was lost.',
      },
    }
    const to = `${inbound}/mail-relay`
    assert.equal((await suite.write(to, secrets.theirSecret, report)).status, 401)
    assert.equal((await suite.write(`${inbound}/nobody`, theirSecret, report)).status, 401)
    const came = await suite.write(to, theirSecret, report, 'report-1')
    assert.equal(came.status, 200)
    assert.deepEqual((await suite.write(to, theirSecret, report, 'report-1')).body, came.body)
    const { signalId } = came.body as { signalId: string }
    const { incidentId } = good(await openIncident(breach(), { title: 'Lost disk' }, by()))
    good(await scopeReport(breach(), signalId, { incidentId, reason: WHY }, by()))
    const scope = good(await computeScope(breach(), incidentId, by()))
    assert.deepEqual([scope.tenants, scope.subjects], [1, 1])
  })
})
