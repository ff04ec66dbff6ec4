import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { approveCommand } from '#agreements/approval.ts'
import { withdrawConsent, giveConsent } from '#agreements/consent.ts'
import { chooseCollection } from '#agreements/collection.ts'
import { manifestOf } from '#catalog/manifest.ts'
import { enableConnection } from '#connections/connection.ts'
import { EXCHANGES } from '#connectors/apple-device-enrollment/exchanges.ts'
import { manualClock } from '#foundation/clock.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { countRecords, readRecords } from '#records/read.ts'
import { admin } from '../../sandbox/agree.ts'
import { CONNECTION, OUT, TENANT, consentToBoth } from '../../sandbox/sample/organisation.ts'
import { createMdmClient } from '../../sandbox/sample/mdm-client.ts'
import { synchroniseDevices } from '../../src/node/synchronise.ts'
import { type TestNode, agree, startTestNode } from '../node.ts'

const CANARY = 'canary-7f3a'

describe('gateway, before anything is agreed', () => {
  let t: TestNode
  before(async () => {
    t = await startTestNode({ agreed: false })
  })
  after(() => t.stop())

  it('P2 refuses every exchange, and not a byte leaves', async () => {
    for (const exchange of EXCHANGES) {
      for (const method of exchange.methods) {
        const answer = await t.mdm.call(
          method,
          exchange.path,
          method === 'GET' ? undefined : { devices: ['SYN0000001'], cursor: 'x' },
        )
        assert.deepEqual(
          [answer.status, answer.body, answer.refusal],
          [403, 'ACCESS_DENIED', 'feature_off'],
          exchange.id,
        )
      }
    }
    assert.deepEqual(t.apple.received, [])
    const refusals = (await t.entries()).filter((entry) => entry.kind === 'refusal')
    assert.equal(refusals.length, EXCHANGES.flatMap((exchange) => exchange.methods).length)
  })

  it('P2 the own client is refused in the same way', async () => {
    const refused = await synchroniseDevices(t.node, TENANT, CONNECTION)
    assert.ok(isRefusal(refused) && refused.refused === 'feature_off')
  })
})

describe('gateway, with consent', () => {
  let t: TestNode
  before(async () => {
    t = await startTestNode({ apple: { rotateEvery: 3 } })
  })
  after(() => t.stop())
  const last = () => t.apple.received.at(-1) ?? assert.fail('nothing was received')

  it('carries every exchange of the protocol as its client and Apple expect it', async () => {
    const { call } = t.mdm
    assert.equal(
      (JSON.parse((await call('GET', '/account')).body) as { org_name: string }).org_name,
      'Example organisation',
    )
    const page = JSON.parse((await call('POST', '/server/devices', { limit: 5 })).body) as {
      cursor: string
      devices: unknown[]
      more_to_follow: boolean
    }
    assert.deepEqual([page.devices.length, page.more_to_follow], [5, true])
    const rest = JSON.parse(
      (await call('POST', '/server/devices', { cursor: page.cursor })).body,
    ) as { cursor: string }
    assert.equal(
      (await call('POST', '/server/devices', { cursor: rest.cursor })).body,
      'EXHAUSTED_CURSOR',
    )
    assert.equal((await call('POST', '/devices/sync', { cursor: rest.cursor })).status, 200)
    assert.equal((await call('POST', '/devices/sync', {})).body, 'CURSOR_REQUIRED')
    const details = JSON.parse(
      (await call('POST', '/devices', { devices: ['SYN0000001', 'NOPE'] })).body,
    ) as { devices: Record<string, { response_status: string }> }
    assert.deepEqual(
      [details.devices.SYN0000001?.response_status, details.devices.NOPE?.response_status],
      ['SUCCESS', 'NOT_ACCESSIBLE'],
    )
    const profile = JSON.parse(
      (await call('POST', '/profile', { profile_name: 'p', url: 'https://mdm.example.org' })).body,
    ) as { profile_uuid: string }
    assert.equal(
      (
        JSON.parse((await call('GET', `/profile?profile_uuid=${profile.profile_uuid}`)).body) as {
          profile_name: string
        }
      ).profile_name,
      'p',
    )
    for (const method of ['PUT', 'POST'] as const) {
      const assigned = await call(method, '/profile/devices', {
        profile_uuid: profile.profile_uuid,
        devices: ['SYN0000001'],
      })
      assert.equal(
        assigned.body,
        JSON.stringify({ profile_uuid: profile.profile_uuid, devices: { SYN0000001: 'SUCCESS' } }),
      )
    }
    assert.equal(
      (await call('DELETE', '/profile/devices', { devices: ['SYN0000001'] })).body,
      '{"devices":{"SYN0000001":"SUCCESS"}}',
    )
    assert.equal(last().body.toString(), '{"devices":["SYN0000001"]}')
    assert.equal(
      (
        JSON.parse(
          (await call('POST', '/device/activationlock', { device: 'SYN0000002' })).body,
        ) as { response_status: string }
      ).response_status,
      'SUCCESS',
    )
    assert.equal(
      (
        await call('POST', '/account-driven-enrollment/profile', {
          mdm_service_discovery_url: 'https://mdm.example.org',
        })
      ).status,
      200,
    )
    assert.match(
      (await call('GET', '/account-driven-enrollment/profile')).body,
      /mdm\.example\.org/,
    )
    assert.match((await call('GET', '/os-beta-enrollment/tokens')).body, /synthetic-beta-token/)
    assert.equal((await call('POST', '/roster/class/person', {})).refusal, 'feature_off')
  })

  it('P1 nothing rides along in path, query, headers, unknown, nested or compressed parts of a request', async () => {
    const before = t.apple.received.length
    const body = {
      profile_name: 'p',
      url: 'https://mdm.example.org',
      owner: CANARY,
      department: { name: CANARY },
      devices: [{ note: CANARY }],
      is_supervised: CANARY,
      __proto__2: CANARY,
      skip_setup_items: ['Siri', { x: CANARY }],
    }
    const headers = {
      'x-owner': CANARY,
      cookie: CANARY,
      authorization: `Bearer ${CANARY}`,
      referer: `http://${CANARY}/`,
      'user-agent': `mdm ${CANARY}`,
    }
    assert.equal(
      (await t.mdm.call('POST', `/profile?owner=${CANARY}`, body, { headers })).status,
      200,
    )
    const zipped = gzipSync(JSON.stringify(body))
    const answer = await t.mdm.call('POST', '/profile', undefined, {
      raw: zipped,
      headers: { ...headers, 'content-encoding': 'gzip' },
    })
    assert.equal(answer.status, 200)
    assert.equal(
      (await t.mdm.call('POST', `/profile/${CANARY}`, body, { headers })).refusal,
      'exchange_unknown',
    )
    const seen = t.apple.received.slice(before)
    assert.equal(seen.filter((one) => one.target === '/profile').length, 2)
    for (const one of seen) assert.ok(!one.bytes.includes(CANARY), one.target)
  })

  it('P1 nothing rides along in headers, bodies, compressed or error forms of an answer', async () => {
    const alter = (answer: { status: number; body?: unknown }) => ({
      ...answer,
      body: {
        ...(answer.body as object),
        [CANARY]: 1,
        extra: CANARY,
        org_type: CANARY,
        urls: [{ uri: '/x', contact: CANARY }],
      },
      headers: { 'x-contact': CANARY, 'set-cookie': CANARY, 'retry-after': CANARY, etag: CANARY },
    })
    t.apple.inject(
      '/account',
      { kind: 'alter', alter },
      { kind: 'gzip' },
      { kind: 'answer', answer: { status: 400, body: `USER_AGENT_INVALID for ${CANARY}` } },
      { kind: 'answer', answer: { status: 418, body: { message: CANARY } } },
    )
    for (const expected of [200, 200, 400, 418]) {
      const { status, body } = await t.mdm.call('GET', '/account')
      assert.equal(status, expected)
      assert.ok(!body.includes(CANARY), body)
    }
    const raw = await rawRequest(t, 'GET', '/account', (head) =>
      t.apple.inject('/account', {
        kind: 'alter',
        alter: (answer) => ({ ...alter(answer), headers: { 'x-contact': head } }),
      }),
    )
    assert.match(raw, /^HTTP\/1\.1 200 /)
    assert.ok(!raw.includes(CANARY), raw)
    assert.equal((await t.mdm.call('GET', '/account')).status, 200)
  })

  it('P6 sends an item as coarse as the tenant chose, and refuses a call that would lose its meaning', async () => {
    const choose = (itemId: string, precision: string | undefined) =>
      t.node.database.write(TENANT, (tx) =>
        chooseCollection(
          tx,
          t.node.parts.catalog,
          { itemId, on: true, ...(precision ? { precision } : {}) },
          admin(t.node),
        ),
      )
    await choose('enrollmentProfile.supportEmail', 'domain')
    await choose('enrollmentProfile.supportPhone', 'withheld')
    await t.mdm.call('POST', '/profile', {
      profile_name: 'p',
      url: 'https://mdm.example.org',
      support_email_address: 'anna@help.example.org',
      support_phone_number: '+1-555-0101',
    })
    assert.equal(
      last().body.toString(),
      '{"profile_name":"p","url":"https://mdm.example.org","support_email_address":"help.example.org"}',
    )
    await choose('device.serialNumber', 'pseudonym')
    assert.equal(
      (await t.mdm.call('POST', '/devices', { devices: ['SYN0000001'] })).refusal,
      'nothing_allowed',
    )
    await choose('device.serialNumber', undefined)
  })

  it('holds a call that cannot be undone for an explicit approval, which is used up', async () => {
    const disown = () => t.mdm.call('POST', '/devices/disown', { devices: ['SYN0000019'] })
    assert.equal((await disown()).refusal, 'approval_missing')
    await t.node.database.write(TENANT, (tx) =>
      approveCommand(
        tx,
        t.node.keys,
        {
          connectionId: CONNECTION,
          exchangeId: 'apple.dep.disown',
          target: 'SYN0000019',
          command: '',
        },
        { until: Date.now() + 60_000, needsSecond: false },
        admin(t.node),
      ),
    )
    const others = await t.mdm.call('POST', '/devices/disown', {
      devices: ['SYN0000019', 'SYN0000018'],
    })
    assert.equal(others.refusal, 'approval_missing')
    assert.equal((await disown()).body, '{"devices":{"SYN0000019":"SUCCESS"}}')
    assert.equal((await disown()).refusal, 'approval_missing')
  })

  it('P3 writes an entry for every call Apple received, before it was received, and one outcome for each', async () => {
    const entries = await t.entries()
    const disclosures = entries.filter((entry) => entry.kind === 'disclosure')
    const outcomes = entries.filter((entry) => entry.kind === 'outcome')
    const calls = t.apple.received.filter((one) => one.target !== '/session')
    assert.deepEqual(
      outcomes.map((entry) => entry.data.of).toSorted(),
      disclosures.map((entry) => entry.id).toSorted(),
    )
    // A call whose session had ended reached Apple twice, under one entry that says so.
    const attempts = new Map(outcomes.map((entry) => [entry.data.of, Number(entry.data.attempts)]))
    const sendings = disclosures.flatMap((entry) =>
      Array.from({ length: attempts.get(entry.id) ?? 0 }, () => entry),
    )
    assert.equal(sendings.length, calls.length)
    calls.forEach((call, i) => assert.ok(Date.parse(sendings[i]?.at ?? '') <= call.at))
    for (const entry of entries)
      assert.ok(
        !/SYN\d{7}|example\.org/.test(JSON.stringify(entry)),
        'an entry names somebody in clear',
      )
  })

  it('P5 withdrawal stops the very next call, renewed consent opens again', async () => {
    await t.node.database.write(TENANT, (tx) => withdrawConsent(tx, OUT, admin(t.node)))
    const before = t.apple.received.length
    assert.equal((await t.mdm.call('GET', '/account')).refusal, 'consent_withdrawn')
    assert.equal(t.apple.received.length, before)
    await consentToBoth(t.node)
    assert.equal((await t.mdm.call('GET', '/account')).status, 200)
    await t.node.database.write(TENANT, (tx) =>
      enableConnection(tx, CONNECTION, false, admin(t.node)),
    )
    assert.equal((await t.mdm.call('GET', '/account')).refusal, 'connection_disabled')
    await t.node.database.write(TENANT, (tx) =>
      enableConnection(tx, CONNECTION, true, admin(t.node)),
    )
  })
})

describe('gateway, given bad input', () => {
  const clock = manualClock(Date.now())
  let t: TestNode
  before(async () => {
    t = await startTestNode({ clock })
  })
  after(() => t.stop())
  const sent = () => t.apple.received.filter((one) => one.target !== '/session').length

  const cases: [
    string,
    { raw?: Buffer | string; headers?: Record<string, string> },
    number,
    string,
  ][] = [
    ['malformed JSON', { raw: '{"devices":["SYN' }, 400, 'body_malformed'],
    ['a list where an object belongs', { raw: '["SYN0000001"]' }, 400, 'body_malformed'],
    ['nothing', { raw: '' }, 400, 'body_malformed'],
    [
      'bytes that are no UTF-8',
      { raw: Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]) },
      400,
      'body_malformed',
    ],
    [
      'another content type',
      { raw: 'a=b', headers: { 'content-type': 'text/plain' } },
      415,
      'content_type_unsupported',
    ],
    [
      'an unknown encoding',
      { raw: 'x', headers: { 'content-encoding': 'zstd' } },
      415,
      'encoding_unsupported',
    ],
    ['a broken gzip', { raw: 'x', headers: { 'content-encoding': 'gzip' } }, 400, 'body_malformed'],
    ['20 MB', { raw: Buffer.alloc(20_000_000, ' ') }, 413, 'body_too_large'],
    [
      'a gzip that grows to 40 MB',
      { raw: gzipSync(Buffer.alloc(40_000_000, ' ')), headers: { 'content-encoding': 'gzip' } },
      413,
      'body_too_large',
    ],
    [
      '1,001 devices',
      { raw: JSON.stringify({ devices: Array.from({ length: 1_001 }, (_, i) => `S${i}`) }) },
      400,
      'body_malformed',
    ],
  ]
  for (const [name, request, status, refusal] of cases) {
    it(`answers ${status} to ${name}, records the refusal and sends nothing`, async () => {
      const before = sent()
      const answer = await t.mdm.call('POST', '/devices', undefined, {
        raw: request.raw ?? '',
        headers: { 'content-type': 'application/json', ...request.headers },
      })
      assert.deepEqual([answer.status, answer.refusal], [status, refusal])
      assert.equal(sent(), before)
      const recorded = (await t.entries()).findLast((entry) => entry.kind === 'refusal')
      assert.equal(recorded?.data.reason, refusal)
    })
  }

  it('P4 refuses an unknown path, an unknown method and a caller that is not the client', async () => {
    assert.equal((await t.mdm.call('GET', '/mdm/unknown')).refusal, 'exchange_unknown')
    assert.equal((await t.mdm.call('DELETE', '/account')).refusal, 'exchange_unknown')
    assert.equal(
      (
        await t.mdm.call('GET', '/account', undefined, {
          headers: { 'x-adm-auth-session': 'stolen' },
        })
      ).status,
      401,
    )
    const stranger = createMdmClient(`http://127.0.0.1:${t.gateway.port}`, {
      consumer_key: 'CK_x',
      consumer_secret: 'x',
      access_token: 'x',
      access_secret: 'x',
    })
    await assert.rejects(stranger.call('GET', '/account'), /401 INVALID_CONSUMER_KEY/)
    await stranger.close()
  })

  it('answers an unknown serial number as Apple does', async () => {
    assert.match(
      (await t.mdm.call('POST', '/devices', { devices: ['UNKNOWN1'] })).body,
      /NOT_ACCESSIBLE/,
    )
  })

  const faults: [string, Parameters<TestNode['apple']['inject']>[1], number, string][] = [
    [
      '429',
      {
        kind: 'answer',
        answer: { status: 429, body: 'TOO_MANY_REQUESTS', headers: { 'retry-after': '9' } },
      },
      429,
      'rejected',
    ],
    [
      '500',
      { kind: 'answer', answer: { status: 500, body: 'INTERNAL_SERVER_ERROR' } },
      500,
      'rejected',
    ],
    ['403', { kind: 'answer', answer: { status: 403, body: 'T_C_NOT_SIGNED' } }, 403, 'rejected'],
    ['a closed connection', { kind: 'close' }, 502, 'unknown'],
    ['half a body', { kind: 'close-mid-body' }, 502, 'unknown'],
    ['silence', { kind: 'hang' }, 504, 'unknown'],
    ['malformed JSON', { kind: 'malformed' }, 502, 'delivered'],
  ]
  for (const [name, fault, status, outcome] of faults) {
    it(`P3 when Apple answers with ${name}: ${status}, outcome ${outcome}, sent once`, async () => {
      const before = sent()
      t.apple.inject('/account', fault)
      const answer = await t.mdm.call('GET', '/account')
      assert.equal(answer.status, status)
      assert.equal(sent(), before + 1)
      const concluded = (await t.entries()).find(
        (entry) => entry.kind === 'outcome' && entry.data.of === answer.entry,
      )
      assert.equal(concluded?.data.outcome, outcome)
    })
  }
  it('opens a new session with Apple when the old one is answered with 401', async () => {
    t.apple.endSessions()
    assert.equal((await t.mdm.call('GET', '/account')).status, 200)
  })

  it('P2 an expired consent refuses, and setting the clock back does not revive it', async () => {
    const { hash } = manifestOf(t.node.parts.catalog, OUT)
    // The outcome of the call before is on its way, and carries an earlier time than the consent.
    await t.node.sharing.outcomes.idle()
    await t.node.database.write(TENANT, (tx) =>
      giveConsent(
        tx,
        t.node.parts.catalog,
        { flowId: OUT, manifestHash: hash, until: clock.now() + 60_000 },
        { actor: 'admin:1', at: clock.now() + 1 },
      ),
    )
    clock.set(clock.now() + 1_000)
    assert.equal((await t.mdm.call('GET', '/account')).status, 200)
    clock.set(clock.now() + 60_000)
    assert.equal((await t.mdm.call('GET', '/account')).refusal, 'consent_expired')
    clock.set(clock.now() - 86_400_000)
    assert.equal((await t.mdm.call('GET', '/account')).refusal, 'consent_expired')
    const times = (await t.entries()).map((entry) => entry.at)
    assert.deepEqual(times, times.toSorted())
    clock.set(clock.now() + 86_400_000 + 600_000)
    await agree(t.node)
  })

  it('takes devices in by cursor, page by page, and goes on where it stopped', async () => {
    t.apple.inject('/devices/sync', { kind: 'close' })
    await assert.rejects(
      synchroniseDevices(t.node, TENANT, CONNECTION),
      /could not be asked: closed_early/,
    )
    assert.equal(
      await t.node.database.read(TENANT, (reader) => countRecords(reader, CONNECTION)),
      20,
    )
    const fetches = () => t.apple.received.filter((one) => one.target === '/server/devices').length
    const before = fetches()
    t.apple.service.operate('SYN0000003', 'deleted')
    const again = await synchroniseDevices(t.node, TENANT, CONNECTION)
    assert.ok(!isRefusal(again) && again.kept === 1)
    // The fetch cursor was committed with its page: Apple says that it is exhausted, and sync goes on.
    assert.equal(fetches(), before + 1)
    assert.equal(
      await t.node.database.read(TENANT, (reader) => countRecords(reader, CONNECTION)),
      19,
    )
    const records = await t.node.database.read(TENANT, (reader) =>
      readRecords(reader, t.node.keys, {
        connectionId: CONNECTION,
        items: new Set(['device.serialNumber', 'device.model']),
        limit: 2,
      }),
    )
    assert.deepEqual(
      records.map((record) => Object.keys(record.items).toSorted()),
      [
        ['device.model', 'device.serialNumber'],
        ['device.model', 'device.serialNumber'],
      ],
    )
    assert.match(String(records[0]?.items['device.serialNumber']), /^SYN\d{7}$/)
  })
})

/** The whole answer as bytes, headers included. */
async function rawRequest(
  t: TestNode,
  method: string,
  path: string,
  prepare: (canary: string) => void,
): Promise<string> {
  prepare(CANARY)
  const token = await t.mdm.session()
  return new Promise((resolve, reject) => {
    const socket = connect(t.gateway.port, '127.0.0.1')
    let text = ''
    socket.on('data', (part: Buffer) => {
      text += part.toString()
    })
    socket.once('end', () => resolve(text))
    socket.once('error', reject)
    socket.write(
      `${method} ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-ADM-Auth-Session: ${token}\r\n\r\n`,
    )
  })
}
