import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { chooseCollection } from '#agreements/collection.ts'
import { withdrawConsent } from '#agreements/consent.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { EXCHANGES } from '#connectors/apple-apps-and-books/exchanges.ts'
import { manualClock } from '#foundation/clock.ts'
import { previewCall } from '#sharing/preview.ts'
import { consentTo } from '../../sandbox/agree.ts'
import { APPS_IN, APPS_OUT } from '../../sandbox/apple-apps/connect.ts'
import { type AppsNode, TENANT, startAppsNode } from './apps-node.ts'

const by = (t: AppsNode) => ({ actor: 'admin:1', at: t.node.sharing.gate.now() })
const choose = (t: AppsNode, itemId: string, precision: string) =>
  t.node.database.write(TENANT, (tx) =>
    chooseCollection(tx, shippedCatalog, { itemId, on: true, precision }, by(t)),
  )
const exchange = (id: string) => EXCHANGES.find((one) => one.id === id) ?? assert.fail(id)

describe('Apple Apps and Books through the gateway', () => {
  let t: AppsNode
  before(async () => {
    t = await startAppsNode()
  })
  after(() => t.stop())

  it('serves every call that Fleet makes: configuration, assets, assignments, and an assignment to devices', async () => {
    const config = await t.call('GET', '/mdm/v2/client/config')
    assert.deepEqual([config.status, config.body.locationName], [200, 'Example site'])
    const assets = await t.call('GET', '/mdm/v2/assets?productType=App')
    assert.equal(assets.body.assets.length, 3)
    assert.equal(assets.body.assets[0].availableCount, 10_000)
    const [{ adamId, pricingParam }] = assets.body.assets
    const given = await t.call('POST', '/mdm/v2/assets/associate', {
      // Fleet sends the whole asset back, with a member that the call does not have.
      assets: [{ adamId, pricingParam, availableCount: 10_000 }],
      serialNumbers: ['SYN0000001'],
    })
    assert.equal(given.status, 200, given.text)
    assert.match(given.body.eventId, /^[0-9a-f-]{36}$/)
    assert.deepEqual(JSON.parse(t.apps.received.at(-1)?.body.toString() ?? ''), {
      assets: [{ adamId, pricingParam }],
      serialNumbers: ['SYN0000001'],
    })
    const held = await t.call('GET', `/mdm/v2/assignments?adamId=${adamId}&serialNumber=SYN0000001`)
    assert.deepEqual(held.body.assignments, [{ adamId, pricingParam, serialNumber: 'SYN0000001' }])
  })

  it('P1 presents the real token to Apple only, and the client never holds it', async () => {
    await t.call('GET', '/mdm/v2/client/config')
    const arrived = t.apps.received.at(-1)
    assert.equal(arrived?.headers.authorization, `Bearer ${t.apps.tokenFile}`)
    assert.notEqual(t.token, t.apps.tokenFile)
    const dressed = JSON.parse(Buffer.from(t.token, 'base64').toString())
    assert.match(dressed.expDate, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0000$/)
    assert.ok(t.apps.received.every((one) => !one.bytes.includes(t.token)))
    const text = JSON.stringify(await t.entries())
    assert.ok(!text.includes(t.apps.tokenFile) && !text.includes(t.token))
  })

  it('P10 gives Apple a name of its own for each user and no address, and the client its own names back', async () => {
    const users = [
      {
        clientUserId: 'anna',
        email: 'anna@example.org',
        managedAppleId: 'anna@appleid.example.org',
      },
      { clientUserId: 'bo', email: 'bo@example.org' },
    ]
    const made = await t.call('POST', '/mdm/v2/users/create', { users })
    assert.equal(made.status, 200, made.text)
    const arrived = t.apps.received.at(-1)?.body.toString() ?? ''
    assert.ok(!/anna"|"bo"|anna@example|bo@example/.test(arrived), arrived)
    assert.match(arrived, /"managedAppleId":"anna@appleid\.example\.org"/)
    t.apps.service.settleAll()
    const names = t.apps.service.users.map((one) => one.clientUserId)
    assert.ok(names.length === 2 && names.every((name) => /^[\w-]{24}$/.test(name)))
    const read = await t.call('GET', '/mdm/v2/users?activeOnly=true')
    assert.deepEqual(
      read.body.users.map((one: { clientUserId: string }) => one.clientUserId),
      ['anna', 'bo'],
    )
    const one = await t.call('GET', '/mdm/v2/users?clientUserId=bo')
    const asked = new URL(t.apps.received.at(-1)?.target ?? '', 'http://x').searchParams
    assert.equal(asked.get('clientUserId'), names[1])
    assert.equal(one.body.users.length, 1)
    const asset = { adamId: '408709701', pricingParam: 'STDQ' }
    await t.call('POST', '/mdm/v2/assets/associate', { assets: [asset], clientUserIds: ['anna'] })
    const held = await t.call('GET', '/mdm/v2/assignments?clientUserId=anna')
    assert.deepEqual(held.body.assignments, [{ ...asset, clientUserId: 'anna' }])
    const legacy = await t.call('POST', '/mdm/getVPPLicensesSrv', { sToken: t.token })
    assert.ok(
      legacy.body.licenses.some((l: Record<string, unknown>) => l.clientUserIdStr === 'anna'),
    )
  })

  it('shows the names that leave before anybody consents', async () => {
    const shown = await previewCall(
      t.node.parts,
      TENANT,
      exchange('apple.vpp.createUsers'),
      Buffer.from(JSON.stringify({ users: [{ clientUserId: 'anna', email: 'anna@example.org' }] })),
      by(t),
    )
    const [user] = JSON.parse(shown.json).users
    assert.match(user.clientUserId, /^[\w-]{24}$/)
    assert.equal(user.email, undefined)
    assert.deepEqual(shown.withheld, { 'person.licenceEmail': 1 })
  })

  it('sends the id and the address as they are only where the tenant chose so', async () => {
    await choose(t, 'person.intuneUserIdGuid', 'exact')
    await choose(t, 'person.licenceEmail', 'exact')
    await t.call('POST', '/mdm/v2/users/create', {
      users: [{ clientUserId: 'cecilia', email: 'cecilia@example.org' }],
    })
    assert.match(t.apps.received.at(-1)?.body.toString() ?? '', /"cecilia".*cecilia@example\.org/)
    await choose(t, 'person.intuneUserIdGuid', 'withheld')
    const refused = await t.call('POST', '/mdm/v2/assets/associate', {
      assets: [{ adamId: '408709701', pricingParam: 'STDQ' }],
      serialNumbers: ['SYN0000001'],
      clientUserIds: ['cecilia'],
    })
    assert.equal(
      refused.refusal,
      'nothing_allowed',
      'half of an assignment must not pass for all of it',
    )
    await choose(t, 'person.intuneUserIdGuid', 'exact')
  })

  it('P4 refuses every legacy write by name, and reads through the legacy services', async () => {
    const from = t.apps.received.length
    for (const service of [
      'registerVPPUserSrv',
      'editVPPUserSrv',
      'retireVPPUserSrv',
      'associateVPPLicenseSrv',
      'disassociateVPPLicenseSrv',
      'manageVPPLicensesByAdamIdSrv',
    ]) {
      const answer = await t.call('POST', `/mdm/${service}`, { sToken: t.token })
      assert.deepEqual([answer.status, answer.refusal], [405, 'legacy_read_only'], service)
      assert.equal(answer.body.errorNumber, 9726)
    }
    const hidden = await t.call('POST', '/mdm/VPPClientConfigSrv', {
      sToken: t.token,
      clientContext: 'mine',
    })
    assert.equal(hidden.refusal, 'item_unclassified', 'a write through a service that reads')
    assert.equal(t.apps.received.length, from)
    const config = await t.call('POST', '/mdm/VPPClientConfigSrv', { sToken: t.token })
    assert.deepEqual(
      [config.body.facilitatorMemberId, config.body.organizationId, config.body.countryCode],
      ['778899', 2_000_000_001_630_588, 'SE'],
    )
    assert.match(
      t.apps.received.at(-1)?.body.toString() ?? '',
      new RegExp(t.apps.tokenFile.slice(0, 40)),
    )
    const licences = await t.call('POST', '/mdm/getVPPLicensesSrv', { sToken: 'whatever' })
    assert.equal(licences.body.licenses[0].licenseId, 9_000)
    const app = await t.call('GET', '/WebObjects/MZStorePlatform.woa/wa/lookup?id=408709701&cc=se')
    assert.equal(app.body.results['408709701'].name, 'App 408709701')
    assert.equal(app.body.results['408709701'].offers, undefined)
  })

  it('P1 lets no client send Apple’s notifications past Sluss, nor learn addresses or the token that lead there', async () => {
    const stray = await t.call('POST', '/mdm/v2/client/config', {
      notificationUrl: 'https://mdm.example.org/apple',
      notificationAuthToken: 'x',
    })
    assert.equal(stray.refusal, 'item_unclassified')
    const service = await t.call('GET', '/mdm/v2/service/config')
    assert.equal(service.body.limits.maxAssets, 25)
    assert.equal(service.body.urls, undefined)
    const own = await t.call('POST', '/mdm/v2/client/config', { mdmInfo: { id: 'a', name: 'b' } })
    assert.deepEqual(own.body.mdmInfo, { id: 'a', name: 'b' })
  })

  it('P4 refuses an unknown call and a caller without the token, in Apple’s words', async () => {
    const from = t.apps.received.length
    for (const [method, path] of [
      ['GET', '/mdm/v2/invented'],
      ['PUT', '/mdm/v2/assets'],
      ['GET', '/mdm/v2/assets/'],
      ['POST', '/mdm/inventedSrv'],
    ] as const)
      assert.equal((await t.call(method, path)).refusal, 'exchange_unknown', path)
    const stranger = await t.call('GET', '/mdm/v2/assets', undefined, { authorization: 'Bearer x' })
    assert.deepEqual([stranger.status, stranger.body.errorNumber], [401, 9622])
    assert.equal(t.apps.received.length, from)
  })

  it('P5 stops at the very next call when either consent is withdrawn', async () => {
    for (const flow of [APPS_OUT, APPS_IN]) {
      assert.equal((await t.call('GET', '/mdm/v2/assets')).status, 200)
      await t.node.database.write(TENANT, (tx) => withdrawConsent(tx, flow, by(t)))
      const from = t.apps.received.length
      assert.equal((await t.call('GET', '/mdm/v2/assets')).refusal, 'consent_withdrawn')
      assert.equal(t.apps.received.length, from)
      await t.node.database.write(TENANT, (tx) => consentTo(tx, t.node, 'apple-volume-purchase'))
    }
  })

  it('P3 has an entry for every call that Apple received, before it, and one outcome for each', async () => {
    const entries = await t.entries()
    const disclosures = entries.filter((entry) => entry.kind === 'disclosure')
    const outcomes = entries.filter((entry) => entry.kind === 'outcome')
    assert.equal(disclosures.length, t.apps.received.length)
    assert.deepEqual(
      outcomes.map((entry) => entry.data.of).toSorted(),
      disclosures.map((entry) => entry.id).toSorted(),
    )
    const changes = disclosures.filter((one) => /associate$|Users$/.test(String(one.data.exchange)))
    for (const change of changes) {
      const outcome = outcomes.find((one) => one.data.of === change.id)
      assert.equal(outcome?.data.outcome, 'accepted')
      assert.ok((change.data.subjects as string[]).length > 0)
    }
  })
})

describe('Apple Apps and Books, when things go wrong', () => {
  const clock = manualClock(Date.now())
  let t: AppsNode
  before(async () => {
    t = await startAppsNode({ clock })
  })
  after(() => t.stop())
  const outcomeOf = async (entry: string | undefined) =>
    (await t.entries()).find((one) => one.kind === 'outcome' && one.data.of === entry)?.data.outcome
  const change = () => t.call('POST', '/mdm/v2/assets/revoke', { serialNumbers: ['SYN0000002'] })
  const withNumber = (status: number, errorNumber: number) => ({
    kind: 'answer' as const,
    answer: {
      status,
      body: { errorInfo: { clientUserIds: ['canary'] }, errorMessage: 'canary', errorNumber },
    },
  })

  it('counts 200 with an error number as rejected, passes its number on, and nothing that it quotes', async () => {
    for (const [number, status] of [
      [9622, 401],
      [9625, 401],
      [9602, 400],
      [9609, 404],
      [9616, 409],
      [9603, 500],
      [9726, 405],
      [9646, 429],
    ] as const) {
      t.apps.inject('/mdm/v2/assets/revoke', withNumber(200, number))
      const answer = await change()
      assert.deepEqual([answer.status, answer.body.errorNumber], [status, number])
      assert.ok(!answer.text.includes('canary'))
      assert.equal(await outcomeOf(answer.entry), 'rejected')
    }
    t.apps.inject('/mdm/v2/assets', withNumber(400, 9999))
    const strange = await t.call('GET', '/mdm/v2/assets')
    assert.deepEqual([strange.status, strange.body.errorMessage], [400, 'UNDOCUMENTED_ERROR'])
  })

  it('P3 sends a change once, whatever comes of it, and a read at most twice', async () => {
    for (const kind of ['close', 'lose-answer', 'hang', 'close-mid-body'] as const) {
      const from = t.apps.received.length
      t.apps.inject('/mdm/v2/assets/revoke', { kind })
      const answer = await change()
      assert.ok([502, 504].includes(answer.status))
      assert.equal(await outcomeOf(answer.entry), 'unknown')
      assert.equal(t.apps.received.length, from + 1)
      t.apps.inject('/mdm/v2/assets', { kind: kind === 'hang' ? 'close' : kind })
      assert.equal((await t.call('GET', '/mdm/v2/assets')).status, 200)
      assert.equal(t.apps.received.length, from + 3)
    }
  })

  it('P3 has the entry durable while Apple still holds the call, and its outcome after', async () => {
    const gate = Promise.withResolvers<void>()
    t.apps.inject('/mdm/v2/assets/revoke', { kind: 'hold', until: gate.promise })
    const from = t.apps.received.length
    const called = change()
    while (t.apps.received.length === from) await new Promise(setImmediate)
    await t.node.sequencer.settled()
    const held = (await t.entries()).filter((one) => one.kind === 'disclosure').at(-1)
    assert.equal(held?.data.exchange, 'apple.vpp.revoke')
    assert.equal(await outcomeOf(held?.id), undefined)
    gate.resolve()
    const answer = await called
    assert.equal(answer.entry, held?.id)
    assert.equal(await outcomeOf(held?.id), 'accepted')
  })

  it('waits as long as Apple asks, on every call of the token, and tells the client how long', async () => {
    const from = t.apps.received.length
    t.apps.inject('/mdm/v2/assets', {
      kind: 'answer',
      answer: { status: 503, body: { errorNumber: 9603 }, headers: { 'retry-after': '30' } },
    })
    const first = await t.call('GET', '/mdm/v2/assets')
    assert.deepEqual([first.status, first.headers['retry-after']], [503, '30'])
    clock.set(clock.now() + 10_000)
    const second = await t.call('GET', '/mdm/v2/users')
    assert.deepEqual([second.status, second.headers['retry-after']], [500, '20'])
    assert.equal(t.apps.received.length, from + 1, 'nothing was sent meanwhile')
    clock.set(clock.now() + 20_001)
    assert.equal((await t.call('GET', '/mdm/v2/users')).status, 200)
  })

  it('makes four calls at a time under one token, and the others take turns', async () => {
    const gate = Promise.withResolvers<void>()
    t.apps.inject(
      '/mdm/v2/users',
      ...Array.from({ length: 12 }, () => ({ kind: 'hold' as const, until: gate.promise })),
    )
    const from = t.apps.received.length
    const calls = Promise.all(Array.from({ length: 12 }, () => t.call('GET', '/mdm/v2/users')))
    while (t.apps.received.length < from + 4) await new Promise(setImmediate)
    gate.resolve()
    assert.ok((await calls).every((answer) => answer.status === 200))
    assert.equal(t.apps.mostAtOnce(), 4)
  })

  it('says that the token is no good any more when it was taken back', async () => {
    t.apps.revokeToken()
    const answer = await t.call('GET', '/mdm/v2/client/config')
    assert.deepEqual(
      [answer.status, answer.body.errorNumber, answer.body.errorMessage],
      [401, 9625, 'TOKEN_REVOKED'],
    )
    assert.equal(await outcomeOf(answer.entry), 'rejected')
  })

  it('P4 refuses when the token’s time is over, and asks Apple nothing', async () => {
    const from = t.apps.received.length
    clock.set(clock.now() + 366 * 86_400_000)
    const answer = await t.call('GET', '/mdm/v2/assets')
    assert.equal(
      answer.refusal === 'credentials_expired' || answer.refusal === 'contract_expired',
      true,
    )
    assert.equal(t.apps.received.length, from)
  })
})
