import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import {
  BatchRequestContent,
  BatchResponseContent,
  Client,
  GraphError,
  PageIterator,
} from '@microsoft/microsoft-graph-client'
import { selfSigned } from '../certificate.ts'
import { ACME, type ApiWorld, type Person, startApiWorld } from './api-world.ts'

const CONSENTS = '/deviceManagement/dataSharingConsents'
const OUT = `${CONSENTS}/apple-device-enrollment.outbound`

describe('the official client of Microsoft Graph, over TLS', () => {
  let world: ApiWorld
  let folder: string
  let admin: Person
  let client: Client
  const trusted = getCACertificates('default')

  const clientOf = (person: Person): Client =>
    Client.init({
      baseUrl: world.url,
      defaultVersion: 'v1.0',
      customHosts: new Set(['127.0.0.1']),
      authProvider: (done) => done(null, person.token),
    })

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluss-tls-'))
    const { cert, ...tls } = await selfSigned(folder)
    setDefaultCACertificates([...trusted, cert])
    world = await startApiWorld({ tls, rate: { burst: 40, perSecond: 1 } })
    admin = world.person(ACME, 'all')
    client = clientOf(admin)
  })
  after(async () => {
    setDefaultCACertificates(trusted)
    await world.stop()
    await rm(folder, { recursive: true, force: true })
  })

  it('lists, filters, selects, orders and counts', async () => {
    const page = await client
      .api(CONSENTS)
      .filter("partyId eq 'apple' and direction eq 'outbound'")
      .select(['id', 'granted'])
      .orderby('id desc')
      .count(true)
      .get()
    const apple = [...world.endpointParts.catalog.flows.values()]
      .filter(({ party, direction }) => party === 'apple' && direction === 'outbound')
      .map(({ id }) => id.replace('/', '.'))
      .toSorted()
    assert.ok(apple.includes('apple-device-enrollment.outbound'))
    assert.deepEqual(
      page.value,
      apple.toReversed().map((id) => ({ id, granted: false })),
    )
    assert.equal(page['@odata.count'], apple.length)
  })

  it('pages through with its iterator: every item once', async () => {
    const first = await client.api('/deviceManagement/dataItems').top(100).get()
    const ids = new Set<string>()
    let seen = 0
    const iterator = new PageIterator(client, first, (item: { id: string }) => {
      ids.add(item.id)
      seen++
      return true
    })
    await iterator.iterate()
    assert.equal(iterator.isComplete(), true)
    assert.equal(seen, world.endpointParts.catalog.items.size)
    assert.equal(ids.size, seen)
  })

  it('gets, consents on a preview, and sees it granted', async () => {
    const before = await client.api(OUT).get()
    assert.equal(before.state, 'none')
    const preview = await client
      .api(`${OUT}/preview`)
      .post({ exchangeId: 'apple.dep.defineProfile' })
    const consented = await client
      .api(`${OUT}/consentToDataSharing`)
      .header('Idempotency-Key', 'consent-1')
      .post({ manifestHash: preview.manifestHash, previewId: preview.previewId })
    assert.equal(consented.granted, true)
    assert.equal((await client.api(OUT).get()).state, 'granted')
  })

  it('changes with an entity tag, and is told when it is late', async () => {
    const path = '/deviceManagement/dataSharingFeatures/android-enterprise'
    const feature = await client.api(path).get()
    const changed = await client
      .api(path)
      .header('If-Match', feature['@odata.etag'])
      .patch({ isOn: true })
    assert.equal(changed.isOn, true)
    await assert.rejects(
      client.api(path).header('If-Match', feature['@odata.etag']).patch({ isOn: false }),
      (error) => error instanceof GraphError && error.statusCode === 412,
    )
  })

  it('sends a batch made by its own builder, with a request that depends on another', async () => {
    const request = (path: string, init?: RequestInit) =>
      new Request(`https://localhost/v1.0${path}`, init)
    const url = '/deviceManagement/dataSharingFeatures/apple-mdm-push'
    const content = new BatchRequestContent([
      { id: '1', request: request('/organization') },
      {
        id: '2',
        request: request(url, {
          method: 'PATCH',
          body: JSON.stringify({ isOn: true }),
          headers: { 'content-type': 'application/json' },
        }),
        dependsOn: ['1'],
      },
      { id: '3', request: request(url), dependsOn: ['2'] },
      { id: '4', request: request('/deviceManagement/nothing'), dependsOn: ['3'] },
    ])
    const answer = await client.api('/$batch').post(await content.getContent())
    const responses = new BatchResponseContent(answer)
    interface Body {
      readonly value: readonly { readonly id: string }[]
      readonly isOn: boolean
    }
    const json = (id: string) => responses.getResponseById(id).json() as Promise<Body>
    assert.equal((await json('1')).value[0]?.id, ACME)
    assert.equal((await json('3')).isOn, true)
    assert.equal(responses.getResponseById('4').status, 404)
  })

  it('raises its own error, with the code, the status and the request id', async () => {
    const reader = clientOf(world.person(ACME, new Set(['Data sharing/Read'])))
    const missing = await reader
      .api('/organization')
      .get()
      .catch((error: unknown) => error)
    assert.ok(missing instanceof GraphError)
    assert.equal(missing.statusCode, 403)
    assert.equal(missing.code, 'Forbidden')
    assert.match(missing.requestId ?? '', /^[0-9a-f-]{36}$/)
    assert.equal(JSON.parse(String(missing.body)).innerError.code, 'role_missing')
    assert.ok(!Number.isNaN(missing.date.getTime()))
    const forged = await clientOf({ ...admin, token: 'forged' })
      .api('/organization')
      .get()
      .catch((error: unknown) => error)
    assert.ok(forged instanceof GraphError)
    assert.equal(forged.code, 'InvalidAuthenticationToken')
  })

  it('waits as long as it is told after too many calls, and then gets its answer', async () => {
    const hasty = world.person(ACME, 'all')
    for (let i = 0; i < 40; i++) await world.call(hasty, 'GET', '/organization')
    const answer = clientOf(hasty).api('/organization').get()
    while (!world.api.metrics.text().includes('too_many_requests')) await pause(20)
    world.clock.advance(5_000)
    assert.equal((await answer).value[0].id, ACME)
  })
})
