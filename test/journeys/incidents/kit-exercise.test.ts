import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { recordAwareness } from '#breach/awareness.ts'
import { EXERCISE_STEPS } from '#breach/exercise-steps.ts'
import { exerciseReport, startExercise, takeStep } from '#breach/exercise.ts'
import { toCsv } from '#breach/kit-people.ts'
import { findScope } from '#breach/scope.ts'
import { setCorrespondent } from '#breach/recipient-settings.ts'
import { setSuiteCustomer } from '#breach/suite-relay.ts'
import { INSTALLATION } from '#database/handles.ts'
import { newId, newOrderedId } from '#foundation/ids.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { append } from '#ledger/append.ts'
import { readHead } from '#ledger/read.ts'
import { callWebhook } from '#notify/signed-call.ts'
import { startSandboxSuite } from '../../../sandbox/suite/server.ts'
import { ACME, type ApiWorld, BETA, type Person, startApiWorld } from '../api-world.ts'
import { good } from './notice-world.ts'
import { seedPeople } from './seed-people.ts'
import { settle } from './settle.ts'

const HOUR = 3_600_000
const REASON = 'Because of what was found in the access log.'
const INCIDENTS = '/security/incidents'
const TOLD = '/security/touchedIncidents'

let world: ApiWorld
let responder: Person
before(async () => {
  world = await startApiWorld()
  responder = world.person(INSTALLATION, new Set(['Incidents/Read', 'Incidents/Handle']))
})
after(() => world.stop())

const by = () => ({ principal: responder.principal, now: world.clock.now() })
const breach = () => ({
  ...world.endpointParts.breach,
  clock: world.clock,
  settled: () => settle(world),
})

const ok = async (path: string, body: object, person = responder) => {
  const answer = await world.call(person, 'POST', path, body)
  assert.ok(answer.status < 300, `${path}: ${answer.status} ${answer.text}`)
  return answer.body
}
const get = async (person: Person, path: string) => {
  const answer = await world.call(person, 'GET', path)
  assert.equal(answer.status, 200, `${path}: ${answer.text}`)
  return answer.body
}

/** Somebody reads one person of the tenant, as the door writes it down. */
async function look(tenant: string, account: string, subjectId: string): Promise<void> {
  const { keys } = breach()
  await world.db.database.write(tenant, async (tx) => {
    const subject = (await keys.subjectCommitments(tx, [subjectId])).get(subjectId) ?? ''
    await append(tx, {
      id: newOrderedId(world.clock.now()),
      at: toTimestamp(world.clock.now()),
      kind: 'read',
      actor: `operator:${account}`,
      data: {
        kind: 'person',
        count: 1,
        records: [{ connection: 'c', subjects: [subject] }],
        shown: { exact: ['person.userEmail'], masked: {} },
      },
    })
  })
  await settle(world)
}

async function declared(account: string): Promise<string> {
  const one = await ok(INCIDENTS, { displayName: 'Misused account' })
  const at = `${INCIDENTS}/${one.id}`
  await ok(`${at}/addCriterion`, {
    kind: 'account',
    name: account,
    fromDateTime: toTimestamp(world.clock.now() - HOUR),
    toDateTime: toTimestamp(world.clock.now() + HOUR),
  })
  await ok(`${at}/computeScope`, {})
  await ok(`${at}/declare`, {
    ground: 'accessVeryLikely',
    statement: REASON,
    classification: 'privacyBreach',
  })
  return one.id
}

describe('the controller’s kit', () => {
  it('P9 is for the touched tenant only: packet, drafts in two languages, and its people through the door', async () => {
    const account = randomUUID()
    const [seen, unseen] = await seedPeople(world, ACME, ['=cmd@example.org', 'unseen@example.org'])
    assert.ok(seen && unseen)
    await look(ACME, account, seen.subjectId)
    const id = await declared(account)
    const officer = world.person(ACME, new Set(['Audit data/Read', 'Personal data/Read']))
    const other = world.person(BETA, 'all')
    const told = await get(officer, TOLD)
    assert.equal(told.value[0].id, id)
    assert.deepEqual((await get(other, TOLD)).value, [])
    for (const path of ['packet', 'controllersKit', 'people', 'people/export/csv'])
      assert.equal((await world.call(other, 'GET', `${TOLD}/${id}/${path}`)).status, 404, path)

    const { packet, packetHash } = await get(officer, `${TOLD}/${id}/packet`)
    assert.equal(packet.subjects.length, 1)
    const entry = (await world.entries(ACME)).find((one) => one.kind === 'incident.touched')
    assert.equal(entry?.data.packet ?? packetHash, packetHash)

    await world.db.database.write(ACME, (tx) =>
      recordAwareness(
        tx,
        id,
        { how: 'delivered', at: world.clock.now() },
        { actor: 'job:x', now: world.clock.now() },
      ),
    )
    const kit = await get(officer, `${TOLD}/${id}/controllersKit`)
    assert.deepEqual(
      kit.drafts.map((one: { kind: string; language: string }) => `${one.kind} ${one.language}`),
      [
        'authorityNotification en',
        'letterToPeople en',
        'authorityNotification sv',
        'letterToPeople sv',
      ],
    )
    const sections = kit.drafts[0].sections as { id: string; isFilled: boolean; text: string }[]
    const filled = (name: string) => sections.find((one) => one.id === name)?.isFilled
    assert.deepEqual(['when', 'nature', 'consequences', 'measures'].map(filled), [
      true,
      true,
      false,
      false,
    ])
    assert.ok(!JSON.stringify(kit).includes('@example.org"') || filled('contact'))

    const people = await get(officer, `${TOLD}/${id}/people`)
    assert.deepEqual(
      people.value.map((one: { id: string }) => one.id),
      [seen.recordId],
    )
    assert.ok(!JSON.stringify(people).includes('=cmd@example.org'), 'masked without the permission')
    const reads = (await world.entries(ACME)).filter(
      (one) => one.kind === 'read' && one.actor === `admin:${officer.principal.accountId}`,
    )
    assert.equal(reads.length, 1)

    const may = world.person(
      ACME,
      new Set(['Audit data/Read', 'Personal data/Read', 'Personal data/Reveal']),
    )
    const file = await get(may, `${TOLD}/${id}/people/export/csv`)
    const csv = Buffer.from(file.contentBytes, 'base64').toString()
    assert.equal(csv.split('\r\n').length, 3, csv)
    assert.ok(!csv.includes(unseen.recordId))
    const nobody = world.person(ACME, new Set(['Audit data/Read']))
    assert.equal((await world.call(nobody, 'GET', `${TOLD}/${id}/people`)).status, 403)

    const report = await get(responder, `${INCIDENTS}/${id}/postMortemReport`)
    assert.match(report.text, /1 tenants, 1 people/)
  })

  it('finds by the node that answered: what was read through the door says where', async () => {
    const { database } = world.db
    await seedPeople(world, BETA, ['node@example.org'])
    const reader = world.person(BETA, new Set(['Personal data/Read']))
    await get(reader, '/people')
    const at = (name: string) =>
      findScope(breach(), [
        {
          kind: 'node',
          name,
          from: world.clock.now() - HOUR,
          to: world.clock.now() + HOUR,
          readable: 'all',
          tenants: [BETA],
        },
      ])
    const [here] = (await at(database.nodeId)).tenants
    assert.deepEqual([here?.subjects.length, here?.unattributed], [1, 0])
    const elsewhere = (await at('another-node')).tenants
    assert.deepEqual(elsewhere, [])
  })

  it('writes no formula into a file', () => {
    const row = {
      recordId: newId(),
      kind: 'person' as const,
      connectionId: 'c',
      scopeTags: [],
      firstSeen: 0,
      lastSeen: 0,
      items: { 'person.userEmail': '=HYPERLINK("x"),y' },
      marks: [],
    }
    assert.match(toCsv([row]), /"'=HYPERLINK\(""x""\),y"/)
  })
})

describe('an exercise', () => {
  it('goes through every step in order, timed, and nothing leaves; a twin that leaks is caught', async () => {
    const suite = await startSandboxSuite({ now: () => world.clock.now() })
    try {
      const account = randomUUID()
      const [person] = await seedPeople(world, ACME, ['drill@example.org'])
      assert.ok(person)
      await look(ACME, account, person.subjectId)
      const correspondent = { party: 'suite', role: 'suite', url: suite.url, isOn: true } as const
      const set = good(
        await setCorrespondent(breach(), { ...correspondent, newSecrets: true }, by()),
      )
      assert.ok(set !== true)
      suite.secret = set.ourSecret
      await world.db.database.write(ACME, (tx) => setSuiteCustomer(tx, 'suite-acme', by()))
      const criterion = {
        kind: 'account',
        name: account,
        from: world.clock.now() - HOUR,
        to: world.clock.now() + HOUR,
        readable: 'all',
      } as const
      const logSize = async () => {
        await settle(world)
        return world.db.database.read(ACME, async (reader) => (await readHead(reader))?.size)
      }
      const before = await logSize()
      const drill = async (post?: Parameters<typeof takeStep>[4]) => {
        let exercise = good(await startExercise(breach(), { title: 'Drill', criterion }, by()))
        const skipped = await takeStep(breach(), exercise.exerciseId, 'declare', by())
        assert.ok(isRefusal(skipped) && skipped.refused === 'incident_state')
        for (const step of EXERCISE_STEPS) {
          world.clock.advance(60_000)
          exercise = good(await takeStep(breach(), exercise.exerciseId, step, by(), post))
        }
        return exercise
      }
      const done = await drill()
      assert.equal(done.totalMs, EXERCISE_STEPS.length * 60_000)
      assert.deepEqual(
        done.steps.map((one) => one.waitedMs),
        EXERCISE_STEPS.map(() => 60_000),
      )
      const found = (name: string) => done.steps.find((one) => one.step === name)?.found
      assert.equal(found('scope')?.tenants, 1)
      assert.deepEqual(found('relay')?.customers, 1)
      assert.equal(done.leaked, 0)
      assert.equal(suite.received.length, 0)
      assert.equal(await logSize(), before)
      assert.match(exerciseReport(done), /Nothing left the installation/)

      const loose = { allowHttp: true, allowPrivateAddresses: true }
      const leaky = await drill((call) => callWebhook(loose, call))
      assert.equal(leaky.leaked, 1)
      assert.equal(suite.received.length, 1)
      assert.match(exerciseReport(leaky), /has failed/)
    } finally {
      await suite.stop()
    }
  })
})
