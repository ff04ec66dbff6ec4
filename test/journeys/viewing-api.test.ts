import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { manualClock } from '#foundation/clock.ts'
import { refuse } from '#foundation/refusal.ts'
import { type Api, createApi } from '#http/api/create-api.ts'
import { viewingEndpoints } from '#http/api/viewing/endpoints.ts'
import { tenantOfGrant } from '#viewing/grant-home.ts'
import type { Viewer } from '#viewing/viewer.ts'
import { SERIAL, type ViewingWorld, adminOf, viewingWorld } from '../viewing.ts'

const DEVICES = 12

describe('looking over the API', () => {
  const clock = manualClock('2030-01-01T00:00:00Z')
  const people = new Map<string, Viewer>()
  let world: ViewingWorld
  let api: Api
  let ids: readonly string[]

  before(async () => {
    world = await viewingWorld({ clock })
    await world.makeTenant('acme')
    await world.keep(
      'acme',
      Array.from({ length: DEVICES }, (_, i) => ({
        [SERIAL]: `SYN00000${10 + i}`,
        'device.model': i % 3 === 0 ? 'iPad' : 'iPhone',
        'device.encrypted': i % 2 === 0,
        'device.color': 'silver',
        'device.name': `cny-name-${i}`,
      })),
    )
    await world.keep(
      'acme',
      [{ 'person.userEmail': 'cny-mail@example.org', 'user.phoneNumber': '+46700000000' }],
      { kind: 'person', subjectItem: 'person.userEmail' },
    )
    ids = await world.recordIds('acme')
    people.set('admin', adminOf('acme'))
    people.set('helpdesk', adminOf('acme', ['Managed devices/Read']))
    people.set(
      'support',
      await world.grant('acme', {
        records: ids.slice(0, 2),
        items: [SERIAL, 'device.model'],
        approvedAt: clock.now(),
      }),
    )
    people.set(
      'stranger',
      await world.grant('acme', { records: ids, items: [SERIAL], approvedAt: clock.now() }),
    )
    const find = (authorization: string | undefined) =>
      people.get(authorization?.replace('Bearer ', '') ?? '')
    api = createApi({
      endpoints: viewingEndpoints({
        catalog: world.parts.catalog,
        viewing: world.viewing,
        tenantOfGrant: (account, grantId) => tenantOfGrant(world.test.database, account, grantId),
      }),
      tokens: {
        authenticate: async (authorization) =>
          find(authorization)?.principal ?? refuse('token_invalid'),
      },
      access: {
        of: async (principal) =>
          ([...people.values()].find((one) => one.principal.accountId === principal.accountId)
            ?.access ?? refuse('token_invalid')) as never,
      },
      database: world.test.database,
      keys: world.keys,
      lease: { held: () => true },
      clock,
      now: () => clock.now(),
      log: world.parts.log,
      rate: { calls: 10_000, perSecond: 10_000, burst: 10_000 } as never,
    })
  })
  after(async () => {
    await api.close()
    await world.stop()
  })

  const call = async (who: string, path: string, method = 'GET', body?: unknown) => {
    const answer = await api.app.request(
      path.startsWith('http') ? path : `http://sluss.example.org/v1.0${path}`,
      {
        method,
        headers: {
          authorization: `Bearer ${who}`,
          ...(body === undefined
            ? {}
            : { 'content-type': 'application/json', 'idempotency-key': crypto.randomUUID() }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      },
    )
    const text = await answer.text()
    return {
      status: answer.status,
      text,
      headers: answer.headers,
      body: text ? JSON.parse(text) : {},
    }
  }
  const grantOf = (who: string) => people.get(who)?.grantId ?? ''

  it('lists managed devices with the names of Graph, masked, with the reason beside it', async () => {
    const answer = await call(
      'admin',
      "/deviceManagement/managedDevices?$filter=model eq 'iPad'&$count=true",
    )
    assert.equal(answer.status, 200, answer.text)
    assert.equal(answer.body['@odata.count'], 4)
    const [device] = answer.body.value
    assert.equal(device.model, 'iPad')
    assert.match(device.serialNumber, /^[\w-]{24}$/)
    assert.equal(device.sluss.items['device.color'], 'silver')
    assert.deepEqual(
      device.sluss.masked.find((one: { property: string }) => one.property === 'serialNumber'),
      { property: 'serialNumber', item: SERIAL, precision: 'pseudonym', reason: 'item_masked' },
    )
    assert.ok(!answer.text.includes('SYN00') && !answer.text.includes('cny-'))
  })

  it('filters by booleans, sealed identifiers and items of its own, and refuses what it cannot serve', async () => {
    const count = async (filter: string) => {
      const answer = await call(
        'admin',
        `/deviceManagement/managedDevices?$filter=${encodeURIComponent(filter)}`,
      )
      return answer.status === 200 ? answer.body.value.length : answer.body.error.code
    }
    assert.equal(await count('isEncrypted eq true'), 6)
    assert.equal(await count("serialNumber eq 'SYN0000012'"), 1)
    assert.equal(await count("device.color eq 'silver'"), DEVICES)
    const refused = await call(
      'admin',
      "/deviceManagement/managedDevices?$filter=startswith(serialNumber,'SYN')",
    )
    assert.equal(refused.status, 400, refused.text)
    assert.ok(refused.text.includes('filter_unserved'), refused.text)
  })

  it('pages through, each device once', async () => {
    const seen: string[] = []
    let next: string | undefined = '/deviceManagement/managedDevices?$top=5&$orderby=model desc'
    while (next) {
      const page = await call('admin', next)
      assert.equal(page.status, 200, page.text)
      seen.push(...page.body.value.map((one: { id: string }) => one.id))
      next = page.body['@odata.nextLink']
    }
    assert.deepEqual(seen.toSorted(), ids.toSorted())
  })

  it('reads, shows and records only what $select asks for', async () => {
    const answer = await call(
      'admin',
      `/deviceManagement/managedDevices/${ids[0]}?$select=id,model`,
    )
    assert.equal(answer.status, 200, answer.text)
    assert.deepEqual(
      Object.keys(answer.body)
        .filter((name) => !name.startsWith('@'))
        .toSorted(),
      ['id', 'model'],
    )
    const entry = (await world.entries('acme')).findLast((one) => one.kind === 'read')
    assert.deepEqual(entry?.data.shown, { exact: ['device.model'], masked: {} })
  })

  it('reveals one exact value for a reason, and not to whom the role does not allow it', async () => {
    const path = `/deviceManagement/managedDevices/${ids[0]}/reveal`
    const body = { item: SERIAL, reason: 'The person rang to ask' }
    const answer = await call('admin', path, 'POST', body)
    assert.equal(answer.status, 200, answer.text)
    assert.equal(answer.body.value, 'SYN0000010')
    assert.equal((await call('helpdesk', path, 'POST', body)).status, 403)
    assert.equal((await call('admin', path, 'POST', { item: SERIAL, reason: 'why' })).status, 400)
  })

  it('lists people to those who may read personal data, and to nobody else', async () => {
    const answer = await call('admin', '/people')
    assert.equal(answer.status, 200, answer.text)
    assert.equal(answer.body.value.length, 1)
    assert.ok(!answer.text.includes('cny-mail') && !answer.text.includes('+4670'))
    assert.equal((await call('helpdesk', '/people')).status, 403)
  })

  it('P7 shows support what the grant names, and the tenant what support saw', async () => {
    const path = `/support/accessGrants/${grantOf('support')}`
    const listed = await call('support', `${path}/managedDevices`)
    assert.equal(listed.status, 200, listed.text)
    assert.deepEqual(
      listed.body.value.map((one: { id: string }) => one.id).toSorted(),
      ids.slice(0, 2).toSorted(),
    )
    assert.equal((await call('support', `${path}/managedDevices/${ids[1]}`)).status, 200)
    assert.equal((await call('support', `${path}/managedDevices/${ids[5]}`)).status, 403)
    assert.equal((await call('stranger', `${path}/managedDevices`)).status, 403)
    assert.equal((await call('admin', `${path}/managedDevices`)).status, 403)
    assert.equal((await call('support', '/deviceManagement/managedDevices')).status, 403)
    await world.sequencer.settled()
    const views = await call('admin', `${path}/views`)
    assert.equal(views.status, 200, views.text)
    assert.deepEqual(
      views.body.value.map((one: { recordIds: string[] }) => one.recordIds.length),
      [2, 1],
    )
    assert.equal((await call('support', `${path}/views`)).status, 403)
  })

  it('P8 auditEvents is the ledger in the shape of Graph, filtered in SQL, and nobody changes it', async () => {
    await world.sequencer.settled()
    const account = people.get('admin')?.principal.accountId
    const filter = encodeURIComponent(
      `activityType eq 'reveal' and actor/userId eq '${account}' and activityDateTime ge 2030-01-01T00:00:00Z`,
    )
    const answer = await call(
      'admin',
      `/deviceManagement/auditEvents?$filter=${filter}&$count=true`,
    )
    assert.equal(answer.status, 200, answer.text)
    assert.equal(answer.body['@odata.count'], 1)
    const [event] = answer.body.value
    assert.deepEqual(
      [event.activityType, event.actor.userId, event.activityResult],
      ['reveal', account, 'Success'],
    )
    const one = await call('admin', `/deviceManagement/auditEvents/${event.id}`)
    assert.equal(one.body.sluss.index, event.sluss.index)
    for (const method of ['DELETE', 'PATCH', 'PUT', 'POST']) {
      for (const path of [
        '/deviceManagement/auditEvents',
        `/deviceManagement/auditEvents/${event.id}`,
      ]) {
        const refused = await call('admin', path, method, {})
        assert.equal(refused.status, 405, `${method} ${path}`)
        assert.match(refused.headers.get('allow') ?? '', /^GET(?:, HEAD)?$/)
      }
    }
    const seen: number[] = []
    let next: string | undefined = '/deviceManagement/auditEvents?$top=7'
    for (let i = 0; next && i < 3; i++) {
      const page = await call('admin', next)
      seen.push(...page.body.value.map((row: { sluss: { index: number } }) => row.sluss.index))
      next = page.body['@odata.nextLink']
    }
    assert.deepEqual(
      seen,
      seen.toSorted((a, b) => b - a),
    )
    assert.equal(new Set(seen).size, seen.length)
    assert.equal((await call('helpdesk', '/deviceManagement/auditEvents')).status, 403)
  })
})
