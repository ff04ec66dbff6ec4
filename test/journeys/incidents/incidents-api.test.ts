import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { followLog } from '#breach/follow-log.ts'
import { watchLedgers } from '#breach/signals.ts'
import { INSTALLATION } from '#database/handles.ts'
import { signerFromSeed } from '#keys/signing.ts'
import { appendAll } from '#ledger/append.ts'
import { sequenceBatch } from '#ledger/sequence.ts'
import { ACME, type ApiWorld, BETA, type Person, startApiWorld } from '../api-world.ts'
import { entriesOf } from './histories.ts'

const REASON = 'Because of what was found in the access log.'
const INCIDENTS = '/security/incidents'

let world: ApiWorld
let responder: Person
before(async () => {
  world = await startApiWorld()
  responder = world.person(INSTALLATION, new Set(['Incidents/Read', 'Incidents/Handle']))
})
after(() => world.stop())

const ok = async (
  path: string,
  body: object,
  person = responder,
  headers: Record<string, string> = {},
) => {
  const answer = await world.call(person, 'POST', path, body, headers)
  assert.ok(answer.status < 300, `${path}: ${answer.status} ${answer.text}`)
  return answer.body
}
const get = async (path: string) => {
  const answer = await world.call(responder, 'GET', path)
  assert.equal(answer.status, 200, answer.text)
  return answer.body
}

async function look(tenant: string, account: string, count: number): Promise<void> {
  const { database } = world.db
  const subjects = Array.from({ length: count }, (_, i) => `${tenant}-person-${i}`)
  const entries = entriesOf({
    tenant,
    what: 'seen',
    at: world.clock.now(),
    by: account,
    grant: undefined,
    connection: 'c',
    subjects,
    exact: ['device.model'],
    masked: [],
  })
  await database.write(tenant, (tx) => appendAll(tx, entries))
  const signer = signerFromSeed(Buffer.alloc(32, 3))
  const signing = { ledgerName: 'test', signer, now: () => world.clock.now() }
  await database.write(tenant, (tx) => sequenceBatch(tx, signing))
  await followLog(database, tenant)
}

describe('incidents over the API', () => {
  it('go from a signal to a declared scope, once however often a call is repeated', async () => {
    const account = randomUUID()
    await look(ACME, account, 30)
    world.clock.advance(60_000)
    const parts = world.endpointParts.breach
    assert.ok((await watchLedgers(parts, world.clock.now())) > 0)
    assert.equal(await watchLedgers(parts, world.clock.now()), 0)
    const signals = await get(`/security/signals?$filter=state eq 'new' and rule eq 'firstReader'`)
    assert.equal(signals.value.length, 1)
    assert.equal(signals.value[0].measured.subjects, 30)

    const key = { 'Idempotency-Key': randomUUID() }
    const one = await ok(INCIDENTS, { displayName: 'Misused account' }, responder, key)
    assert.equal(
      (await ok(INCIDENTS, { displayName: 'Misused account' }, responder, key)).id,
      one.id,
    )
    const at = `${INCIDENTS}/${one.id}`
    await ok(`/security/signals/${signals.value[0].id}/settle`, {
      incidentId: one.id,
      reason: REASON,
    })
    await ok(`${at}/addCriterion`, {
      kind: 'account',
      name: account,
      fromDateTime: '2029-12-31T23:00:00+02:00',
      toDateTime: '2030-01-02T00:00:00+02:00',
    })
    await ok(`${at}/computeScope`, {})
    const declared = await ok(`${at}/declare`, {
      ground: 'accessVeryLikely',
      statement: REASON,
      classification: 'privacyBreach',
    })
    assert.equal(declared.clock.remainingMinutes, 72 * 60)
    const touched = await get(`${at}/touchedTenants?$filter=isTouched eq true`)
    assert.deepEqual(
      touched.value.map((each: { id: string; subjectCount: number; clock: null }) => [
        each.id,
        each.subjectCount,
        each.clock,
      ]),
      [[ACME, 30, null]],
    )
    const kinds = async (tenant: string) =>
      (await world.entries(tenant)).filter((entry) => entry.kind.startsWith('incident.')).length
    assert.equal(await kinds(ACME), 1)
    assert.equal(await kinds(BETA), 0)
    const timeline = await get(`${at}/timeline?$orderby=recordedDateTime&$top=2&$count=true`)
    assert.equal(timeline['@odata.count'], 5)
    assert.ok(timeline['@odata.nextLink'])
  })

  it('refuse times without a zone, and leave taking back to a second person', async () => {
    const one = await ok(INCIDENTS, { displayName: 'Another' })
    const at = `${INCIDENTS}/${one.id}`
    const local = {
      kind: 'party',
      name: 'apple',
      fromDateTime: '2030-01-01T00:00:00',
      toDateTime: '2030-01-02T00:00:00Z',
    }
    const answer = await world.call(responder, 'POST', `${at}/addCriterion`, local)
    assert.equal(answer.status, 400)
    const refused = await world.call(responder, 'POST', `${at}/retract`, { reason: REASON })
    assert.equal(refused.status, 403)
    const early = await world.call(responder, 'GET', `${at}/touchedTenants`)
    assert.equal(early.body.error.innerError.code, 'scope_missing')
  })

  it('try rules over history without keeping anything', async () => {
    const before = await get('/security/signals?$count=true&$top=1')
    const dry = await ok('/security/signalRules/dryRun', {
      ruleId: 'firstReader',
      numbers: { least: 1 },
      fromDateTime: '2029-12-01T00:00:00Z',
      toDateTime: '2030-02-01T00:00:00Z',
    })
    assert.ok(dry.findings.length > 0)
    const after = await get('/security/signals?$count=true&$top=1')
    assert.equal(after['@odata.count'], before['@odata.count'])
  })
})
