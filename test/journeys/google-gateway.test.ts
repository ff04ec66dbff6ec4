import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { approveCommand } from '#agreements/approval.ts'
import { chooseCollection } from '#agreements/collection.ts'
import { withdrawConsent } from '#agreements/consent.ts'
import { enableConnection } from '#connections/connection.ts'
import { manualClock } from '#foundation/clock.ts'
import { consentTo } from '../../sandbox/agree.ts'
import {
  GOOGLE_CONNECTION,
  GOOGLE_IN,
  GOOGLE_OUT,
  agreeWithGoogle,
} from '../../sandbox/google/connect.ts'
import type { Fault } from '../../sandbox/google/server.ts'
import { type GoogleNode, TENANT, startGoogleNode } from './google-node.ts'

const json = (body: string) => JSON.parse(body) as Record<string, unknown>
const by = (t: GoogleNode) => ({ actor: 'admin:1', at: t.node.sharing.gate.now() })

describe('Google through the gateway', () => {
  let t: GoogleNode
  let enterprise: string
  before(async () => {
    t = await startGoogleNode({ agreed: false })
    enterprise = t.google.service.enterprise
  })
  after(() => t.stop())

  it('P2 refuses every call of the protocol while nothing is agreed, asks Google for nothing, and says so in Google’s form', async () => {
    const { exchanges } = t.node.parts.connectors.get('google-android-management') ?? assert.fail()
    for (const exchange of exchanges) {
      const path = exchange.path.replace(/\{\w+=([^}]+)\}/, (_, pattern: string) =>
        pattern.replace(/\*/g, 'x'),
      )
      const answer = await t.call(
        exchange.methods[0] ?? '',
        path,
        exchange.request ? {} : undefined,
      )
      assert.deepEqual([answer.status, answer.refusal], [403, 'feature_off'], exchange.id)
      const { error } = json(answer.body) as { error: Record<string, unknown> }
      assert.equal(error.status, 'PERMISSION_DENIED')
      assert.deepEqual(error.details, [
        {
          '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
          reason: 'FEATURE_OFF',
          domain: 'sluss',
        },
      ])
    }
    assert.equal(t.google.received.length, 0)
    const refusals = (await t.entries()).filter((entry) => entry.kind === 'refusal')
    assert.equal(refusals.length, exchanges.length)
  })

  it('lists devices page by page, and gets one, with one access token for all', async () => {
    await agreeWithGoogle(t.node, TENANT)
    const names: string[] = []
    let pageToken = ''
    do {
      const query = `pageSize=2${pageToken && `&pageToken=${pageToken}`}`
      const answer = await t.call('GET', `/v1/${enterprise}/devices?${query}`)
      assert.equal(answer.status, 200, answer.body)
      const page = json(answer.body) as { devices: { name: string }[]; nextPageToken?: string }
      names.push(...page.devices.map((device) => device.name))
      pageToken = page.nextPageToken ?? ''
    } while (pageToken !== '')
    assert.equal(names.length, 5)
    assert.equal(new Set(names).size, 5)
    const one = await t.call('GET', `/v1/${names[0]}`)
    assert.deepEqual(json(one.body), t.google.service.kept.get(names[0] ?? ''))
    assert.equal(t.tokenRequests(), 1)
  })

  it('changes policies and devices, sends commands, makes and takes back enrolment tokens', async () => {
    const policy = {
      cameraDisabled: true,
      applications: [
        {
          packageName: 'org.example.mail',
          installType: 'FORCE_INSTALLED',
          managedConfiguration: {
            server: 'mail.example.org',
            ports: [993, 465],
            tls: { on: true },
          },
        },
      ],
      openNetworkConfiguration: { NetworkConfigurations: [{ GUID: 'a', Type: 'WiFi' }] },
    }
    const path = `/v1/${enterprise}/policies/default`
    const patched = await t.call('PATCH', path, policy)
    assert.equal(patched.status, 200, patched.body)
    const version = { name: `${enterprise}/policies/default`, version: '1' }
    assert.deepEqual(json(patched.body), { ...policy, ...version })
    assert.deepEqual(json((await t.call('GET', path)).body), { ...policy, ...version })
    const list = await t.call('GET', `/v1/${enterprise}/policies`)
    assert.equal((json(list.body).policies as unknown[]).length, 1)

    const device = [...t.google.service.kept.keys()].find((name) => name.includes('/devices/'))
    const disabled = await t.call('PATCH', `/v1/${device}?updateMask=state`, { state: 'DISABLED' })
    assert.equal(json(disabled.body).state, 'DISABLED')
    const command = await t.call('POST', `/v1/${device}:issueCommand`, {
      type: 'RESET_PASSWORD',
      newPassword: 'synthetic-passcode',
      resetPasswordFlags: ['REQUIRE_ENTRY'],
    })
    assert.equal(command.status, 200, command.body)
    const operation = String(json(command.body).name)
    assert.match(operation, /\/operations\//)
    assert.equal((await t.call('GET', `/v1/${operation}`)).status, 200)
    assert.equal((await t.call('GET', `/v1/${device}/operations`)).status, 200)
    assert.equal((await t.call('POST', `/v1/${operation}:cancel`)).status, 200)

    const made = await t.call('POST', `/v1/${enterprise}/enrollmentTokens`, {
      policyName: `${enterprise}/policies/default`,
      duration: '3600s',
      oneTimeOnly: true,
    })
    assert.match(String(json(made.body).value), /^[0-9a-f]{20}$/)
    const token = String(json(made.body).name)
    assert.equal((await t.call('GET', `/v1/${token}`)).status, 200)
    assert.equal((await t.call('DELETE', `/v1/${token}`)).body, '{}')
    assert.equal((await t.call('GET', `/v1/${token}`)).status, 404)
    assert.equal((await t.call('DELETE', path)).status, 200)
    assert.match((await t.call('GET', '/v1/enterprises?projectId=p')).body, /Example organisation/)
    assert.equal(
      (await t.call('POST', '/v1/signupUrls?callbackUrl=https%3A%2F%2Fa.example.org')).status,
      200,
    )
  })

  it('P1 names items of the path in the entry, and the device as a subject, never in clear', async () => {
    const device =
      [...t.google.service.kept.keys()].find((name) => name.includes('/devices/')) ?? ''
    const answer = await t.call('GET', `/v1/${device}`)
    const entry = (await t.entries()).find((one) => one.id === answer.entry)
    const items = entry?.data.items as Record<string, unknown>
    assert.deepEqual(items['device.name'], ['exact', 1])
    assert.equal((entry?.data.subjects as unknown[] | undefined)?.length, 1)
    // Every IMEI and every name of a device in full: a few digits of them stand in some hash by chance.
    const clear =
      /3569380356438|3592d9[0-9a-f]{2}|SYN\d{7}|synthetic-passcode|ya29|PRIVATE KEY|sluss_/
    assert.match(JSON.stringify(t.google.service.kept.get(device)), clear)
    assert.match(device, clear)
    for (const one of await t.entries()) assert.doesNotMatch(JSON.stringify(one), clear)
  })

  it('P6 leaves out what the tenant withholds, refuses a path it would change, and a body it would mutilate', async () => {
    const choose = (itemId: string, precision: string) =>
      t.node.database.write(TENANT, (tx) =>
        chooseCollection(tx, t.node.parts.catalog, { itemId, on: true, precision }, by(t)),
      )
    const device =
      [...t.google.service.kept.keys()].find((name) => name.includes('/devices/')) ?? ''
    await choose('device.imei', 'withheld')
    await choose('device.serialNumber', 'withheld')
    const answer = await t.call('GET', `/v1/${device}`)
    assert.ok(!/35693803564380|SYN\d{7}/.test(answer.body), answer.body)
    assert.match(answer.body, /02:00:00:00:00:0/)
    await choose('policy.openNetworkConfiguration', 'withheld')
    const before = t.arrived().length
    const path = `/v1/${enterprise}/policies/default`
    const refused = await t.call('PATCH', path, { openNetworkConfiguration: { a: 1 } })
    assert.equal(refused.refusal, 'nothing_allowed')
    assert.equal(
      (await t.call('PATCH', path, { inventedSetting: true })).refusal,
      'item_unclassified',
    )
    await choose('device.name', 'pseudonym')
    assert.equal((await t.call('GET', `/v1/${device}`)).refusal, 'nothing_allowed')
    assert.equal(t.arrived().length, before)
    for (const item of [
      'device.imei',
      'device.serialNumber',
      'device.name',
      'policy.openNetworkConfiguration',
    ])
      await choose(item, 'exact')
  })

  describe('holds what cannot be undone for an approval of that one command', () => {
    const PERMANENT = 'google.androidManagement.enterprises.devices.issuePermanentCommand'
    const devices = (): string[] =>
      [...t.google.service.kept.keys()].filter((name) => /\/devices\/[^/]+$/.test(name))
    const approve = (exchange: string, target: string, command = '') =>
      t.node.database.write(TENANT, (tx) =>
        approveCommand(
          tx,
          t.node.keys,
          {
            connectionId: GOOGLE_CONNECTION,
            exchangeId: exchange,
            target,
            command,
          },
          { until: by(t).at + 60_000, needsSecond: false },
          by(t),
        ),
      )

    it('deleting a device, which wipes it', async () => {
      const device = devices().at(-1) ?? ''
      const wipe = () =>
        t.call(
          'DELETE',
          `/v1/${device}?wipeDataFlags=WIPE_ESIMS&wipeDataFlags=WIPE_EXTERNAL_STORAGE`,
        )
      const held = await wipe()
      assert.deepEqual([held.status, held.refusal], [400, 'approval_missing'])
      const id = 'google.androidManagement.enterprises.devices.delete'
      await approve(id, devices()[0] ?? '')
      assert.equal((await wipe()).refusal, 'approval_missing', 'it was for another device')
      const given = await approve(id, device)
      const done = await wipe()
      assert.equal(done.body, '{}')
      const entry = (await t.entries()).find((one) => one.id === done.entry)
      assert.equal(entry?.data.approval, given)
      assert.match(
        t.arrived().at(-1)?.target ?? '',
        /wipeDataFlags=WIPE_ESIMS&wipeDataFlags=WIPE_EXTERNAL_STORAGE$/,
      )
      assert.equal((await wipe()).refusal, 'approval_missing')
    })

    const cases = [
      ['WIPE', { type: 'WIPE', wipeParams: { wipeReason: { defaultMessage: 'lost' } } }],
      ['WIPE', { wipeParams: {} }],
      ['RELINQUISH_OWNERSHIP', { type: 'RELINQUISH_OWNERSHIP' }],
    ] as const
    cases.forEach(([command, body], i) => {
      it(`the command ${JSON.stringify(body)}`, async () => {
        const device = devices()[i] ?? ''
        const order = (of: object = body) => t.call('POST', `/v1/${device}:issueCommand`, of)
        const before = t.arrived().length
        assert.equal((await order()).refusal, 'approval_missing')
        await approve(PERMANENT, device, command === 'WIPE' ? 'RELINQUISH_OWNERSHIP' : 'WIPE')
        assert.equal((await order()).refusal, 'approval_missing', 'it was for another command')
        await approve(PERMANENT, `${device}0`, command)
        assert.equal((await order()).refusal, 'approval_missing', 'it was for another device')
        assert.equal(t.arrived().length, before)
        await approve(PERMANENT, device, command)
        // What can be undone needs no approval and uses none up.
        assert.equal((await order({ type: 'LOCK' })).status, 200)
        const done = await order()
        assert.equal(done.status, 200, done.body)
        assert.deepEqual(json(t.arrived().at(-1)?.body.toString() ?? ''), body)
        assert.equal((await order()).refusal, 'approval_missing')
      })
    })

    it('P4 and lets nothing pass that says two things at once', async () => {
      const device = devices()[3] ?? ''
      await approve(PERMANENT, device, 'WIPE')
      await approve(PERMANENT, device, 'RELINQUISH_OWNERSHIP')
      const before = t.arrived().length
      for (const [body, reason] of [
        [{ type: 'LOCK', wipeParams: {} }, 'item_unclassified'],
        [{ type: 'RELINQUISH_OWNERSHIP', wipeParams: {} }, 'approval_missing'],
        [{ type: ['WIPE'] }, 'item_unclassified'],
        [{ type: 'wipe' }, 'item_unclassified'],
        [{ type: 'COMMAND_TYPE_UNSPECIFIED' }, 'item_unclassified'],
      ] as const)
        assert.equal(
          (await t.call('POST', `/v1/${device}:issueCommand`, body)).refusal,
          reason,
          JSON.stringify(body),
        )
      assert.equal(t.arrived().length, before)
    })
  })

  it('P4 refuses an unknown path, method, separator or dots in a name, and a caller without the token', async () => {
    const before = t.google.received.length
    for (const [method, path] of [
      ['GET', '/v1/enterprises/a/invented/b'],
      ['PUT', `/v1/${enterprise}/policies/p`],
      ['GET', `/v1/${enterprise}/policies/..`],
      ['GET', `/v1/${enterprise}/policies/%2e%2e`],
      ['GET', `/v1/${enterprise}/policies/a%2Fdevices%2Fb`],
      ['GET', `/v1/${enterprise}/policies/%ff`],
      ['GET', `/v1/${enterprise}/policies/a:cancel`],
      ['GET', '/v1/'],
    ] as const) {
      const answer = await t.call(method, path)
      assert.deepEqual([answer.status, answer.refusal], [404, 'exchange_unknown'], path)
    }
    for (const authorization of [
      'Bearer sluss_wrong',
      `Basic ${t.token}`,
      `Bearer ${t.token}x`,
      '',
    ]) {
      const answer = await t.call('GET', `/v1/${enterprise}`, undefined, { authorization })
      assert.deepEqual([answer.status, answer.refusal], [401, 'client_unauthenticated'])
    }
    assert.equal(t.google.received.length, before)
  })

  it('P5 withdrawal stops the very next call, renewed consent opens again, and so does a switched-off connection', async () => {
    const get = () => t.call('GET', `/v1/${enterprise}`)
    assert.equal((await get()).status, 200)
    for (const flow of [GOOGLE_OUT, GOOGLE_IN]) {
      await t.node.database.write(TENANT, (tx) => withdrawConsent(tx, flow, by(t)))
      const before = t.google.received.length
      assert.equal((await get()).refusal, 'consent_withdrawn')
      assert.equal(t.google.received.length, before)
      await t.node.database.write(TENANT, (tx) => consentTo(tx, t.node, 'android-enterprise'))
      assert.equal((await get()).status, 200)
    }
    await t.node.database.write(TENANT, (tx) =>
      enableConnection(tx, GOOGLE_CONNECTION, false, by(t)),
    )
    assert.equal((await get()).refusal, 'connection_disabled')
    await t.node.database.write(TENANT, (tx) =>
      enableConnection(tx, GOOGLE_CONNECTION, true, by(t)),
    )
  })

  it('P3 has an entry for every call that Google received, before it, and one outcome for each', async () => {
    const entries = await t.entries()
    const disclosures = entries.filter((entry) => entry.kind === 'disclosure')
    const outcomes = entries.filter((entry) => entry.kind === 'outcome')
    assert.deepEqual(
      outcomes.map((entry) => entry.data.of).toSorted(),
      disclosures.map((entry) => entry.id).toSorted(),
    )
    assert.equal(disclosures.length, t.arrived().length)
  })
})

describe('Google, when things go wrong', () => {
  const clock = manualClock(Date.now())
  let t: GoogleNode
  let path: string
  before(async () => {
    t = await startGoogleNode({ clock, google: { tokenLifeInSeconds: 3_599 } })
    path = `/v1/${t.google.service.enterprise}`
  })
  after(() => t.stop())
  const outcomeOf = async (entry: string | undefined) =>
    (await t.entries()).find((one) => one.kind === 'outcome' && one.data.of === entry)?.data.outcome

  const googleError = (code: number, status: string): Fault => ({
    kind: 'answer',
    answer: {
      status: code,
      body: { error: { code, status, message: 'canary-message', details: [{ canary: 1 }] } },
    },
  })
  const faults: [string, Fault, number, string, number][] = [
    ['403', googleError(403, 'PERMISSION_DENIED'), 403, 'rejected', 1],
    ['429', googleError(429, 'RESOURCE_EXHAUSTED'), 429, 'rejected', 1],
    ['500', googleError(500, 'INTERNAL'), 500, 'rejected', 1],
    [
      'an undocumented error',
      { kind: 'answer', answer: { status: 418, body: 'canary-teapot' } },
      418,
      'rejected',
      1,
    ],
    ['half an answer', { kind: 'malformed' }, 502, 'delivered', 1],
    [
      'wrong types',
      { kind: 'answer', answer: { status: 200, body: ['canary'] } },
      502,
      'delivered',
      1,
    ],
    // A read may be asked again; what changes something may not.
    ['a closed connection', { kind: 'close' }, 200, 'delivered', 2],
    ['half a body', { kind: 'close-mid-body' }, 200, 'delivered', 2],
    ['503', googleError(503, 'UNAVAILABLE'), 200, 'delivered', 2],
    ['a lost token', googleError(401, 'UNAUTHENTICATED'), 200, 'delivered', 2],
  ]
  for (const [name, fault, status, outcome, times] of faults) {
    it(`P3 when Google answers a read with ${name}: ${status}, outcome ${outcome}, sent ${times} times`, async () => {
      const before = t.arrived().length
      t.google.inject(path, fault)
      const answer = await t.call('GET', path)
      assert.equal(answer.status, status, answer.body)
      assert.ok(!answer.body.includes('canary'), answer.body)
      assert.equal(t.arrived().length, before + times)
      assert.equal(await outcomeOf(answer.entry), outcome)
    })
  }

  for (const kind of ['close', 'lose-answer', 'hang', 'close-mid-body'] as const) {
    it(`P3 never sends a change twice when Google answers with ${kind}: its outcome is unknown`, async () => {
      const policy = `${path}/policies/p`
      const before = t.arrived().length
      t.google.inject(policy, { kind })
      const answer = await t.call('PATCH', policy, { cameraDisabled: true })
      assert.equal(answer.status, kind === 'hang' ? 504 : 502)
      assert.equal(await outcomeOf(answer.entry), 'unknown')
      assert.equal(t.arrived().length, before + 1)
    })
  }

  it('gets a new token before the old one ends, one for many calls, and another when all are taken back', async () => {
    await t.call('GET', path)
    const before = t.tokenRequests()
    clock.set(clock.now() + 3_500_000)
    const answers = await Promise.all(Array.from({ length: 8 }, () => t.call('GET', path)))
    assert.ok(answers.every((answer) => answer.status === 200))
    assert.equal(t.tokenRequests(), before + 1)
    t.google.endTokens()
    const policy = await t.call('PATCH', `${path}/policies/q`, { cameraDisabled: true })
    assert.equal(policy.status, 200)
    assert.equal(t.tokenRequests(), before + 2)
  })

  it('P3 sends nothing while no token is to be had: slow, broken, wrongly typed or refused', async () => {
    for (const [fault, status, outcome] of [
      [{ kind: 'hang' }, 504, 'unsent'],
      [{ kind: 'close' }, 502, 'unsent'],
      [{ kind: 'malformed' }, 503, 'rejected'],
      [
        {
          kind: 'answer',
          answer: { status: 200, body: { access_token: ['canary'], expires_in: 'x' } },
        },
        503,
        'rejected',
      ],
      [{ kind: 'answer', answer: { status: 500, body: 'canary' } }, 503, 'rejected'],
    ] as const) {
      t.google.endTokens()
      clock.set(clock.now() + 3_600_000)
      const before = t.arrived().length
      t.google.inject('/token', fault as Fault)
      const answer = await t.call('GET', path)
      assert.deepEqual([answer.status, await outcomeOf(answer.entry)], [status, outcome])
      assert.ok(!answer.body.includes('canary'))
      assert.equal(t.arrived().length, before)
    }
    t.google.revokeKey()
    const revoked = await t.call('GET', path)
    assert.equal(revoked.status, 401)
    assert.equal(
      (json(revoked.body) as { error: { status: string } }).error.status,
      'UNAUTHENTICATED',
    )
  })
})
