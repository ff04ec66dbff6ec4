import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { chooseCollection } from '#agreements/collection.ts'
import { withdrawConsent } from '#agreements/consent.ts'
import { readCursor } from '#connections/cursor.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { JAMF_CONNECTION, agreeWithJamf } from '../../sandbox/jamf/connect.ts'
import { type Row, syntheticComputer } from '../../sandbox/jamf/devices.ts'
import type { Answer } from '../../sandbox/jamf/service.ts'
import { planInventories } from '../../src/node/inventory-jobs.ts'
import { type JamfNode, TENANT, startJamfNode } from './jamf-node.ts'

const LIST = '/api/v1/computers-inventory'
const by = (t: JamfNode) => ({ actor: 'admin:1', at: t.node.sharing.gate.now() })
const rowsOf = (body: string) => (JSON.parse(body) as { results: Row[] }).results

describe('Jamf Pro through the gateway', () => {
  let t: JamfNode
  before(async () => {
    t = await startJamfNode({
      agreed: false,
      jamf: { computers: 12, mobiles: 4, tokenLifeInSeconds: 60 },
    })
  })
  after(() => t.stop())

  it('P2 refuses every call of the protocol while nothing is agreed, and asks Jamf Pro for nothing', async () => {
    const { exchanges } = t.node.parts.connectors.get('jamf-pro') ?? assert.fail()
    for (const exchange of exchanges) {
      const path = exchange.path.replace(/\{\w+=\*\}/, '1')
      const method = exchange.methods[0] as 'GET' | 'POST'
      const answer = await t.call(method, path, exchange.request ? {} : undefined)
      assert.deepEqual([answer.status, answer.refusal], [403, 'feature_off'], exchange.id)
      const { errors } = JSON.parse(answer.body) as { errors: Row[] }
      assert.equal(errors[0]?.code, 'FEATURE_OFF')
    }
    assert.equal(t.jamf.received.length, 0)
  })

  it('a client gets itself a token as at Jamf Pro, and without one it is nobody', async () => {
    for (const path of ['/api/oauth/token', '/api/v1/oauth/token'])
      assert.equal((await t.tokenFor(t.opened, path)).status, 200)
    assert.equal((await t.tokenFor({ ...t.opened, client_secret: 'wrong' })).status, 401)
    assert.equal((await t.tokenFor({ ...t.opened, ...t.jamf.client })).status, 401)
    const { port } = t.opened
    assert.equal((await t.call('GET', LIST, undefined, { port, token: 'none' })).status, 401)
    assert.equal(t.jamf.received.length, 0)
  })

  it('P1 P12 the default lets in what compliance needs: nothing else is asked for, and nothing else comes', async () => {
    await agreeWithJamf(t.node, TENANT)
    const answer = await t.call('GET', `${LIST}?section=GENERAL`)
    assert.equal(answer.refusal, 'nothing_allowed')
    const list = await t.call('GET', `${LIST}?page=0&page-size=5&section=ALL`)
    assert.equal(list.status, 200, list.body)
    const [first] = rowsOf(list.body)
    const made = syntheticComputer(1)
    assert.deepEqual(first, {
      id: '1',
      hardware: { serialNumber: 'SYNC0000001' },
      diskEncryption: {
        bootPartitionEncryptionDetails: {
          partitionFileVault2State: 'ENCRYPTED',
          partitionFileVault2Percent: 100,
        },
        individualRecoveryKeyValidityStatus: 'VALID',
      },
      security: made.security,
      operatingSystem: {
        name: 'macOS',
        version: '15.1',
        build: '24A301',
        fileVault2Status: 'ALL_ENCRYPTED',
      },
    })
    const asked = new URL(t.arrived().at(-1)?.target ?? '', 'http://x')
    assert.deepEqual(asked.searchParams.getAll('section'), [
      'HARDWARE',
      'DISK_ENCRYPTION',
      'SECURITY',
      'OPERATING_SYSTEM',
    ])
    assert.deepEqual(asked.searchParams.getAll('sort'), ['id:asc'])
  })

  it('the detail, which has no sections, is asked for by section', async () => {
    for (const version of ['v1', 'v3']) {
      const detail = await t.call('GET', `/api/${version}/computers-inventory-detail/3`)
      assert.equal(
        (JSON.parse(detail.body) as { hardware: Row }).hardware.serialNumber,
        'SYNC0000003',
      )
      assert.match(
        t.arrived().at(-1)?.target ?? '',
        new RegExp(`^/api/${version}/computers-inventory/3\\?section=`),
      )
    }
    assert.ok(t.arrived().every((one) => !one.target.includes('inventory-detail')))
    assert.equal((await t.call('GET', '/api/v1/computers-inventory/99')).status, 404)
    assert.equal(
      (await t.call('GET', '/api/v1/computers-inventory/1%3B2')).refusal,
      'exchange_unknown',
    )
  })

  it('P1 filters and orders by what may be seen, and refuses the rest without asking', async () => {
    const query = (text: string) => t.call('GET', `${LIST}?${text}`)
    const found = await query(
      'filter=security.firewallEnabled%3D%3Dfalse%3Bid%3C8&sort=operatingSystem.version:desc',
    )
    assert.deepEqual(
      rowsOf(found.body).map((row) => row.id),
      ['5'],
    )
    const asked = t.jamf.received.length
    for (const text of [
      'filter=userAndLocation.email%3D%3Danna*',
      'filter=id%3E0%2CuserAndLocation.realname%3D%3DA*',
      'sort=general.name:asc',
      'sort=id:asc&sort=userAndLocation.realname:desc',
      'filter=invented%3D%3D1',
      'filter=id%3D%3D1&filter=general.name%3D%3Dx',
      'filter=(id%3D%3D1',
      `filter=${encodeURIComponent(`id==1,${'x'.repeat(4_100)}`)}`,
    ])
      assert.match(
        (await query(text)).refusal ?? '',
        /^(item_not_in_flow|item_unclassified|body_malformed)$/,
        text,
      )
    assert.equal(t.jamf.received.length, asked)
  })

  it('finds devices and sends commands under a consent of its own, and no command that changes a device', async () => {
    const list = await t.call('GET', '/api/v2/mobile-devices?page-size=2')
    assert.deepEqual(Object.keys(rowsOf(list.body)[0] ?? {}).toSorted(), [
      'id',
      'managementId',
      'model',
      'modelIdentifier',
      'name',
      'serialNumber',
      'type',
    ]) // prettier-ignore
    assert.equal((await t.call('GET', '/api/v2/mobile-devices/2/detail')).status, 200)
    const order = (commandType: string, more = {}) =>
      t.call('POST', '/api/v2/mdm/commands', {
        clientData: [{ managementId: 'd0000000-0000-4000-8000-000000000001' }],
        commandData: { commandType, ...more },
      })
    const sent = await order('SECURITY_INFO')
    assert.equal(sent.status, 201, sent.body)
    const filter = encodeURIComponent('clientManagementId==d0000000-0000-4000-8000-000000000001')
    assert.equal(
      rowsOf((await t.call('GET', `/api/v2/mdm/commands?filter=${filter}`)).body).length,
      1,
    )
    const before = t.jamf.received.length
    for (const command of ['ERASE_DEVICE', 'DEVICE_LOCK', 'CLEAR_PASSCODE', 'SET_RECOVERY_LOCK'])
      assert.equal((await order(command)).refusal, 'item_unclassified', command)
    assert.equal((await order('SECURITY_INFO', { pin: '123456' })).refusal, 'item_unclassified')
    assert.equal(t.jamf.received.length, before)
    assert.equal(
      (await t.call('GET', '/JSSResource/webhooks')).body,
      '{"webhooks":[{"id":1,"name":"Sluss computers"}]}',
    )
    const session = '/api/preview/remote-administration-configurations/team-viewer/1/sessions'
    assert.equal(
      (
        await t.call('POST', session, {
          deviceId: '1',
          deviceType: 'COMPUTER',
          description: 'help',
        })
      ).status,
      200,
    )
  })

  it('mobile devices come by section too', async () => {
    const filter = encodeURIComponent('serialNumber==SYNM0000004')
    const answer = await t.call('GET', `/api/v2/mobile-devices/detail?filter=${filter}`)
    assert.deepEqual(rowsOf(answer.body), [
      {
        mobileDeviceId: '4',
        hardware: { serialNumber: 'SYNM0000004' },
        security: {
          dataProtected: true,
          passcodePresent: true,
          passcodeCompliant: false,
          passcodeCompliantWithProfile: true,
          activationLockEnabled: true,
          jailBreakDetected: false,
        },
      },
    ])
  })

  it('a server that misbehaves is told as what it is, and nothing of it passes', async () => {
    const alter = (change: (body: { results: Row[] }) => unknown) => ({
      kind: 'alter' as const,
      alter: (answer: Answer): Answer => ({
        ...answer,
        body: change(answer.body as { results: Row[] }),
      }),
    })
    const ask = () => t.call('GET', `${LIST}?page-size=1`)
    t.jamf.inject(LIST, { kind: 'malformed' })
    assert.equal((await ask()).status, 502)
    t.jamf.inject(
      LIST,
      alter(() => ({
        totalCount: 'canary',
        results: [
          { id: { canary: 1 }, security: 'canary', operatingSystem: { name: ['canary'] } },
          'canary',
        ],
      })),
    )
    const wrong = await ask()
    assert.ok(wrong.status === 200 && !wrong.body.includes('canary'), wrong.body)
    t.jamf.inject(LIST, {
      kind: 'answer',
      answer: { status: 400, body: { errors: [{ code: 'CANARY', description: 'canary' }] } },
    })
    const error = await ask()
    assert.ok(error.status === 400 && !/canary/i.test(error.body), error.body)
    t.jamf.inject(LIST, { kind: 'slow', milliseconds: 100 })
    assert.equal((await ask()).status, 200)
    t.jamf.inject(LIST, { kind: 'close' }, { kind: 'close' })
    assert.equal((await ask()).status, 502)
  })

  it('P3 P6 every call has its entry first; what the tenant makes less exact comes so, and is filtered by no more', async () => {
    const answer = await t.call('GET', `${LIST}/2`)
    const entry = (await t.entries()).find((one) => one.id === answer.entry)
    assert.equal(entry?.data.exchange, 'jamf.computer')
    for (const one of await t.entries())
      assert.ok(
        !/SYN[CM]\d{7}|Anna|example\.org.s Mac/.test(JSON.stringify(one)),
        JSON.stringify(one),
      )
    await t.node.database.write(TENANT, (tx) =>
      chooseCollection(
        tx,
        t.node.parts.catalog,
        { itemId: 'device.serialNumber', on: true, precision: 'pseudonym' },
        by(t),
      ),
    )
    const hidden = await t.call('GET', `${LIST}/2`)
    assert.ok(!hidden.body.includes('SYNC'), hidden.body)
    const filter = encodeURIComponent('hardware.serialNumber==SYNC0000002')
    assert.equal((await t.call('GET', `${LIST}?filter=${filter}`)).refusal, 'item_not_in_flow')
    await t.node.database.write(TENANT, (tx) =>
      chooseCollection(
        tx,
        t.node.parts.catalog,
        { itemId: 'device.serialNumber', on: true, precision: 'exact' },
        by(t),
      ),
    )
  })

  it('P9 P10 a token of one tenant opens no other’s gateway, and their pseudonyms do not join', async () => {
    const other = await t.openTenant('second')
    await agreeWithJamf(t.node, 'second')
    const { token = '' } = await t.tokenFor(other)
    const at = { port: other.port, token }
    assert.equal((await t.call('GET', LIST, undefined, { ...at, token: t.token })).status, 401)
    for (const tenantId of [TENANT, 'second'])
      await t.node.database.write(tenantId, (tx) =>
        chooseCollection(
          tx,
          t.node.parts.catalog,
          { itemId: 'device.serialNumber', on: true, precision: 'pseudonym' },
          by(t),
        ),
      )
    const names = async (where?: typeof at) =>
      rowsOf((await t.call('GET', LIST, undefined, where)).body).map(
        (row) => (row.hardware as Row).serialNumber,
      )
    const [ours, theirs] = [await names(), await names(at)]
    assert.ok(ours.length === 12 && theirs.length === 12)
    assert.equal(new Set([...ours, ...theirs]).size, 24)
  })

  it('P5 withdrawn is withdrawn', async () => {
    await t.node.database.write(TENANT, (tx) =>
      withdrawConsent(tx, 'jamf-pro-compliance/inbound', by(t)),
    )
    assert.equal((await t.call('GET', LIST)).refusal, 'consent_withdrawn')
    assert.equal((await t.call('GET', '/api/v2/mobile-devices')).status, 200)
  })
})

describe('Sluss as a client of Jamf Pro', () => {
  let t: JamfNode
  before(async () => {
    t = await startJamfNode({
      agreed: ['jamf-pro-compliance'],
      jamf: { computers: 1_203, mobiles: 7 },
    })
  })
  after(() => t.stop())
  const serials = async () => (await t.records()).map((record) => record['device.serialNumber'])

  it('ended in the middle it goes on there: every device is kept once', async () => {
    class Ended extends Error {}
    await assert.rejects(
      t.synchronise(({ pages }) => {
        if (pages === 2) throw new Ended('the node dies here')
      }),
      Ended,
    )
    assert.equal((await serials()).length, 1_000)
    const asked = t.arrived().length
    const rest = await t.synchronise()
    assert.ok(!isRefusal(rest))
    assert.equal(rest.kept, 210)
    assert.equal(t.arrived().length - asked, 2)
    const kept = await serials()
    assert.equal(kept.length, 1_210)
    assert.equal(new Set(kept).size, 1_210)
    const cursor = await t.node.database.read(TENANT, (reader) =>
      readCursor(reader, JAMF_CONNECTION),
    )
    assert.deepEqual(cursor, { phase: 'sync', cursor: '' })
  })

  it('P12 keeps only items of the profile, and of the rest no byte reaches the disk', async () => {
    const flow = t.node.parts.catalog.flows.get('jamf-pro-compliance/inbound') ?? assert.fail()
    const allowed = new Set(flow.items.map((row) => row.item))
    for (const record of await t.records())
      for (const item of Object.keys(record))
        assert.ok(allowed.has(item) && item !== 'device.jamfId', item)
    assert.ok(t.arrived().every((one) => !/GENERAL|USER_AND|LOCAL_USER|ALL(&|$)/.test(one.target)))
    const { bundled } = t.node
    const files = readdirSync(bundled?.dataFolder ?? assert.fail(), {
      recursive: true,
      withFileTypes: true,
    })
    const bytes = files
      .filter((file) => file.isFile())
      .map((file) => readFileSync(join(file.parentPath, file.name)))
    for (const canary of [
      'Anna-',
      'Björn-',
      '-short',
      'Disk of',
      'SYNC0000001',
      'SYNM0000001',
      '192.0.2.',
    ])
      assert.ok(!bytes.some((one) => one.includes(canary)), canary)
    assert.ok(
      bytes.some((one) => one.includes('macOS')),
      'the hunt finds what is there',
    )
  })

  it('a device that changed is kept as it is now, and a new walk doubles none', async () => {
    const { computers } = t.jamf.service
    computers.changed.set(7, {
      ...syntheticComputer(7),
      operatingSystem: { name: 'macOS', version: '16.0' },
    })
    assert.ok(!isRefusal(await t.synchronise()))
    const found = (await t.records()).filter(
      (record) => record['device.serialNumber'] === 'SYNC0000007',
    )
    assert.deepEqual(
      found.map((record) => record['device.osVersion']),
      ['16.0'],
    )
    assert.equal((await serials()).length, 1_210)
  })

  it('a device that is gone at Jamf Pro is gone here after a complete walk, and back when it is back; an empty answer takes none away', async () => {
    const { ids } = t.jamf.service.computers
    ids.splice(ids.indexOf(9), 1)
    const half = t.synchronise(({ pages }) => {
      if (pages === 1) throw new Error('the node dies here')
    })
    await assert.rejects(half, /dies here/)
    assert.ok((await serials()).includes('SYNC0000009'))
    assert.ok(!isRefusal(await t.synchronise()))
    assert.equal((await serials()).length, 1_209)
    assert.ok(!(await serials()).includes('SYNC0000009'))
    const nothing = {
      kind: 'answer',
      answer: { status: 200, body: { totalCount: 0, results: [] } },
    } as const
    t.jamf.inject(LIST, nothing)
    t.jamf.inject('/api/v2/mobile-devices/detail', nothing)
    assert.ok(!isRefusal(await t.synchronise()))
    assert.equal((await serials()).length, 1_209)
    ids.splice(8, 0, 9)
    assert.ok(!isRefusal(await t.synchronise()))
    assert.equal((await serials()).length, 1_210)
  })

  it('half answers, wrong types, huge pages and lost connections cost no device and double none', async () => {
    const path = LIST
    const alter = (change: (body: { totalCount: number; results: Row[] }) => unknown) => ({
      kind: 'alter' as const,
      alter: (answer: Answer): Answer => ({
        ...answer,
        body: change(answer.body as { totalCount: number; results: Row[] }),
      }),
    })
    for (const fault of [
      { kind: 'malformed' } as const,
      alter(() => 'no page'),
      alter((body) => ({ ...body, totalCount: 'many' })),
      { kind: 'answer', answer: { status: 500 } } as const,
    ]) {
      t.jamf.inject(path, fault)
      await assert.rejects(t.synchronise())
    }
    t.jamf.inject(
      path,
      alter((body) => ({ ...body, results: [...body.results, ...body.results].toReversed() })),
      alter((body) => ({ ...body, padding: 'x'.repeat(40 * 1024 * 1024) })),
    )
    const whole = await t.synchronise()
    assert.ok(!isRefusal(whole))
    assert.equal(new Set(await serials()).size, 1_210)
    assert.equal((await serials()).length, 1_210)
  })

  it('P2 a refusal ends the walk as a value, and by the clock nothing is asked of a closed gate', async () => {
    const planned: string[] = []
    const plan = () =>
      planInventories(t.node, async ({ connectionId }) => planned.push(connectionId))
    await plan()
    assert.deepEqual(planned, [JAMF_CONNECTION])
    await t.node.database.write(TENANT, (tx) =>
      withdrawConsent(tx, 'jamf-pro-compliance/inbound', by(t)),
    )
    const refused = await t.synchronise()
    assert.ok(isRefusal(refused) && refused.refused === 'consent_withdrawn')
    await plan()
    assert.equal(planned.length, 1)
  })
})

describe('the old profile of Jamf Pro', () => {
  it('brings the forty items, by a connection and a consent that are marked historic', async () => {
    const t = await startJamfNode({
      connectorId: 'jamf-pro-historic',
      agreed: ['jamf-compliance-connector'],
      jamf: { computers: 3 },
    })
    try {
      assert.equal(
        t.node.parts.catalog.flows.get('jamf-compliance-connector/inbound')?.status,
        'historic',
      )
      assert.ok(!isRefusal(await t.synchronise()))
      const [record] = await t.records()
      assert.match(String(record?.['person.userEmail']), /@example\.org$/)
      assert.equal(record?.['device.requiredPasscodeLength'], 8)
      assert.ok(Object.keys(record ?? {}).length >= 35, String(Object.keys(record ?? {}).length))
      assert.equal(record?.['device.lastIpAddress'], undefined)
      const answer = await t.call('GET', `${LIST}?sort=general.name:asc&section=GENERAL`)
      assert.equal(answer.status, 200, answer.body)
      assert.equal((await t.call('GET', '/api/v2/mobile-devices')).refusal, 'exchange_unknown')
      assert.ok(
        t
          .arrived()
          .every((one) => !/PURCHASING|CERTIFICATES|APPLICATIONS|ALL(&|$)/.test(one.target)),
      )
    } finally {
      await t.stop()
    }
  })
})
