import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { markAllOverdue } from '#agreements/obligation.ts'
import { type OffBoardingParts, startOffBoarding } from '#agreements/off-boarding.ts'
import { giveConsent } from '#agreements/consent.ts'
import { givePermission, recordContract } from '#agreements/party.ts'
import { switchFeature } from '#agreements/switch-feature.ts'
import { manifestOf } from '#catalog/manifest.ts'
import { createConnection, readConnection } from '#connections/connection.ts'
import {
  destroyCredentials,
  issueClientCredentials,
  openClientCredentials,
  openCredentials,
  storeCredentials,
} from '#connections/credentials.ts'
import { ACME, APPLE_ORIGIN, type ApiWorld, BETA, startApiWorld } from './api-world.ts'

const DAY_IN_MS = 86_400_000
const FEATURE = 'apple-device-enrollment'
const PATH = `/deviceManagement/dataSharingFeatures/${FEATURE}/offBoarding`
const HASH = 'e'.repeat(64)

interface Step {
  readonly id: string
  readonly state: string
  readonly side: string
  readonly obligationId: string | null
}

describe('leaving a feature', () => {
  let world: ApiWorld
  before(async () => {
    world = await startApiWorld()
    await agree(ACME)
    await agree(BETA)
  })
  after(() => world.stop())

  const by = () => ({ actor: 'admin:test', at: world.clock.now() })
  async function agree(tenantId: string): Promise<void> {
    const { database, catalog, keys } = world.endpointParts
    await database.write(tenantId, async (tx) => {
      await switchFeature(tx, catalog, FEATURE, true, by())
      for (const direction of ['outbound', 'inbound']) {
        const flowId = `${FEATURE}/${direction}`
        const manifestHash = manifestOf(catalog, flowId).hash
        await giveConsent(tx, catalog, { flowId, manifestHash }, by())
      }
      const terms = { partyId: 'apple', documentHash: HASH, purposes: [], from: 0 }
      await givePermission(tx, 'apple', await recordContract(tx, terms, by()), by())
      const link = { connectionId: 'link', connectorId: FEATURE, title: 'Link' }
      await createConnection(tx, { ...link, origin: APPLE_ORIGIN }, by())
      const expiresAt = world.clock.now() + 300 * DAY_IN_MS
      await storeCredentials(tx, keys, 'link', { consumer_key: 'CK_x' }, { expiresAt }, by())
      await issueClientCredentials(tx, keys, 'link', by())
    })
  }
  const call = (method: string, path: string, body?: unknown, tenantId = ACME) =>
    world.call(world.person(tenantId, 'all'), method, path, body)
  const states = (steps: readonly Step[]) =>
    Object.fromEntries(steps.map(({ id, state }) => [id, state]))

  it('shows what stops at once and what both sides must still do, before anything is done', async () => {
    const shown = await call('GET', PATH)
    assert.equal(shown.status, 200, shown.text)
    assert.equal(shown.body.state, 'notStarted')
    assert.deepEqual(
      shown.body.steps.map(({ id, side }: Step) => [id, side]),
      [
        ['switchOff:apple-device-enrollment', 'sluss'],
        ['withdrawConsent:apple-device-enrollment.outbound', 'sluss'],
        ['withdrawConsent:apple-device-enrollment.inbound', 'sluss'],
        ['withdrawPermission:apple', 'sluss'],
        ['destroyCredentials:link', 'sluss'],
        ['closePartyAccount:apple', 'organisation'],
        ['requestDeletion:apple', 'organisation'],
        ['confirmDeletion:apple', 'party'],
      ],
    )
    const { database } = world.endpointParts
    assert.ok((await database.read(ACME, (reader) => readConnection(reader, 'link')))?.enabled)
  })

  it('P3 stops everything in one commit or nothing: a crash halfway leaves no half', async () => {
    const { database, catalog } = world.endpointParts
    const before = (await world.entries(ACME)).length
    const parts: OffBoardingParts = {
      catalog,
      destroyCredentials: async () => {
        throw new Error('stopped on purpose')
      },
    }
    await assert.rejects(
      database.write(ACME, (tx) => startOffBoarding(tx, parts, FEATURE, ['link'], by())),
    )
    assert.equal((await world.entries(ACME)).length, before)
    assert.equal((await call('GET', PATH)).body.state, 'notStarted')
  })

  it('stops at once, destroys the credentials, opens what the party owes, and writes each step down', async () => {
    // Whatever sealed columns a connection has or gets: each is filled, and none may be left.
    const sealed = await world.db.ownerQuery<{ name: string; column: string }>(
      `select table_name as name, column_name as column from information_schema.columns
        where table_schema = 'public' and data_type = 'bytea' and table_name in ('connections', 'party_sessions')`,
    )
    assert.ok(sealed.length >= 4)
    await world.db.ownerQuery(
      `insert into party_sessions (tenant_id, connection_id, fingerprint) values ($1, 'link', 'x')`,
      [ACME],
    )
    for (const { name, column } of sealed)
      await world.db.ownerQuery(
        `update ${name} set ${column} = coalesce(${column}, 'x'::bytea) where tenant_id = $1`,
        [ACME],
      )
    const started = await call('POST', `${PATH}/start`, {})
    assert.equal(started.status, 200, started.text)
    assert.equal(started.body.state, 'open')
    const found = states(started.body.steps)
    for (const { id, side } of started.body.steps as Step[])
      assert.equal(found[id], side === 'sluss' ? 'done' : 'waiting', id)
    const { database, keys } = world.endpointParts
    await database.read(ACME, async (reader) => {
      assert.equal(await openCredentials(reader, keys, 'link'), undefined)
      assert.equal(await openClientCredentials(reader, keys, 'link'), undefined)
      assert.equal((await readConnection(reader, 'link'))?.enabled, false)
    })
    for (const { name, column } of sealed) {
      const kept = await world.db.ownerQuery(
        `select 1 from ${name} where tenant_id = $1 and ${column} is not null`,
        [ACME],
      )
      assert.deepEqual(kept, [], `${name}.${column}`)
    }
    const kinds = (await world.entries(ACME)).map(({ kind }) => kind)
    for (const kind of ['feature.changed', 'consent.withdrawn', 'permission.withdrawn'])
      assert.ok(kinds.includes(kind as (typeof kinds)[number]), kind)
    assert.equal(kinds.filter((kind) => kind === 'offboarding.step').length, 5)
    assert.equal(kinds.filter((kind) => kind === 'obligation.opened').length, 1)
    // The other tenant goes on.
    const other = await database.read(BETA, (reader) => openCredentials(reader, keys, 'link'))
    assert.ok(other)
  })

  it('goes on where it is when it is started again, and turns off what was turned on meanwhile', async () => {
    const { database, catalog } = world.endpointParts
    const before = await call('GET', PATH)
    await database.write(ACME, (tx) => switchFeature(tx, catalog, FEATURE, true, by()))
    const [one, two] = await Promise.all([
      call('POST', `${PATH}/start`, {}),
      call('POST', `${PATH}/start`, {}),
    ])
    for (const { body } of [one, two])
      assert.deepEqual([body.id, body.steps], [before.body.id, before.body.steps])
    const feature = await call('GET', `/deviceManagement/dataSharingFeatures/${FEATURE}`)
    assert.equal(feature.body.isOn, false)
    const obligations = await call('GET', '/deviceManagement/dataSharingObligations')
    assert.equal(obligations.body.value.length, 1)
  })

  it('lets people do only their own steps, once', async () => {
    const complete = (stepId: string) =>
      call('POST', `${PATH}/completeStep`, { stepId, evidenceHash: HASH })
    const cases: [string, number][] = [
      ['destroyCredentials:link', 409],
      ['confirmDeletion:apple', 409],
      ['no-such-step', 404],
      ['closePartyAccount:apple', 200],
      ['closePartyAccount:apple', 409],
      ['requestDeletion:apple', 200],
    ]
    for (const [step, status] of cases) {
      const answer = await complete(step)
      assert.equal(answer.status, status, `${step}: ${answer.text}`)
    }
    const other = await call('POST', `${PATH}/completeStep`, { stepId: 'x' }, BETA)
    assert.equal(other.status, 404)
    assert.equal((await call('GET', PATH)).body.state, 'open')
  })

  it('is overdue when the party stays silent, told once, and complete when its receipt is there', async () => {
    const { database } = world.endpointParts
    const overdue = () => markAllOverdue(database, { ...by(), actor: 'job:obligations' })
    assert.equal(await overdue(), 0)
    world.clock.advance(31 * DAY_IN_MS)
    assert.equal(await overdue(), 1)
    assert.equal(await overdue(), 0)
    const list = await call(
      'GET',
      "/deviceManagement/dataSharingObligations?$filter=state eq 'overdue'",
    )
    const [owed] = list.body.value
    assert.equal(owed.partyId, 'apple')
    const answer = `/deviceManagement/dataSharingObligations/${owed.id}/answer`
    const receipt = { outcome: 'receipt', evidenceHash: HASH }
    assert.equal((await call('POST', answer, receipt, BETA)).status, 404)
    const closed = await call('POST', answer, receipt)
    assert.deepEqual([closed.status, closed.body.state], [200, 'receipt'], closed.text)
    assert.equal((await call('POST', answer, receipt)).status, 409)
    const done = await call('GET', PATH)
    assert.equal(done.body.state, 'completed')
    const again = await call('POST', `${PATH}/start`, {})
    assert.deepEqual([again.body.id, again.body.steps], [done.body.id, done.body.steps])
    const kinds = (await world.entries(ACME)).map(({ kind }) => kind)
    for (const kind of ['obligation.overdue', 'obligation.closed', 'offboarding.completed'])
      assert.equal(kinds.filter((one) => one === kind).length, 1, kind)
  })

  it('begins anew when the feature is in use again', async () => {
    await world.endpointParts.database.write(ACME, (tx) =>
      switchFeature(tx, world.endpointParts.catalog, FEATURE, true, by()),
    )
    assert.equal((await call('GET', PATH)).body.state, 'notStarted')
  })

  /** Started by two at once and then again: what the party owes is asked of it once. */
  async function asksOnce(start: (tenantId: string) => Promise<void>): Promise<void> {
    await Promise.all([start(BETA), start(BETA)])
    await start(BETA)
    const owed = await call('GET', '/deviceManagement/dataSharingObligations', undefined, BETA)
    assert.equal(owed.body.value.length, 1)
  }
  const start = (tenantId: string) => {
    const { database, catalog } = world.endpointParts
    return database.write(tenantId, (tx) =>
      startOffBoarding(tx, { catalog, destroyCredentials }, FEATURE, ['link'], by()),
    )
  }

  it('asks nothing of a party twice, however often it is started', () => asksOnce(start))

  it('catches one that does not look for what is under way', async () => {
    const twin = async (tenantId: string) => {
      await world.db.ownerQuery(
        'update off_boardings set completed_at = started_at where tenant_id = $1',
        [tenantId],
      )
      await world.endpointParts.database.write(tenantId, (tx) =>
        switchFeature(tx, world.endpointParts.catalog, FEATURE, true, by()),
      )
      await start(tenantId)
    }
    await assert.rejects(asksOnce(twin))
  })

  it('knows only features that there are', async () => {
    const none = '/deviceManagement/dataSharingFeatures/none/offBoarding'
    assert.equal((await call('GET', none)).status, 404)
    assert.equal((await call('POST', `${none}/start`, {})).status, 404)
  })
})
