import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { z } from 'zod'
import { TAKE_OVER_AFTER_IN_MS } from '#access/idempotency.ts'
import { switchFeature } from '#agreements/switch-feature.ts'
import { allEndpoints } from '#http/api/all-endpoints.ts'
import { changeEndpoint } from '#http/api/endpoint.ts'
import { ACME, type ApiWorld, BETA, type Person, startApiWorld } from './api-world.ts'

const CONTRACTS = '/deviceManagement/dataSharingContracts'
const contract = (hash: string) => ({
  partyId: 'apple',
  documentHash: hash.repeat(64),
  purposes: ['device-management'],
  startDateTime: '2030-01-01T00:00:00Z',
})

describe('a repeated call', () => {
  let world: ApiWorld
  let admin: Person
  /** What the endpoint of this test does next. */
  let act: () => Promise<void> = async () => {}
  let ran = 0
  before(async () => {
    world = await startApiWorld({
      endpoints: (parts) => [
        ...allEndpoints(parts),
        changeEndpoint({
          id: 'actOfTheTest',
          path: '/test/act',
          method: 'POST',
          summary: 'What the test says',
          realms: ['tenant'],
          permission: 'signedIn',
          params: z.strictObject({}),
          body: z.strictObject({ note: z.string().optional() }),
          answer: z.object({ ran: z.int() }),
          success: 200,
          change: async (call) => {
            ran++
            const mine = ran
            await act()
            await parts.database.write(call.tenantId, (tx) =>
              switchFeature(tx, parts.catalog, 'apple-mdm-push', true, {
                actor: call.actor,
                at: call.now,
              }),
            )
            return { ran: mine }
          },
        }),
      ],
    })
    admin = world.person(ACME, 'all')
  })
  after(() => world.stop())
  const post = (key: string, body: unknown, person = admin, path = CONTRACTS) =>
    world.call(person, 'POST', path, body, { 'idempotency-key': key })

  it('runs once and is answered the same, also when it was refused', async () => {
    const first = await post('key-1', contract('a'))
    const again = await post('key-1', contract('a'))
    assert.equal(first.status, 201)
    assert.deepEqual(again.body, first.body)
    assert.equal(again.headers.get('location'), first.headers.get('location'))
    assert.equal(again.headers.get('idempotency-replayed'), 'true')
    const listed = await world.call(admin, 'GET', `${CONTRACTS}?$count=true`)
    assert.equal(listed.body['@odata.count'], 1)
    const refusal = { ...contract('b'), partyId: 'nobody' }
    const no = await post('key-2', refusal)
    assert.equal(no.status, 400)
    const noAgain = await post('key-2', refusal)
    assert.equal(noAgain.status, 400)
    assert.equal(noAgain.headers.get('idempotency-replayed'), 'true')
    assert.equal(noAgain.body.error.innerError['request-id'], noAgain.headers.get('request-id'))
  })

  it('refuses another call under the same key; another account and tenant have keys of their own', async () => {
    const other = await post('key-1', contract('c'))
    assert.equal(other.status, 422)
    assert.equal(other.body.error.innerError.code, 'idempotency_mismatch')
    assert.equal((await post('key-1', contract('c'), world.person(ACME, 'all'))).status, 201)
    assert.equal((await post('key-1', contract('c'), world.person(BETA, 'all'))).status, 201)
    const wrong = await post('x'.repeat(300), contract('a'))
    assert.equal(wrong.status, 400)
    assert.equal(wrong.body.error.target, 'Idempotency-Key')
  })

  it('of twenty at once exactly one runs; the others are answered the same or told to come again', async () => {
    ran = 0
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => post('race', { note: 'x' }, admin, '/test/act')),
    )
    assert.equal(ran, 1)
    for (const answer of answers) assert.ok([200, 409].includes(answer.status), answer.text)
    for (const late of answers.filter((one) => one.status === 409)) {
      assert.equal(late.body.error.innerError.code, 'idempotency_running')
      assert.equal(late.headers.get('retry-after'), '1')
    }
    assert.deepEqual((await post('race', { note: 'x' }, admin, '/test/act')).body.ran, 1)
  })

  it('may be tried again at once when it failed before it took effect', async () => {
    ran = 0
    act = async () => {
      throw new Error('canary: the network is down')
    }
    const failed = await post('fails', {}, admin, '/test/act')
    assert.equal(failed.status, 500)
    assert.ok(!failed.text.includes('canary'))
    act = async () => {}
    assert.equal((await post('fails', {}, admin, '/test/act')).status, 200)
    assert.equal(ran, 2)
  })

  it('P3 is never run twice when the node died after it took effect: that its answer is lost is said', async () => {
    await post('dies-late', {}, admin, '/test/act')
    // As a node leaves it that dies between the commit of the change and that of its answer.
    await world.db.ownerQuery(
      `update idempotency set answer = null, answered_at = null where idempotency_key = 'dies-late'`,
    )
    ran = 0
    world.clock.advance(TAKE_OVER_AFTER_IN_MS + 1)
    const answer = await post('dies-late', {}, admin, '/test/act')
    assert.equal(answer.status, 409)
    assert.equal(answer.body.error.innerError.code, 'idempotency_answer_lost')
    assert.equal(ran, 0)
  })

  it('is taken over when its node died before it took effect, and the dead one cannot commit late', async () => {
    ran = 0
    let goOn: () => void = () => {}
    const stopped = new Promise<void>((resolve) => {
      goOn = resolve
    })
    let began: () => void = () => {}
    const running = new Promise<void>((resolve) => {
      began = resolve
    })
    act = async () => {
      act = async () => {}
      began()
      await stopped
    }
    const slow = post('slow', {}, admin, '/test/act')
    await running
    world.clock.advance(TAKE_OVER_AFTER_IN_MS + 1)
    const taken = await post('slow', {}, admin, '/test/act')
    assert.equal(taken.body.ran, 2)
    const before = (await world.entries(ACME)).length
    goOn()
    assert.equal((await slow).status, 500)
    assert.equal((await world.entries(ACME)).length, before, 'the late one changed nothing')
    assert.equal((await post('slow', {}, admin, '/test/act')).body.ran, 2)
  })

  it('keeps neither the call nor its answer in clear, and forgets both after a day', async () => {
    await post('sealed', contract('d'))
    const rows = await world.db.ownerQuery<{ row: string }>(
      'select i::text as row from idempotency i',
    )
    assert.ok(rows.length > 0)
    for (const { row } of rows) {
      assert.ok(!row.includes('d'.repeat(64)))
      assert.ok(!row.includes(Buffer.from('documentHash').toString('hex')))
    }
    world.clock.advance(25 * 3_600_000)
    assert.equal((await post('sealed', contract('e'))).status, 201)
    const [left] = await world.db.ownerQuery<{ count: number }>(
      'select count(*)::int as count from idempotency where tenant_id = $1',
      [ACME],
    )
    assert.equal(left?.count, 1)
  })
})

describe('a batch', () => {
  let world: ApiWorld
  let admin: Person
  before(async () => {
    world = await startApiWorld({ rate: { burst: 60, perSecond: 1 } })
    admin = world.person(ACME, 'all')
  })
  after(() => world.stop())
  const batch = (requests: unknown, person: Person | undefined = admin, headers = {}) =>
    world.call(person, 'POST', '/$batch', { requests }, headers)

  it('answers each request as by itself, under the sign-in of the whole', async () => {
    const reader = world.person(ACME, new Set(['Organization/Read']))
    const answer = await batch(
      [
        { id: 'a', method: 'GET', url: '/organization' },
        { id: 'b', method: 'GET', url: 'v1.0/organization/acme?$select=id' },
        { id: 'c', method: 'GET', url: '/deviceManagement/dataItems' },
        { id: 'd', method: 'GET', url: '/nowhere' },
        {
          id: 'e',
          method: 'GET',
          url: '/organization',
          headers: { Authorization: `Bearer ${admin.token}` },
        },
      ],
      reader,
    )
    assert.equal(answer.status, 200, answer.text)
    const { responses } = answer.body
    assert.deepEqual(
      responses.map((one: { id: string; status: number }) => [one.id, one.status]),
      [
        ['a', 200],
        ['b', 200],
        ['c', 403],
        ['d', 404],
        ['e', 200],
      ],
    )
    assert.equal(responses[1].body.id, ACME)
    assert.equal(responses[2].body.error.innerError.code, 'role_missing')
    assert.notEqual(responses[0].headers['request-id'], responses[1].headers['request-id'])
  })

  it('does not run what depends on a failed request, and runs what depends on a done one after it', async () => {
    const url = '/deviceManagement/dataSharingFeatures/apple-mdm-push'
    const answer = await batch([
      { id: '1', method: 'PATCH', url, body: { isOn: true } },
      { id: '2', method: 'GET', url, dependsOn: ['1'] },
      { id: '3', method: 'PATCH', url, body: { isOn: 'no' }, dependsOn: ['2'] },
      { id: '4', method: 'PATCH', url, body: { isOn: false }, dependsOn: ['3'] },
      { id: '5', method: 'GET', url, dependsOn: ['4'] },
    ])
    const { responses } = answer.body
    assert.deepEqual(
      responses.map((one: { status: number }) => one.status),
      [200, 200, 400, 424, 424],
    )
    assert.equal(responses[1].body.isOn, true)
    assert.equal((await world.call(admin, 'GET', url)).body.isOn, true)
  })

  it('refuses more than twenty, an id twice, a ring, and a batch within', async () => {
    const get = (id: string, more = {}) => ({ id, method: 'GET', url: '/organization', ...more })
    const wrong = [
      Array.from({ length: 21 }, (_, i) => get(String(i))),
      [get('1'), get('1')],
      [get('1', { dependsOn: ['2'] }), get('2', { dependsOn: ['1'] })],
      [get('1', { dependsOn: ['7'] })],
      [],
      'none',
    ]
    for (const requests of wrong) assert.equal((await batch(requests)).status, 400)
    const nested = await batch([
      { id: '1', method: 'POST', url: '/$batch', body: { requests: [] } },
    ])
    assert.equal(nested.body.responses[0].status, 400)
    assert.equal((await batch([get('1')], { ...admin, token: 'forged' })).status, 401)
  })

  it('gives each change a key from the key of the whole', async () => {
    const requests = ['a', 'b'].map((id) => ({
      id,
      method: 'POST',
      url: CONTRACTS,
      body: contract(id),
    }))
    const first = await batch(requests, admin, { 'idempotency-key': 'whole' })
    const again = await batch(requests, admin, { 'idempotency-key': 'whole' })
    const ids = (answer: { body: { responses: { body: { id: string } }[] } }) =>
      answer.body.responses.map((one) => one.body.id)
    assert.deepEqual(ids(again), ids(first))
    assert.equal(new Set(ids(first)).size, 2)
  })

  it('counts each request against the rate of its account, and others have theirs', async () => {
    const hasty = world.person(ACME, 'all')
    const many = Array.from({ length: 20 }, (_, i) => ({
      id: String(i),
      method: 'GET',
      url: '/organization',
    }))
    for (let i = 0; i < 3; i++) await batch(many, hasty)
    const late = await world.call(hasty, 'GET', '/organization')
    assert.equal(late.status, 429)
    assert.equal(late.headers.get('retry-after'), '1')
    assert.equal((await world.call(admin, 'GET', '/organization')).status, 200)
    world.clock.advance(1_100)
    assert.equal((await world.call(hasty, 'GET', '/organization')).status, 200)
  })
})
