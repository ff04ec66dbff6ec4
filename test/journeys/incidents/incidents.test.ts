import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import type { Principal } from '#access/principal.ts'
import { awarenessOf, recordAwareness } from '#breach/awareness.ts'
import { computeScope, scopeAt } from '#breach/compute-scope.ts'
import { merge } from '#breach/merge.ts'
import { readScope, touchedTenants } from '#breach/scope.table.ts'
import type { Criterion } from '#breach/criterion.ts'
import { followLog } from '#breach/follow-log.ts'
import {
  addCriterion,
  addDecision,
  addPerson,
  classify,
  close,
  declare,
  moveTo,
  openIncident,
  reopen,
  retract,
} from '#breach/incidents.ts'
import { readIncident } from '#breach/incident.table.ts'
import { outsideOf, packetHash } from '#breach/packet.ts'
import { packetFor } from '#breach/packet-for.ts'
import { askPause, clearPause, clockOf } from '#breach/pauses.ts'
import { publish } from '#breach/publish.ts'
import { INSTALLATION } from '#database/handles.ts'
import { appendAll } from '#ledger/append.ts'
import { changeNoticeSettings } from '#notify/settings.ts'
import { ACME, type ApiWorld, BETA, startApiWorld } from '../api-world.ts'
import { type Event, entriesOf, looked } from './histories.ts'
import { code, good } from './notice-world.ts'
import { settle, signingOf } from './settle.ts'
import { sequenceBatch } from '#ledger/sequence.ts'

const HOUR = 3_600_000
const WHY = 'Because of what was found in the access log.'

let world: ApiWorld
before(async () => {
  world = await startApiWorld()
})
after(() => world.stop())

const parts = () => ({ ...world.endpointParts.breach, settled: () => settle(world) })
const person = (): Principal => world.person(INSTALLATION, 'all').principal
const by = (principal = person()) => ({ principal, now: world.clock.now() })

async function happens(event: Event): Promise<void> {
  await world.db.database.write(event.tenant, (tx) => appendAll(tx, entriesOf(event)))
}

const looks = (tenant: string, subject: string, account: string) =>
  happens(looked(tenant, subject, account, world.clock.now()))

const criterion = (name: string, over: Partial<Criterion> = {}): Criterion => ({
  kind: 'account',
  name,
  from: world.clock.now() - 1_000 * HOUR,
  to: world.clock.now() + 1_000 * HOUR,
  readable: 'all',
  ...over,
})

const kindsOf = async (tenant: string, incident: string) =>
  (await world.entries(tenant))
    .filter((entry) => entry.data.incident === incident)
    .map((entry) => entry.kind)

const open = async () => good(await openIncident(parts(), { title: 'Misuse' }, by())).incidentId
const declared = async (incident: string, principal = person()) =>
  good(
    await declare(
      parts(),
      incident,
      { ground: 'accessVeryLikely', statement: WHY, class: 'privacyBreach' },
      by(principal),
    ),
  )
const clock = async (incident: string) =>
  world.db.database.read(INSTALLATION, async (reader) => {
    const found = await readIncident(reader, parts().keys, incident)
    assert.ok(found)
    return clockOf(reader, found, world.clock.now())
  })

describe('an incident', () => {
  it('P13 starts its 72 hours at the declaration and not at the detection, and stops them for nobody alone', async () => {
    const incident = await open()
    world.clock.advance(30 * HOUR)
    assert.equal(await clock(incident), undefined)
    await declared(incident)
    assert.equal((await clock(incident))?.remainingMs, 72 * HOUR)
    const asker = person()
    const asked = { exception: 'tipOff', hours: 10, reason: WHY } as const
    const pause = good(await askPause(parts(), incident, asked, by(asker)))
    world.clock.advance(HOUR)
    assert.equal((await clock(incident))?.state, 'running')
    assert.equal(code(await clearPause(parts(), incident, pause, by(asker))), 'self_approval')
    good(await clearPause(parts(), incident, pause, by()))
    world.clock.advance(5 * HOUR)
    const paused = await clock(incident)
    assert.equal(paused?.state, 'paused')
    world.clock.advance(6 * HOUR)
    const later = await clock(incident)
    assert.equal(later?.state, 'running')
    assert.equal(later?.remainingMs, (72 - 2) * HOUR)
    const again = { ground: 'lawDemands', statement: WHY, class: 'privacyBreach' } as const
    assert.equal(code(await declare(parts(), incident, again, by())), 'incident_state')
  })

  it('P13 touches those whose data was seen, in their own log, and only once it is declared', async () => {
    const account = randomUUID()
    await looks(ACME, 'acme-canary', account)
    const incident = await open()
    good(await addCriterion(parts(), incident, criterion(account), by()))
    const scope = good(await computeScope(parts(), incident, by()))
    assert.deepEqual([scope.tenants, scope.subjects, scope.records], [1, 1, 1])
    assert.deepEqual(await kindsOf(ACME, incident), [])
    await declared(incident)
    await publish(parts(), incident, world.clock.now())
    await publish(parts(), incident, world.clock.now())
    assert.deepEqual(await kindsOf(ACME, incident), ['incident.touched'])
    assert.deepEqual(await kindsOf(BETA, incident), [])

    await looks(BETA, 'beta-canary', account)
    await looks(ACME, 'acme-canary', account)
    const wider = good(await computeScope(parts(), incident, by()))
    const touched = await touchedTenants(parts(), incident, wider.scopeId)
    assert.deepEqual(
      touched.map((one) => [one.tenantId, one.change, one.mustBeTold]),
      [
        [ACME, 'same', false],
        [BETA, 'new', true],
      ],
    )
    assert.deepEqual(await kindsOf(BETA, incident), ['incident.touched'])
    const kept = await readScope(parts(), incident, wider.scopeId)
    assert.ok(kept)
    const packet = good(await packetFor(parts(), incident, BETA))
    assert.ok(!JSON.stringify(packet).includes('acme-canary'))
    const part = await scopeAt(parts(), kept, BETA)
    assert.equal(packetHash(kept, part), touched[1]?.packetHash)
    assert.deepEqual(part.subjects, ['beta-canary'])
  })

  it('finds the same when a node died in the middle of a scope', async () => {
    const account = randomUUID()
    await looks(ACME, 'one', account)
    await looks(BETA, 'two', account)
    const incident = await open()
    await declared(incident)
    good(await addCriterion(parts(), incident, criterion(account), by()))
    const { database } = parts()
    let writes = 0
    const dying = {
      ...database,
      write: (async (tenantId, work) => {
        if (tenantId === BETA && ++writes === 2) throw new Error('the node died')
        return database.write(tenantId, work)
      }) as typeof database.write,
    }
    await assert.rejects(computeScope({ ...parts(), database: dying }, incident, by()))
    await looks(BETA, 'later', account)
    const scope = good(await computeScope(parts(), incident, by()))
    assert.deepEqual([scope.tenants, scope.subjects], [2, 2])
    for (const tenant of [ACME, BETA])
      assert.deepEqual(await kindsOf(tenant, incident), ['incident.touched'])
  })

  it('leaves unreadable data out only on a decision of its own record that the keys are safe', async () => {
    const account = randomUUID()
    await looks(ACME, 'sealed', account)
    const incident = await open()
    const unread = criterion(account, { readable: 'nothing' })
    assert.equal(code(await addCriterion(parts(), incident, unread, by())), 'keys_not_confirmed')
    const other = await open()
    const safe = { kind: 'keysSafe', text: 'Keys are safe', reason: WHY } as const
    const elsewhere = good(await addDecision(parts(), other, safe, by()))
    const borrowed = { ...unread, keysSafeDecision: elsewhere }
    assert.equal(code(await addCriterion(parts(), incident, borrowed, by())), 'keys_not_confirmed')
    const decision = good(await addDecision(parts(), incident, safe, by()))
    good(await addCriterion(parts(), incident, { ...unread, keysSafeDecision: decision }, by()))
    const scope = good(await computeScope(parts(), incident, by()))
    assert.equal(scope.tenants, 0)
    const [row] = await touchedTenants(parts(), incident, scope.scopeId)
    assert.equal(row?.isTouched, false)
    assert.equal(row?.excludedEntries, 1)
  })

  it('merges two declarations of one event into the earlier clock, whichever way round', async () => {
    const [first, second] = [await open(), await open()]
    await declared(first)
    const due = (await clock(first))?.dueAt
    world.clock.advance(8 * HOUR)
    await declared(second)
    good(await addCriterion(parts(), first, criterion(randomUUID()), by()))
    const into = { into: second, reason: WHY }
    good(await merge(parts(), first, into, by()))
    assert.equal((await clock(second))?.dueAt, due)
    good(await computeScope(parts(), second, by()))
    assert.equal(code(await merge(parts(), first, into, by())), 'incident_state')
    assert.equal(code(await computeScope(parts(), first, by())), 'incident_state')
    const third = await open()
    const itself = { into: third, reason: WHY }
    assert.equal(code(await merge(parts(), third, itself, by())), 'incident_state')
    assert.equal(
      code(await merge(parts(), third, { into: first, reason: WHY }, by())),
      'incident_state',
    )
  })

  it('is retracted by somebody else than who declared it, and touched tenants can read so', async () => {
    const account = randomUUID()
    await looks(ACME, 'wrongly', account)
    const incident = await open()
    const declarer = { ...person(), personMarks: ['mark-of-one-person'] }
    await declared(incident, declarer)
    good(await addCriterion(parts(), incident, criterion(account), by()))
    good(await computeScope(parts(), incident, by()))
    const twin = { ...person(), personMarks: declarer.personMarks }
    assert.equal(code(await retract(parts(), incident, WHY, by(declarer))), 'self_approval')
    assert.equal(code(await retract(parts(), incident, WHY, by(twin))), 'self_approval')
    good(await retract(parts(), incident, WHY, by()))
    await publish(parts(), incident, world.clock.now())
    await publish(parts(), incident, world.clock.now())
    assert.deepEqual(await kindsOf(ACME, incident), ['incident.touched', 'incident.retracted'])
  })

  it('P13 lets the tenant’s own 72 hours run from the first word that reached it', async () => {
    const incident = await open()
    const told = world.clock.now()
    const word = (how: 'delivered' | 'acknowledged', at: number) =>
      world.db.database.write(ACME, (tx) =>
        recordAwareness(tx, incident, { how, at }, { actor: 'job:x', now: world.clock.now() }),
      )
    assert.equal(await word('acknowledged', told), true)
    assert.equal(await word('delivered', told + HOUR), false)
    assert.equal(await word('delivered', told - HOUR), true)
    const aware = await world.db.database.read(ACME, (reader) =>
      awarenessOf(reader, incident, told + HOUR),
    )
    assert.equal(aware?.how, 'delivered')
    assert.equal(aware?.clock.remainingMs, 70 * HOUR)
  })

  it('goes from detection to its end, and back with a reason', async () => {
    const incident = await open()
    const move = (phase: 'assess' | 'diagnose' | 'stabilise' | 'close', reason?: string) =>
      moveTo(parts(), incident, { phase, reason }, by())
    assert.equal(code(await move('stabilise')), 'incident_state')
    for (const phase of ['assess', 'diagnose', 'stabilise', 'diagnose', 'stabilise'] as const)
      good(await move(phase))
    assert.equal(code(await move('assess')), 'reason_too_thin')
    good(await move('assess', WHY))
    for (const phase of ['diagnose', 'stabilise', 'close'] as const) good(await move(phase))
    const judged = { class: 'securityIncident', impact: 'none', reason: WHY } as const
    good(await classify(parts(), incident, judged, by()))
    assert.equal(code(await close(parts(), incident, by())), 'incident_state')
    const learned = { kind: 'postMortem', text: 'What was learned', reason: WHY } as const
    good(await addDecision(parts(), incident, learned, by()))
    good(await close(parts(), incident, by()))
    assert.equal(code(await reopen(parts(), incident, 'short', by())), 'reason_too_thin')
    assert.equal(good(await reopen(parts(), incident, WHY, by())).phase, 'diagnose')
  })

  it('still shows a tenant that is gone meanwhile, and tells times in the zone of one that is there', async () => {
    const { database, keys } = parts()
    const at = Date.parse('2030-10-27T01:30:00Z')
    await database.write(ACME, (tx) =>
      changeNoticeSettings(
        tx,
        { keys, webhook: world.endpointParts.webhook },
        { timeZone: 'Europe/Stockholm' },
        { actor: 'admin:x', at: world.clock.now() },
      ),
    )
    const outside = await outsideOf(parts(), { tenantId: ACME, firstSeen: at, lastSeen: at })
    assert.equal(outside.firstSeen, '2030-10-27T02:30:00+01:00')
    const account = randomUUID()
    await looks('gone', 'x', account)
    await database.write('gone', (tx) => sequenceBatch(tx, signingOf(world)))
    await followLog(database, 'gone')
    const incident = await open()
    good(await addCriterion(parts(), incident, criterion(account), by()))
    const scope = good(await computeScope(parts(), incident, by()))
    assert.equal(scope.tenants, 1)
    const gone = await outsideOf(parts(), { tenantId: 'gone', firstSeen: at, lastSeen: at })
    assert.deepEqual([gone.state, gone.timeZone], ['deleted', 'UTC'])
  })

  it('keeps words of people sealed, and refuses people who have no account', async () => {
    const incident = await open()
    await declared(incident)
    const unknown = { accountId: randomUUID(), duty: 'lead' } as const
    assert.equal(code(await addPerson(parts(), incident, unknown, by())), 'account_unknown')
    const rows = await world.db.ownerQuery<{ all: string }>(
      `select string_agg(encode(coalesce(note, ''), 'escape'), ' ') || (select string_agg(encode(title, 'escape'), ' ') from breach_incidents) as all from breach_timeline`,
    )
    assert.ok(!/access log|Misuse/.test(rows[0]?.all ?? ''))
    assert.ok(!JSON.stringify(await world.entries(INSTALLATION)).includes('access log'))
  })

  it('cannot be made to forget its declaration, not even in SQL', async () => {
    const incident = await open()
    await declared(incident)
    for (const change of [
      'declared_at = null, ground = null',
      "declared_at = declared_at + interval '1 hour'",
    ])
      await assert.rejects(
        world.db.ownerQuery(
          `update breach_incidents set ${change} where incident_id = '${incident}'`,
        ),
      )
  })
})
