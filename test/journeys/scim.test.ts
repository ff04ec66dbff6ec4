import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { subjectsOfUser } from '#subjects/scim-users.ts'
import { readNotKept } from '#subjects/scim-users.ts'
import { type ErasureWorld, TENANT, startErasureWorld } from './erasure-world.ts'

const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp'
const lines: string[] = []
const log = {
  info: (...all: unknown[]) => lines.push(JSON.stringify(all)),
  warn: (...all: unknown[]) => lines.push(JSON.stringify(all)),
  error: (...all: unknown[]) => lines.push(JSON.stringify(all)),
}

describe('a directory that provisions by SCIM', () => {
  let t: ErasureWorld
  before(async () => {
    t = await startErasureWorld({ log: log as never })
  })
  after(() => t.stop())
  const user = (userName: string, more: object = {}) =>
    t.call('POST', '/Users', { userName, ...more })

  it('is let in by the secret of a service that may provision, and by nothing else', async () => {
    const anonymous = { authorization: '' }
    assert.equal((await t.call('GET', '/Users', undefined, anonymous)).status, 401)
    const wrong = { authorization: `Bearer ${t.token}x` }
    assert.equal((await t.call('GET', '/Users', undefined, wrong)).status, 401)
    t.may('Managed devices/Read')
    assert.equal((await t.call('GET', '/Users')).status, 403)
    t.may('Directory/Provision')
    assert.equal((await t.call('GET', '/Users')).status, 200)
  })

  it('P12 keeps the least of a person, counts the rest, and answers by a filter with or without a hit', async () => {
    const made = await user('bo@example.org', {
      externalId: 'canary-external',
      displayName: 'Canary Name',
      phoneNumbers: [{ value: '+15550100' }],
      emails: [{ value: 'Bo@Example.org', type: 'work', primary: true }],
    })
    assert.equal(made.status, 201)
    assert.equal(made.headers.get('location'), made.body.meta.location)
    assert.deepEqual(Object.keys(made.body).toSorted(), [
      'active',
      'emails',
      'externalId',
      'id',
      'meta',
      'schemas',
      'userName',
    ])
    for (const [filter, hits] of [
      ['userName eq "BO@example.org"', 1],
      ['externalId eq "canary-external"', 1],
      ['emails.value eq "bo@example.org"', 1],
      ['emails[value eq "bo@example.org"]', 1],
      ['userName eq "nobody@example.org"', 0],
      ['userName eq "bo@example.org" and active eq false', 0],
    ] as const) {
      const found = await t.call('GET', `/Users?filter=${encodeURIComponent(filter)}`)
      assert.equal(found.body.totalResults, hits, filter)
    }
    const sealed = await t.call('GET', `/Users?filter=${encodeURIComponent('userName sw "b"')}`)
    assert.deepEqual([sealed.status, sealed.body.scimType], [400, 'invalidFilter'])
    const counted = await t.node.database.read(TENANT, readNotKept)
    assert.deepEqual(counted, { displayname: 1, phonenumbers: 1 })
  })

  it('refuses a userName that is taken, in any case, and takes nothing else of that call', async () => {
    const before = await t.node.database.read(TENANT, readNotKept)
    const again = await user('BO@EXAMPLE.ORG', { title: 'x' })
    assert.deepEqual([again.status, again.body.scimType], [409, 'uniqueness'])
    assert.deepEqual(await t.node.database.read(TENANT, readNotKept), before)
  })

  it('changes only the version that was read', async () => {
    const { id, meta } = (await user('cc@example.org')).body
    const change = (match: string, userName: string) =>
      t.call('PUT', `/Users/${id}`, { userName }, { 'if-match': match })
    assert.equal((await change(meta.version, 'c2@example.org')).status, 200)
    assert.equal((await change(meta.version, 'c3@example.org')).status, 412)
    const unchanged = await t.call('GET', `/Users/${id}`, undefined, {
      'if-none-match': 'W/"2"',
    })
    assert.equal(unchanged.status, 304)
  })

  it('gives pages that meet and do not overlap', async () => {
    for (let i = 0; i < 7; i++) await user(`page-${i}@example.org`)
    const seen: string[] = []
    const { totalResults } = (await t.call('GET', '/Users?count=0')).body
    for (let from = 1; from <= totalResults; from += 3) {
      const page = (await t.call('GET', `/Users?startIndex=${from}&count=3`)).body
      assert.equal(page.startIndex, from)
      seen.push(...page.Resources.map((one: { id: string }) => one.id))
    }
    assert.equal(new Set(seen).size, totalResults)
  })

  it('keeps groups with members it knows, removed as Entra ID and as others do', async () => {
    const one = (await user('m1@example.org')).body.id
    const two = (await user('m2@example.org')).body.id
    const made = await t.call('POST', '/Groups', {
      displayName: 'Sales',
      members: [{ value: one }],
    })
    assert.equal(made.status, 201)
    const patch = (...Operations: object[]) =>
      t.call('PATCH', `/Groups/${made.body.id}`, { schemas: [PATCH], Operations })
    const members = async () =>
      (await t.call('GET', `/Groups/${made.body.id}`)).body.members.map(
        (member: { value: string }) => member.value,
      )
    await patch({ op: 'Add', path: 'members', value: [{ value: two }] })
    assert.deepEqual((await members()).toSorted(), [one, two].toSorted())
    await patch({ op: 'Remove', path: 'members', value: [{ value: one }] })
    assert.deepEqual(await members(), [two])
    await patch({ op: 'remove', path: `members[value eq "${two}"]` })
    assert.deepEqual(await members(), [])
    const stranger = await patch({ op: 'add', path: 'members', value: [{ value: 'nobody' }] })
    assert.equal(stranger.status, 400)
    const without = await t.call(
      'GET',
      `/Groups?excludedAttributes=members&filter=${encodeURIComponent('displayName eq "sales"')}`,
    )
    assert.equal(without.body.Resources[0].members, undefined)
  })

  it('lists each group of a page with its own members, in one order', async () => {
    const ids: string[] = []
    for (const name of ['g1', 'g2', 'g3']) ids.push((await user(`${name}@example.org`)).body.id)
    const wanted = new Map([
      ['Nobody', []],
      ['One', ids.slice(0, 1)],
      ['All', ids],
    ])
    for (const [displayName, members] of wanted) {
      const body = { displayName, members: members.map((value) => ({ value })) }
      assert.equal((await t.call('POST', '/Groups', body)).status, 201)
    }
    const listed = (await t.call('GET', '/Groups')).body.Resources as {
      displayName: string
      members: { value: string }[]
    }[]
    for (const [name, members] of wanted) {
      const group = listed.find((one) => one.displayName === name)
      assert.deepEqual(
        group?.members.map((one) => one.value),
        members.toSorted(),
        name,
      )
    }
  })

  it('asks for the eraser when somebody leaves, and for nothing else', async () => {
    const asked = async (method: string, path: string, body?: object): Promise<number> => {
      const before = t.signals.length
      const { status } = await t.call(method, path, body)
      assert.ok(status < 300, `${method} ${path}`)
      return t.signals.length - before
    }
    const { id } = (await user('eraser@example.org')).body
    const whole = { userName: 'eraser2@example.org' }
    const off = { schemas: [PATCH], Operations: [{ op: 'replace', path: 'active', value: false }] }
    assert.equal(await asked('PUT', `/Users/${id}`, whole), 0)
    assert.equal(await asked('PATCH', `/Users/${id}`, off), 1)
    assert.equal(await asked('PUT', `/Users/${id}`, whole), 0, 'who comes back')
    assert.equal(await asked('PUT', `/Users/${id}`, { ...whole, active: false }), 1)
    assert.equal(await asked('DELETE', `/Users/${id}`), 1)
    const members = [{ value: (await user('eraser3@example.org')).body.id }]
    const group = (await t.call('POST', '/Groups', { displayName: 'Erasers' })).body.id
    assert.equal(await asked('PUT', `/Groups/${group}`, { displayName: 'Erasers', members }), 0)
    assert.equal(await asked('DELETE', `/Groups/${group}`), 0)
    assert.ok(t.signals.every((tenantId) => tenantId === TENANT))
  })

  it('of two people with one mail address, the one who leaves does not take the other along', async () => {
    const shared = { emails: [{ value: 'team@example.org' }] }
    const leaves = (await user('leaves@example.org', shared)).body.id
    await user('stays@example.org', shared)
    await t.keep('person', 'person.userEmail', { 'person.userEmail': 'team@example.org' })
    const own = { userName: 'leaves@example.org', active: true, emails: shared.emails }
    const found = await t.node.database.read(TENANT, (reader) =>
      subjectsOfUser(
        reader,
        { keys: t.node.keys, catalog: t.node.parts.catalog },
        { userId: leaves, user: own },
      ),
    )
    assert.deepEqual(found, [])
  })

  it('erases what is held of somebody who is switched off, keeps the link, and lets them come back', async () => {
    const { id } = (await user('off@example.org')).body
    await t.keep('person', 'person.userEmail', { 'person.userEmail': 'off@example.org' })
    // Whoever the tests before this one let go, goes now.
    await t.erase()
    const active = (value: unknown) =>
      t.call('PATCH', `/Users/${id}`, {
        schemas: [PATCH],
        Operations: [{ op: 'Replace', path: 'active', value }],
      })
    assert.equal((await active('False')).body.active, false)
    assert.equal((await active('True')).body.active, true)
    assert.equal((await t.erase()).erased, 0, 'taken back in time')
    await active(false)
    assert.equal((await t.erase()).erased, 1)
    assert.equal((await t.call('GET', `/Users/${id}`)).body.userName, 'off@example.org')
    assert.equal((await t.call('DELETE', `/Users/${id}`)).status, 204)
    await t.erase()
    assert.equal((await user('off@example.org')).status, 201, 'the name is free again')
  })

  it('describes itself, and logs nothing of anybody', async () => {
    const config = (await t.call('GET', '/ServiceProviderConfig')).body
    assert.equal(config.patch.supported && config.etag.supported && config.filter.supported, true)
    assert.equal((await t.call('GET', '/ResourceTypes')).body.totalResults, 2)
    const schemas = (await t.call('GET', '/Schemas')).body.Resources
    assert.deepEqual(
      schemas[0].attributes.map((one: { name: string }) => one.name),
      ['userName', 'active', 'emails'],
    )
    assert.equal((await t.call('GET', '/Nothing')).status, 404)
    assert.equal((await t.call('POST', '/Users', '{"a"')).status, 400)
    assert.doesNotMatch(lines.join('\n'), /example\.org|canary/i)
  })
})
