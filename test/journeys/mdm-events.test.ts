import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { chooseCollection } from '#agreements/collection.ts'
import { giveConsent, withdrawConsent } from '#agreements/consent.ts'
import { manifestOf } from '#catalog/manifest.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { enableConnection } from '#connections/connection.ts'
import { issueEventSecret } from '#connections/credentials.ts'
import { countEvents } from '#intake/event-mark.ts'
import { recordHolder } from '#records/read.ts'
import { ensureSubjects, findSubject } from '#records/subjects.ts'
import { type Writable, binaryPlist } from '../mdm/plist.ts'
import { FLOW, type MdmWorld, START, TENANT, mdmWorld } from '../mdm/world.ts'
import { type MdmEvent, sign, webhookBody } from '../mdm/webhook.ts'

const UDID = '00008030-SYN0000000000001'

describe('events of a management server come in', () => {
  let world: MdmWorld
  let count = 0
  before(async () => {
    world = await mdmWorld()
  })
  after(() => world.stop())

  const event = (
    topic: string,
    message: Record<string, Writable>,
    rest: Partial<MdmEvent> = {},
  ): Buffer =>
    webhookBody({
      topic: `mdm.${topic}`,
      message: topic === 'Connect' ? message : { MessageType: topic, ...message },
      at: START + ++count,
      eventId: `event-${count}`,
      ...rest,
    })
  const send = async (...parts: Parameters<typeof event>): Promise<void> => {
    world.clock.time = Math.max(world.clock.time, START + count + 1)
    const answer = await world.post(event(...parts))
    assert.deepEqual(answer, { status: 200, text: '' })
  }
  const only = async (udid: string) =>
    (await world.records()).find((record) => record['device.udid'] === udid)

  it('messages of a device add up to one record, whichever way they are written', async () => {
    await send('Authenticate', { UDID, SerialNumber: 'SYN0000001', OSVersion: '18.1', Topic: 't' })
    await send('TokenUpdate', { UDID, Token: Buffer.from('x'), PushMagic: 'x' })
    await send(
      'Connect',
      { UDID, QueryResponses: { IsSupervised: true, DeviceCapacity: 64.5, OSVersion: '18.2' } },
      { encode: binaryPlist },
    )
    await send('Connect', { UDID, InstalledApplicationList: [{ Identifier: 'org.example.app' }] })
    await send('Connect', { UDID, Status: 'Idle' })
    assert.deepEqual(await world.records(), [
      {
        'device.udid': UDID,
        'device.serialNumber': 'SYN0000001',
        'device.osVersion': '18.2',
        'device.supervised': true,
        'deviceData.deviceStorageSpace': 64.5,
        'device.installedAppCount': 1,
        'protocol.messageType': 'TokenUpdate',
      },
    ])
    const evidence = await world.entries('intake')
    assert.equal(evidence.length, 5)
    assert.deepEqual(evidence[1]?.withheld, { 'never.mdmPushSecret': 2 })
    assert.deepEqual(evidence[3]?.withheld, { 'device.installedApps': 1 })
    assert.ok(Array.isArray(evidence[0]?.subjects) && evidence[0].subjects.length === 1)
  })

  it('a device leaves with its check-out, and is back when it enrols anew', async () => {
    await send('Authenticate', { UDID: 'leaves', OSVersion: '17' })
    await send('CheckOut', { UDID: 'leaves' })
    assert.equal(await only('leaves'), undefined)
    await send('Authenticate', { UDID: 'leaves', OSVersion: '18' })
    assert.equal((await only('leaves'))?.['device.osVersion'], '18')
  })

  it('events in the wrong order change nothing that is newer', async () => {
    const at = START + 50_000
    world.clock.time = at + 10_000
    const told = (os: string, when: number): Buffer =>
      event('Connect', { UDID: 'late', QueryResponses: { OSVersion: os } }, { at: when })
    for (const body of [
      told('18.2', at + 2_000),
      told('18.1', at + 1_000),
      event('Authenticate', { UDID: 'late', ProductName: 'iPhone16,1' }, { at }),
      event('CheckOut', { UDID: 'late' }, { at: at + 500 }),
    ])
      assert.equal((await world.post(body)).status, 200)
    const kept = await only('late')
    assert.equal(kept?.['device.osVersion'], '18.2')
    assert.equal(kept?.['device.productName'], 'iPhone16,1')
    await world.post(event('CheckOut', { UDID: 'late' }, { at: at + 3_000 }))
    await world.post(told('18.3', at + 2_500))
    assert.equal(await only('late'), undefined)
    const last = (await world.entries('intake')).at(-1)
    assert.deepEqual(last?.kept, {})
    assert.deepEqual(last?.subjects, [])
  })

  it('an event comes in once: a repetition is answered 200 and counted, on the other node too', async () => {
    const body = event('Authenticate', { UDID: 'again', OSVersion: '18' })
    const entries = (await world.entries('intake')).length
    const before = await world.test.database.read(TENANT, (reader) => countEvents(reader, 'nano'))
    for (const node of [0, 1, 0, 1] as const)
      assert.deepEqual(await world.post(body, { node }), { status: 200, text: '' })
    const known = await world.test.database.read(TENANT, (reader) => countEvents(reader, 'nano'))
    assert.deepEqual(known, { events: before.events + 1, repeats: before.repeats + 3 })
    assert.equal((await world.entries('intake')).length, entries + 1)
  })

  it('repetitions that come at the very same time are one event', async () => {
    const body = event('Authenticate', { UDID: 'at-once', OSVersion: '18' })
    const entries = (await world.entries('intake')).length
    const read = () => world.test.database.read(TENANT, (reader) => countEvents(reader, 'nano'))
    const before = await read()
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, i) => world.post(body, { node: i % 3 === 0 ? 1 : 0 })),
    )
    for (const { status } of answers) assert.equal(status, 200)
    const known = await read()
    assert.deepEqual(known, { events: before.events + 1, repeats: before.repeats + 11 })
    assert.equal((await world.entries('intake')).length, entries + 1)
  })

  it('texts that no database can hold are unknown, and cost nobody else anything', async () => {
    const QueryResponses = { DeviceName: 'a\0b', OSVersion: '18\ud800', ProductName: 'iPhone16,1' }
    await send('Connect', { UDID: 'odd', QueryResponses }, { encode: binaryPlist })
    assert.deepEqual(await only('odd'), {
      'device.udid': 'odd',
      'device.productName': 'iPhone16,1',
    })
    assert.equal((await world.entries('intake')).at(-1)?.unknown, 2)
  })

  it('an event that cannot be kept does not take those with it that share its commit', async () => {
    const headers = { authorization: `Basic ${btoa(`sluss:${world.brokenSecret}`)}` }
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) => {
        const body = event('Authenticate', { UDID: `beside-${i}`, OSVersion: '18' })
        return i % 5 === 2
          ? world.post(body, { address: `${TENANT}.broken`, headers })
          : world.post(body)
      }),
    )
    assert.deepEqual(
      answers.map(({ status }) => status),
      answers.map((_, i) => (i % 5 === 2 ? 503 : 200)),
    )
    const kept = await world.records()
    for (let i = 0; i < 10; i++) {
      const found = kept.some((record) => record['device.udid'] === `beside-${i}`)
      assert.equal(found, i % 5 !== 2, `beside-${i}`)
    }
  })

  it('an event that is older than its mark could be is not taken in again', async () => {
    const body = event(
      'Authenticate',
      { UDID: 'ancient', OSVersion: '1' },
      { at: START - 8 * 86_400_000 },
    )
    assert.equal((await world.post(body)).status, 200)
    assert.equal(await only('ancient'), undefined)
  })

  it('events of one device on two nodes at once all add to its one record', async () => {
    const answers: [string, Writable][] = [
      ['QueryResponses', { OSVersion: '18.4' }],
      ['SecurityInfo', { PasscodePresent: true }],
      ['InstalledApplicationList', []],
      ['ManagedApplicationList', {}],
    ]
    const bodies = [0, 1].flatMap(() =>
      answers.map(([key, value]) => event('Connect', { UDID: 'two', [key]: value })),
    )
    world.clock.time = START + 100_000
    const statuses = await Promise.all(
      bodies.map((body, i) => world.post(body, { node: i % 2 === 0 ? 0 : 1 })),
    )
    for (const { status } of statuses) assert.equal(status, 200)
    assert.deepEqual(
      (await world.records()).filter((record) => record['device.udid'] === 'two'),
      [
        {
          'device.udid': 'two',
          'device.osVersion': '18.4',
          'device.passcodePresent': true,
          'device.installedAppCount': 0,
          'device.managedAppCount': 0,
        },
      ],
    )
  })

  it('a personal device is known by what Apple gives it, and never by what Apple withholds', async () => {
    await send('Authenticate', { EnrollmentID: 'E1', OSVersion: '18', UDID: 'w-1', IMEI: 'w-2' })
    await send('Connect', {
      EnrollmentID: 'E1',
      QueryResponses: { SerialNumber: 'w-3', OSVersion: '18.1' },
    })
    const kept = (await world.records()).find((record) => record['device.enrollmentId'] === 'E1')
    assert.deepEqual(kept, {
      'device.enrollmentId': 'E1',
      'device.osVersion': '18.1',
      'protocol.messageType': 'Authenticate',
    })
    assert.deepEqual((await world.entries('intake')).at(-2)?.withheld, {
      'never.mdmWithheldByApple': 2,
    })
  })

  it('P12 P6 what is switched on comes in, and goes with the next event once it is switched off', async () => {
    const choose = (itemId: string, on: boolean, precision?: string) =>
      world.write((tx) =>
        chooseCollection(
          tx,
          shippedCatalog,
          { itemId, on, ...(precision ? { precision } : {}) },
          world.by,
        ),
      )
    const names = { UserID: 'U1', UserShortName: 'syn', UserLongName: 'Syn Thetic' }
    const apps = {
      InstalledApplicationList: [{ Identifier: 'org.example.app' }, { Identifier: 'a' }],
    }
    await send('TokenUpdate', { UDID: 'choice', ...names })
    assert.equal((await only('choice'))?.['person.enrolledUserLongName'], undefined)
    await choose('person.enrolledUserLongName', true)
    await choose('device.installedApps', true)
    await send('TokenUpdate', { UDID: 'choice', ...names })
    await send('Connect', { UDID: 'choice', ...apps })
    assert.equal((await only('choice'))?.['person.enrolledUserLongName'], 'Syn Thetic')
    assert.equal((await only('choice'))?.['device.installedApps'], 'a\norg.example.app')
    await choose('person.enrolledUserLongName', false)
    await choose('device.installedApps', false)
    await choose('device.installedAppCount', true, 'round:10')
    await send('Connect', { UDID: 'choice', Status: 'Idle' })
    assert.deepEqual(await only('choice'), {
      'device.udid': 'choice',
      'protocol.messageType': 'TokenUpdate',
    })
    await send('Connect', { UDID: 'choice', ...apps })
    await send('Connect', { UDID: 'choice', Status: 'Idle' })
    assert.equal((await only('choice'))?.['device.installedAppCount'], 0)
    await choose('device.installedAppCount', true)
  })

  it('P11 a device that is known by its serial number is the same subject here', async () => {
    const [known] = await world.write((tx) =>
      ensureSubjects(tx, world.keys, 'device.serialNumber', ['SYN0000077']),
    )
    await send('Authenticate', { UDID: 'joined', SerialNumber: 'SYN0000077' })
    const find = (item: string, value: string) =>
      world.test.database.read(TENANT, (reader) => findSubject(reader, world.keys, item, value))
    assert.equal(await find('device.udid', 'joined'), known)
    await send('Authenticate', { UDID: 'first', SerialNumber: 'SYN0000078' })
    assert.equal(
      await find('device.serialNumber', 'SYN0000078'),
      await find('device.udid', 'first'),
    )
    await world.write((tx) => recordHolder(world.keys).erase(tx, known ?? ''))
    assert.equal(await find('device.udid', 'joined'), undefined)
    assert.equal(await only('joined'), undefined)
  })

  it('P2 without consent nothing is kept; the sender still gets its 200, and the log says why', async () => {
    await world.write((tx) => withdrawConsent(tx, FLOW, world.by))
    await send('Authenticate', { UDID: 'refused', OSVersion: '18' })
    assert.equal((await world.entries('refusal')).at(-1)?.reason, 'consent_withdrawn')
    await world.write((tx) =>
      giveConsent(
        tx,
        shippedCatalog,
        { flowId: FLOW, manifestHash: manifestOf(shippedCatalog, FLOW).hash },
        { ...world.by, at: world.clock.time },
      ),
    )
    assert.equal(await only('refused'), undefined)
  })

  it('who does not know the secret is told so, and recorded once a minute, not once a try', async () => {
    const body = event('Authenticate', { UDID: 'forged' })
    const wrong = [
      { 'x-hmac-signature': '' },
      { 'x-hmac-signature': sign('wrong', body) },
      { 'x-hmac-signature': sign(world.secret, Buffer.from('another body')) },
      { 'x-hmac-signature': sign(world.secret, body).slice(0, -2) },
      { 'x-hmac-signature': `${sign(world.secret, body)}, ${sign(world.secret, body)}` },
      { 'x-hmac-signature': '', authorization: `Basic ${btoa(`sluss:${world.secret}`)}` },
    ]
    const refusals = (await world.entries('refusal')).length
    for (const headers of wrong) assert.equal((await world.post(body, { headers })).status, 401)
    for (const address of ['acme.none', 'none.nano', 'blank.nano', 'nano', 'acme.NANO', '..'])
      assert.ok([401, 404].includes((await world.post(body, { address })).status), address)
    assert.equal((await world.entries('refusal')).length, refusals + 1)
    world.clock.time += 61_000
    assert.equal((await world.post(body, { headers: wrong[0] ?? {} })).status, 401)
    const told = (await world.entries('refusal')).at(-1)
    assert.deepEqual(told, { connection: 'nano', reason: 'client_unauthenticated', times: 6 })
    assert.equal(await only('forged'), undefined)
    assert.equal((await world.post(body)).status, 200)
    assert.ok(await only('forged'))
  })

  it('MicroMDM proves itself by the secret in its address, and by nothing else', async () => {
    const post = (headers: Record<string, string>) =>
      world.post(event('Authenticate', { UDID: 'micro', OSVersion: '18' }), {
        address: `${TENANT}.micro`,
        headers,
      })
    const basic = (secret: string) => ({ authorization: `Basic ${btoa(`sluss:${secret}`)}` })
    assert.equal((await post(basic(world.microSecret))).status, 200)
    assert.equal((await post(basic(world.secret))).status, 401)
    assert.equal((await post(basic(''))).status, 401)
    assert.equal((await post({})).status, 401)
    assert.equal((await world.records('micro')).length, 1)
  })

  it('takes a body of 4 MB, and none that is larger, however it is announced', async () => {
    const largest = 4 * 1024 * 1024
    const body = (size: number): Buffer => {
      const plain = event('Authenticate', { UDID: 'large', OSVersion: '18' })
      return Buffer.concat([plain, Buffer.alloc(size - plain.length, ' ')])
    }
    assert.equal((await world.post(body(largest))).status, 200)
    assert.ok(await only('large'))
    assert.equal((await world.post(body(largest + 1))).status, 413)
    const apps = Array.from({ length: 12_000 }, (_, i) => ({
      Identifier: `org.example.app${i}`,
      Name: `App ${i}`,
      Version: '1.0',
    }))
    const list = event('Connect', { UDID: 'large', InstalledApplicationList: apps })
    assert.ok(list.length > 2_000_000 && list.length < largest)
    assert.equal((await world.post(list)).status, 200)
    assert.equal((await only('large'))?.['device.installedAppCount'], 12_000)
    assert.equal(
      (await world.post(body(1_000), { headers: { 'content-encoding': 'gzip' } })).status,
      415,
    )
  })

  it('what is no event is refused, and a switched-off connection and a node without lease take none', async () => {
    assert.equal((await world.post(Buffer.from('no event'))).status, 400)
    await world.write((tx) => enableConnection(tx, 'nano', false, world.by))
    assert.equal(
      (await world.post(event('Authenticate', { UDID: 'off' }), { node: 1 })).status,
      409,
    )
    await world.write((tx) => enableConnection(tx, 'nano', true, world.by))
    world.clock.leaseHeld = false
    assert.equal((await world.post(event('Authenticate', { UDID: 'off' }))).status, 503)
    world.clock.leaseHeld = true
    assert.equal(await only('off'), undefined)
  })

  it('P12 secrets, unknown keys and what is switched off are in no file, nor is anything sealed in clear', async () => {
    const canaries: string[] = []
    const canary = (name: string): string => {
      canaries.push(`cny-${name}`)
      return `cny-${name}`
    }
    const bytes = (name: string): Buffer => Buffer.from(canary(name))
    for (const encode of [undefined, binaryPlist]) {
      const how = { ...(encode ? { encode } : {}) }
      const UDID = canary('udid')
      const b = encode ? '-b' : '-x'
      await send(
        'Authenticate',
        {
          UDID,
          Challenge: bytes(`challenge${b}`),
          SerialNumber: canary(`serial${b}`),
          OSVersion: 'clr-18',
        },
        how,
      )
      await send(
        'TokenUpdate',
        {
          UDID,
          Token: bytes(`token${b}`),
          PushMagic: canary(`magic${b}`),
          UnlockToken: bytes(`unlock${b}`),
          UserLongName: canary(`long${b}`),
          EscrowKeys: { key: bytes(`escrow${b}`) },
        },
        how,
      )
      await send('SetBootstrapToken', { UDID, BootstrapToken: bytes(`bootstrap${b}`) }, how)
      await send(
        'UserAuthenticate',
        { UDID, UserID: canary(`user${b}`), DigestResponse: canary(`digest${b}`) },
        how,
      )
      await send(
        'DeclarativeManagement',
        { UDID, Endpoint: 'status', Data: bytes(`status${b}`) },
        how,
      )
      await send(
        'Connect',
        {
          UDID,
          ActivationLockBypassCode: canary(`bypass${b}`),
          [canary(`key${b}`)]: canary(`value${b}`),
        },
        how,
      )
      await send(
        'Connect',
        {
          UDID,
          SecurityInfo: {
            FDE_PersonalRecoveryKeyCMS: bytes(`recovery${b}`),
            FDE_PersonalRecoveryKeyDeviceKey: canary(`device-key${b}`),
          },
        },
        how,
      )
      await send(
        'Connect',
        {
          UDID,
          QueryResponses: {
            PhoneNumber: canary(`phone${b}`),
            DeviceName: canary(`name${b}`),
            PushToken: bytes(`push${b}`),
            New: { deep: canary(`deep${b}`) },
          },
        },
        how,
      )
      await send(
        'Connect',
        {
          UDID,
          InstalledApplicationList: [
            { Identifier: canary(`app${b}`), Name: canary(`app-name${b}`) },
          ],
        },
        how,
      )
      await send(
        'Connect',
        { UDID, Status: 'Error', ErrorChain: [{ LocalizedDescription: canary(`error${b}`) }] },
        how,
      )
    }
    const raw = canaries.flatMap((one) => [one, Buffer.from(one).toString('base64').slice(0, -4)])
    await world.test.ownerQuery('checkpoint')
    const files = readdirSync(world.test.server.dataFolder, {
      recursive: true,
      withFileTypes: true,
    })
      .filter((file) => file.isFile())
      .map((file) => readFileSync(join(file.parentPath, file.name)))
    for (const needle of raw)
      assert.ok(!files.some((file) => file.includes(needle)), `${needle} is on the disk`)
    // The hunt finds what is there.
    assert.ok(files.some((file) => file.includes('clr-18')))
    const kept = await only('cny-udid')
    assert.equal(kept?.['device.name'], 'cny-name-b')
    assert.ok(!JSON.stringify(kept).includes('cny-phone'))
  })

  it('a new secret ends the one before, on every node', async () => {
    const body = event('Authenticate', { UDID: 'rotated' })
    const fresh = await world.write((tx) => issueEventSecret(tx, world.keys, 'nano', world.by))
    const status = async (secret: string, node: 0 | 1) =>
      (await world.post(body, { node, headers: { 'x-hmac-signature': sign(secret, body) } })).status
    for (let tries = 0; tries < 50 && (await status(world.secret, 1)) !== 401; tries++);
    for (const node of [0, 1] as const) {
      assert.equal(await status(world.secret, node), 401)
      assert.equal(await status(fresh, node), 200)
    }
  })
})
