import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { shippedCatalog } from '#catalog/shipped.ts'
import { INSTALLATION } from '#database/handles.ts'
import { ACME, APPLE_ORIGIN, type ApiWorld, BETA, type Person, startApiWorld } from './api-world.ts'

const CONSENT = '/deviceManagement/dataSharingConsents/apple-device-enrollment.outbound'

describe('the API', () => {
  let world: ApiWorld
  let admin: Person
  let other: Person
  let operator: Person
  before(async () => {
    world = await startApiWorld()
    admin = world.person(ACME, 'all')
    other = world.person(BETA, 'all')
    operator = world.person(INSTALLATION, 'all')
  })
  after(() => world.stop())

  it('answers in the shape of Graph, with ids, and nothing may be cached', async () => {
    const answer = await world.call(
      admin,
      'GET',
      '/deviceManagement/dataSharingConsents?$top=2&$count=true',
      undefined,
      { 'client-request-id': 'of-the-client-1' },
    )
    assert.equal(answer.status, 200)
    assert.equal(answer.body['@odata.count'], shippedCatalog.flows.size)
    assert.equal(answer.body.value.length, 2)
    assert.match(answer.body['@odata.nextLink'], /^http:\/\/127\.0\.0\.1:\d+\/v1\.0\/deviceM/)
    assert.equal(answer.headers.get('client-request-id'), 'of-the-client-1')
    assert.match(answer.headers.get('request-id') ?? '', /^[0-9a-f-]{36}$/)
    assert.equal(answer.headers.get('cache-control'), 'no-store')
    assert.equal(answer.headers.get('content-type'), 'application/json; charset=utf-8')
  })

  it('pages through a collection, each item once, in the order asked for', async () => {
    const seen: string[] = []
    let next: string | undefined =
      '/deviceManagement/dataItems?$top=50&$orderby=category desc,displayName'
    while (next) {
      const page = await world.call(admin, 'GET', next)
      assert.equal(page.status, 200, page.text)
      seen.push(...page.body.value.map((item: { id: string }) => item.id))
      next = page.body['@odata.nextLink']
    }
    assert.equal(seen.length, shippedCatalog.items.size)
    assert.equal(new Set(seen).size, shippedCatalog.items.size)
  })

  it('pages through rows of a table, and honours odata.maxpagesize over pages', async () => {
    for (let i = 0; i < 7; i++) {
      const made = await world.call(admin, 'POST', '/deviceManagement/dataSharingContracts', {
        partyId: i % 2 ? 'apple' : 'google',
        documentHash: String(i).repeat(64),
        purposes: ['device-enrolment-management'],
        startDateTime: `2030-01-0${i + 1}T00:00:00Z`,
      })
      assert.equal(made.status, 201, made.text)
      assert.ok(made.headers.get('location')?.endsWith(made.body.id))
    }
    const pages: string[][] = []
    let next: string | undefined =
      '/deviceManagement/dataSharingContracts?$orderby=startDateTime desc'
    let first = true
    while (next) {
      const headers: Record<string, string> = first ? { prefer: 'odata.maxpagesize=3' } : {}
      const page = await world.call(admin, 'GET', next, undefined, headers)
      pages.push(
        page.body.value.map((one: { startDateTime: string }) => one.startDateTime.slice(8, 10)),
      )
      next = page.body['@odata.nextLink']
      first = false
    }
    assert.deepEqual(pages, [['07', '06', '05'], ['04', '03', '02'], ['01']])
    const filtered = await world.call(
      admin,
      'GET',
      "/deviceManagement/dataSharingContracts?$filter=partyId eq 'apple' and startDateTime ge 2030-01-03T00:00:00Z&$count=true&$select=id",
    )
    assert.equal(filtered.body['@odata.count'], 2)
    assert.deepEqual(Object.keys(filtered.body.value[0]), ['id'])
  })

  it('P9 refuses a page token of another tenant, account, list or order, and a changed one', async () => {
    const page = await world.call(admin, 'GET', '/deviceManagement/dataItems?$top=5')
    const link: string = page.body['@odata.nextLink']
    const token = new URL(link).searchParams.get('$skiptoken') ?? ''
    const colleague = world.person(ACME, 'all')
    const wrong: [Person, string][] = [
      [other, link],
      [colleague, link],
      [admin, `${link}&$orderby=category`],
      [admin, `${link}&$filter=need eq 'never'`],
      [admin, `/deviceManagement/dataSharingFeatures?$skiptoken=${token}`],
      [admin, `/deviceManagement/dataItems?$skiptoken=${token.slice(0, -2)}AA`],
      [admin, '/deviceManagement/dataItems?$skiptoken=%00'],
    ]
    for (const [person, path] of wrong) {
      const answer = await world.call(person, 'GET', path)
      assert.equal(answer.status, 400, path)
      assert.equal(answer.body.error.innerError.code, 'page_token_invalid')
    }
    assert.equal((await world.call(admin, 'GET', link)).status, 200)
    const recorded = (await world.entries(BETA)).filter((one) => one.kind === 'access.refused')
    assert.equal(recorded.at(-1)?.data.reason, 'page_token_invalid')
  })

  it('refuses what a query cannot mean, saying what was expected and never what came', async () => {
    for (const query of [
      '$filter=secret eq 1',
      "$filter=id eq 'a' or",
      "$filter=id eq 'x'; drop table tenants",
      '$filter=isPersonal eq 4',
      '$expand=flows',
      '$orderby=id,id',
      '$orderby=password',
      '$top=0',
      '$top=abc',
      '$skip=-1',
      '$count=maybe',
      '$select=nope',
      '$search=x',
      'unknown=zzz-canary',
      `$filter=${'('.repeat(30)}id eq 'zzz-canary'${')'.repeat(30)}`,
    ]) {
      const answer = await world.call(admin, 'GET', `/deviceManagement/dataItems?${query}`)
      assert.equal(answer.status, 400, query)
      assert.equal(answer.body.error.innerError.code, 'query_invalid', query)
      assert.ok(!answer.text.includes('zzz-canary'))
    }
  })

  it('refuses a forged token with one answer whatever is wrong, and records it', async () => {
    const nobody = { ...admin, token: 'forged' }
    const answer = await world.call(nobody, 'GET', '/organization')
    assert.equal(answer.status, 401)
    assert.equal(answer.body.error.code, 'InvalidAuthenticationToken')
    assert.match(answer.headers.get('www-authenticate') ?? '', /invalid_token/)
    const entries = await world.entries(INSTALLATION)
    assert.ok(entries.some((one) => one.kind === 'access.refused' && one.actor === 'unknown'))
  })

  it('records a burst of refusals as one entry and one count, so that nobody fills a ledger', async () => {
    const reader = world.person(ACME, new Set(['Data sharing/Read']))
    for (let i = 0; i < 25; i++)
      await world.call(reader, 'PATCH', '/deviceManagement/dataItems/device.model', {})
    const mine = (await world.entries(ACME)).filter(
      (one) => one.actor === `admin:${reader.principal.accountId}`,
    )
    assert.deepEqual(
      mine.map((one) => [one.kind, one.data.endpoint, one.data.reason, one.data.count]),
      [
        ['access.refused', 'updateDataItem', 'role_missing', 1],
        ['access.refused', 'updateDataItem', 'role_missing', 24],
      ],
    )
  })

  it('keeps the realms apart', async () => {
    assert.equal(
      (await world.call(operator, 'GET', '/organization')).body.error.innerError.code,
      'wrong_realm',
    )
    assert.equal(
      (await world.call(admin, 'GET', '/operator/tenants')).body.error.innerError.code,
      'wrong_realm',
    )
    const tenants = await world.call(operator, 'GET', '/operator/tenants?$top=1')
    assert.deepEqual(
      tenants.body.value.map((one: { id: string }) => one.id),
      [ACME],
    )
    assert.match(tenants.body['@odata.nextLink'], /skiptoken/)
  })

  it('asks for a fresh sign-in where the step is grave', async () => {
    const stale = world.person(INSTALLATION, 'all', {
      authenticatedAt: world.clock.now() - 301_000,
    })
    const answer = await world.call(stale, 'POST', '/operator/tenants', {
      id: 'gamma',
      displayName: 'Gamma',
      region: 'EU',
    })
    assert.equal(answer.status, 401)
    assert.match(answer.headers.get('www-authenticate') ?? '', /insufficient_user_authentication/)
  })

  it('names the field, what was expected and the type of what came; never the value', async () => {
    const answer = await world.call(admin, 'POST', '/deviceManagement/dataSharingContracts', {
      partyId: 17_171_717,
      documentHash: 'canary-hash',
      purposes: [],
      extra: 'canary-extra',
    })
    assert.equal(answer.status, 400)
    const targets = answer.body.error.details.map((one: { target: string }) => one.target)
    assert.deepEqual(targets.toSorted(), [
      'documentHash',
      'extra',
      'partyId',
      'purposes',
      'startDateTime',
    ])
    assert.ok(!answer.text.includes('canary-'))
    assert.ok(!answer.text.includes('17171717'))
    assert.match(answer.text, /a string is expected; what came is a number/)
  })

  it('answers 405 with Allow, 406, 413, 415, HEAD and 404 as HTTP asks', async () => {
    const wrongMethod = await world.call(admin, 'DELETE', '/deviceManagement/dataItems')
    assert.equal(wrongMethod.status, 405)
    assert.equal(wrongMethod.headers.get('allow'), 'GET, HEAD')
    const xml = await world.call(admin, 'GET', '/organization', undefined, { accept: 'text/xml' })
    assert.equal(xml.status, 406)
    const form = await world.call(
      admin,
      'PATCH',
      '/deviceManagement/dataItems/device.model',
      'a=1',
      {
        'content-type': 'application/x-www-form-urlencoded',
      },
    )
    assert.equal(form.status, 415)
    const latin = await world.call(
      admin,
      'PATCH',
      '/deviceManagement/dataItems/device.model',
      '{}',
      {
        'content-type': 'application/json; charset=latin1',
      },
    )
    assert.equal(latin.status, 415)
    const large = await world.call(admin, 'POST', '/deviceManagement/connections', {
      id: 'x'.repeat(1_100_000),
    })
    assert.equal(large.status, 413)
    const head = await world.call(admin, 'HEAD', '/organization')
    assert.equal(head.status, 200)
    assert.equal(head.text, '')
    assert.equal((await world.call(admin, 'GET', '/nowhere')).status, 404)
    assert.equal((await world.call(admin, 'GET', '/organization/%ff')).status, 404)
    assert.equal((await world.call(admin, 'PATCH', '/organization/acme', '{')).status, 400)
  })

  it('gives an entity tag, answers 304 to it, and 412 to an older one', async () => {
    const path = '/deviceManagement/dataSharingFeatures/apple-mdm-push'
    const first = await world.call(admin, 'GET', path)
    const tag = first.headers.get('etag') ?? ''
    assert.equal(first.body['@odata.etag'], tag)
    const same = await world.call(admin, 'GET', path, undefined, { 'if-none-match': tag })
    assert.equal(same.status, 304)
    const changed = await world.call(admin, 'PATCH', path, { isOn: true }, { 'if-match': tag })
    assert.equal(changed.status, 200, changed.text)
    assert.equal(changed.body.isOn, true)
    const late = await world.call(admin, 'PATCH', path, { isOn: false }, { 'if-match': tag })
    assert.equal(late.status, 412)
    assert.equal((await world.call(admin, 'GET', path)).body.isOn, true)
  })

  it('lets exactly one of many changes pass that rest on the same state', async () => {
    const path = '/deviceManagement/dataSharingFeatures/zebra-lifeguard-ota'
    for (let round = 0; round < 4; round++) {
      const tag = (await world.call(admin, 'GET', path)).headers.get('etag') ?? ''
      world.clock.advance(10)
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, i) =>
          world.call(admin, 'PATCH', path, { isOn: i % 2 === 0 }, { 'if-match': tag }),
        ),
      )
      assert.deepEqual(
        answers.map((one) => one.status).toSorted(),
        [200, 412, 412, 412, 412, 412, 412, 412],
      )
    }
  })

  it('previews, consents to the very manifest that was shown, and withdraws', async () => {
    const preview = await world.call(admin, 'POST', `${CONSENT}/preview`, {
      exchangeId: 'apple.dep.defineProfile',
      example: { profile_name: 'Field staff', owner_full_name: 'Synthetic Person' },
    })
    assert.equal(preview.status, 200, preview.text)
    assert.ok(!preview.text.includes('Synthetic Person'))
    const { manifestHash, previewId } = preview.body
    const older = await world.call(admin, 'POST', `${CONSENT}/consentToDataSharing`, {
      manifestHash: '0'.repeat(64),
      previewId,
    })
    assert.equal(older.status, 409)
    assert.equal(older.body.error.innerError.code, 'consent_lapsed')
    const given = await world.call(admin, 'POST', `${CONSENT}/consentToDataSharing`, {
      manifestHash,
      previewId,
    })
    assert.equal(given.status, 200, given.text)
    assert.equal(given.body.granted, true)
    assert.equal(given.body.grantedByUserId, `admin:${admin.principal.accountId}`)
    const granted = await world.call(
      admin,
      'GET',
      '/deviceManagement/dataSharingConsents?$filter=granted eq true&$select=id,state',
    )
    assert.deepEqual(granted.body.value, [
      { id: 'apple-device-enrollment.outbound', state: 'granted' },
    ])
    const withdrawn = await world.call(admin, 'POST', `${CONSENT}/withdraw`, {
      reason: 'changed our mind',
    })
    assert.equal(withdrawn.body.state, 'withdrawn')
    const history = await world.call(admin, 'GET', `${CONSENT}/history`)
    assert.equal(history.body.value.length, 1)
    assert.equal(history.body.value[0].previewId, previewId)
    const kinds = (await world.entries(ACME)).map((one) => one.kind)
    for (const kind of ['preview.shown', 'consent.given', 'consent.withdrawn'] as const)
      assert.ok(kinds.includes(kind))
    assert.equal((await world.call(other, 'GET', CONSENT)).body.state, 'none')
  })

  it('P9 does not say whether what belongs to another tenant exists', async () => {
    const contract = await world.call(other, 'POST', '/deviceManagement/dataSharingContracts', {
      partyId: 'apple',
      documentHash: 'b'.repeat(64),
      purposes: ['device-management'],
      startDateTime: '2030-01-01T00:00:00Z',
    })
    const path = '/deviceManagement/dataSharingContracts'
    const guessed = await world.call(admin, 'GET', `${path}/${contract.body.id}`)
    const invented = await world.call(admin, 'GET', `${path}/${randomUUID()}`)
    assert.equal(guessed.status, 404)
    assert.deepEqual(
      { ...guessed.body.error, innerError: 0 },
      { ...invented.body.error, innerError: 0 },
    )
    const used = await world.call(admin, 'POST', '/deviceManagement/dataSharingPermissions', {
      partyId: 'apple',
      contractId: contract.body.id,
    })
    assert.equal(used.body.error.innerError.code, 'contract_missing')
    assert.equal((await world.call(admin, 'GET', `/organization/${BETA}`)).status, 404)
  })

  it('takes a connection from key pair to synchronising, and gives away no secret', async () => {
    const made = await world.call(admin, 'POST', '/deviceManagement/connections', {
      id: 'apple-main',
      connectorId: 'apple-device-enrollment',
      displayName: 'Apple',
    })
    assert.equal(made.status, 201, made.text)
    assert.equal(made.body.origin, APPLE_ORIGIN)
    const elsewhere = await world.call(admin, 'POST', '/deviceManagement/connections', {
      id: 'elsewhere',
      connectorId: 'apple-device-enrollment',
      displayName: 'Not Apple',
      origin: 'http://169.254.169.254',
    })
    assert.equal(elsewhere.status, 400)
    assert.equal(elsewhere.body.error.target, 'origin')
    const path = '/deviceManagement/depOnboardingSettings/apple-main'
    const early = await world.call(admin, 'POST', `${path}/syncWithAppleDeviceEnrollmentProgram`)
    assert.equal(early.body.error.innerError.code, 'credentials_missing')
    const key = await world.call(admin, 'POST', `${path}/generateEncryptionPublicKey`)
    assert.match(key.body.value, /BEGIN CERTIFICATE/)
    const bad = await world.call(admin, 'POST', `${path}/uploadDepToken`, {
      depToken: 'no such thing',
    })
    assert.equal(bad.body.error.innerError.code, 'token_file_invalid')
    const { makeTokenFile } = await import('../../sandbox/apple/token-file.ts')
    const token = {
      consumer_key: 'CK_1',
      consumer_secret: 'CS_1',
      access_token: 'AT_1',
      access_secret: 'AS_1',
    }
    const file = makeTokenFile(token, key.body.value, '2031-01-01T00:00:00Z')
    const sent = await world.call(admin, 'POST', `${path}/uploadDepToken`, {
      depToken: file.toString('base64'),
    })
    assert.equal(sent.status, 204, sent.text)
    const ready = await world.call(admin, 'POST', `${path}/syncWithAppleDeviceEnrollmentProgram`)
    assert.equal(ready.status, 204, ready.text)
    assert.deepEqual(world.synchronised, ['acme/apple-main'])
    const read = await world.call(admin, 'GET', '/deviceManagement/connections/apple-main')
    assert.equal(read.body.hasCredentials, true)
    assert.ok(!/CS_1|AT_1|PRIVATE/.test(read.text))
  })

  it('P4 refuses everything while its lease is over', async () => {
    world.lease = false
    const answer = await world.call(admin, 'GET', '/organization')
    world.lease = true
    assert.equal(answer.status, 503)
    assert.equal(answer.headers.get('retry-after'), '5')
    assert.equal(answer.body.error.innerError.code, 'lease_expired')
  })

  it('counts what it answered, and no tenant is in the counts', async () => {
    const metrics = await world.call(undefined, 'GET', `${world.url}/metrics`)
    assert.match(
      metrics.text,
      /sluss_api_requests_total\{endpoint="listOrganization",status="401"\} 1/,
    )
    assert.match(metrics.text, /sluss_api_refusals_total\{code="role_missing"\} 25/)
    assert.ok(!metrics.text.includes(ACME))
  })
})
