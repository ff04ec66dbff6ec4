import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { chooseCollection } from '#agreements/collection.ts'
import { withdrawConsent } from '#agreements/consent.ts'
import { withdrawPermission } from '#agreements/party.ts'
import { storeDescription } from '#connections/partner-descriptions.ts'
import { INSTALLATION } from '#database/handles.ts'
import type { Exchange } from '#sharing/exchange.ts'
import { previewCall } from '#sharing/preview.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { newWebhookSecret } from '#foundation/standard-webhooks.ts'
import { type SandboxPartner, startSandboxPartner } from '../../sandbox/partner/server.ts'
import type { Node } from '../../src/compose.ts'
import { pushToPartner } from '../../src/node/push-partners.ts'
import { acmeThreat } from '../partner/descriptions.ts'
import { type PartnerWorld, partnerWorld } from '../partner/world.ts'

const ACME = 'acme-threat'
const OUT = `${ACME}/outbound`
const [MINE, THEIRS] = ['example', 'other'] as const
const by = (node: Node) => ({ actor: 'admin:test', at: node.sharing.gate.now() })

/** Until the other node has heard of it; fails after a second. */
async function within1s(holds: () => boolean | Promise<boolean>): Promise<void> {
  const start = performance.now()
  while (!(await holds())) {
    assert.ok(performance.now() - start < 1_000, 'it took longer than a second')
    await pause(10)
  }
}

describe('a party that is described as data', () => {
  let world: PartnerWorld
  let node: Node
  let partner: SandboxPartner
  const secret = newWebhookSecret()
  const exchangeOf = (id: string, at: Node = node): Exchange =>
    at.parts.connectors.get(ACME)?.exchanges.find((one) => one.id === `${ACME}.${id}`) ??
    assert.fail(id)
  const share = (
    id: string,
    body: unknown,
    over: {
      tenantId?: string
      parameters?: Record<string, string>
      query?: string
      at?: Node
    } = {},
  ) => {
    const exchange = exchangeOf(id, over.at)
    return (over.at ?? node).sharing.share({
      tenantId: over.tenantId ?? MINE,
      connectionId: ACME,
      exchange,
      call: {
        method: exchange.methods[0] ?? 'GET',
        query: new URLSearchParams(over.query ?? ''),
        body: body === undefined ? undefined : Buffer.from(JSON.stringify(body)),
        ...(over.parameters ? { parameters: over.parameters } : {}),
      },
      actor: 'job:test',
    })
  }
  const refusalOf = async (result: ReturnType<typeof share>): Promise<string> => {
    const shared = await result
    return isRefusal(shared) ? shared.refused : 'sent'
  }

  before(async () => {
    world = await partnerWorld({ nodes: 2 })
    node = world.node
    partner = await startSandboxPartner({
      signIn: { kind: 'standardWebhooks', secret },
      answers: {
        'POST /v1/devices': () => ({
          status: 200,
          body: { accepted: 3, secretNote: 'canary-back' },
        }),
        'GET /v1/devices/SYN1': () => ({
          status: 200,
          body: { serial: 'SYN1', threat: 'highSeverity', owner: 'canary-back' },
        }),
        'GET /v1/devices/SYN9': () => ({
          status: 404,
          body: { error: { code: 'NOT_FOUND', message: 'canary-back' } },
        }),
      },
    })
  })
  after(async () => {
    await partner?.stop()
    await world?.stop()
  })

  it('is known to every node within a second, without a restart, and is an entry of the installation', async () => {
    const [first, second] = world.nodes
    assert.ok(first && second)
    assert.equal(second.parts.connectors.has(ACME), false)
    const stored = await world.describe(acmeThreat(partner.origin))
    assert.ok(!isRefusal(stored), JSON.stringify(stored))
    assert.equal(stored.version, 1)
    await within1s(() => second.parts.connectors.has(ACME))
    assert.ok(second.parts.catalog.flows.has(OUT) && second.parts.catalog.parties.has('acme'))
    assert.deepEqual(
      (await world.entries('installation', 'partner.described')).map(
        ({ description, version, party }) => [description, version, party],
      ),
      [[ACME, 1, 'acme']],
    )
    // Said again it is the same; nothing is stored a second time.
    const again = await world.describe(acmeThreat(partner.origin))
    assert.ok(!isRefusal(again) && again.version === 1)
  })

  it('P2 gets nothing before feature, contract, permission and consent stand', async () => {
    await world.connect(MINE, ACME, partner.origin, { secret })
    await world.connect(THEIRS, ACME, partner.origin, { secret })
    const body = { devices: [{ serial: 'SYN1' }] }
    assert.equal(await refusalOf(share('tellDevices', body)), 'feature_off')
    await world.agree(MINE, [ACME])
    assert.equal(await refusalOf(share('tellDevices', body)), 'sent')
    assert.equal(await refusalOf(share('tellDevices', body, { tenantId: THEIRS })), 'feature_off')
    assert.equal(partner.received.length, 1)
  })

  it('P1 P3 gets only what is described and agreed, signed, after its entry', async () => {
    partner.received.length = 0
    const shared = await share(
      'tellDevices',
      {
        type: 'devices.state',
        extra: 'canary-1',
        devices: [
          { serial: 'SYN1', os: '18.2', owner: 'canary-2', nested: { deep: 'canary-3' } },
          { serial: 'SYN2', model: { name: 'canary-4' }, compliant: 'compliant' },
        ],
      },
      { query: 'token=canary-5' },
    )
    assert.ok(!isRefusal(shared) && 'admitted' in shared)
    const [request] = partner.received
    assert.equal(request?.status, 200)
    assert.deepEqual(JSON.parse(request.body.toString()), {
      type: 'devices.state',
      devices: [
        { serial: 'SYN1', os: '18.2' },
        { serial: 'SYN2', compliant: 'compliant' },
      ],
    })
    assert.ok(!request.bytes.includes('canary'))
    // Back comes what is described, and an error's documented word at most.
    assert.deepEqual(JSON.parse(shared.admitted.response.body.toString()), { accepted: 3 })
    const lost = await share('readDevice', undefined, { parameters: { serial: 'SYN9' } })
    assert.ok(!isRefusal(lost) && 'admitted' in lost)
    assert.deepEqual(JSON.parse(lost.admitted.response.body.toString()), {
      error: { code: 'NOT_FOUND', status: 404 },
    })
    const disclosures = await world.entries(MINE, 'disclosure')
    assert.ok(
      disclosures.some(
        (entry) => entry.party === 'acme' && entry.exchange === `${ACME}.tellDevices`,
      ),
    )
  })

  it('shows an admin the very bytes before anything is agreed', async () => {
    partner.received.length = 0
    const parts = node.parts
    const example = { type: 't', devices: [{ serial: 'SYN1', os: '1', other: 'x' }] }
    const preview = await previewCall(
      parts,
      THEIRS,
      exchangeOf('tellDevices'),
      Buffer.from(JSON.stringify(example)),
      by(node),
    )
    assert.equal(partner.received.length, 0)
    // The feature is off still: what would leave is what the choices leave of it.
    await world.agree(THEIRS, [ACME])
    const after = await previewCall(
      parts,
      THEIRS,
      exchangeOf('tellDevices'),
      Buffer.from(JSON.stringify(example)),
      by(node),
    )
    await share('tellDevices', example, { tenantId: THEIRS })
    assert.equal(partner.received[0]?.body.toString(), after.json)
    assert.equal(preview.manifestHash, after.manifestHash)
  })

  it('P6 P10 gets pseudonyms that another tenant’s, and another party’s, do not match', async () => {
    await world.describe(
      acmeThreat(partner.origin, undefined, {
        id: 'beta-watch',
        party: { id: 'beta-watch', name: 'Beta Watch', region: 'EU', standing: 'thirdParty' },
        flows: [
          { feature: 'beta-watch', title: 'Beta', service: 'Watch', purpose: 'threat-protection' },
        ],
      }),
    )
    await world.connect(MINE, 'beta-watch', partner.origin, { secret })
    await world.agree(MINE, ['beta-watch'])
    const precise = { itemId: 'device.name', on: true, precision: 'pseudonym' }
    for (const tenantId of [MINE, THEIRS])
      await node.database.write(tenantId, async (tx) => {
        assert.equal(await chooseCollection(tx, node.parts.catalog, precise, by(node)), undefined)
      })
    const named = {
      request: {
        name: 'device.name',
        devices: [{ serial: 'device.serialNumber', os: 'device.osVersion' }],
      },
    }
    for (const id of [ACME, 'beta-watch']) {
      const own = id === ACME ? acmeThreat(partner.origin) : undefined
      const party = { id, name: 'Beta Watch', region: 'EU', standing: 'thirdParty' }
      const flows = [{ feature: id, title: 'Beta', service: 'Watch', purpose: 'threat-protection' }]
      const base = own ?? acmeThreat(partner.origin, undefined, { id, party, flows })
      const more = {
        ...(base.exchanges as Record<string, unknown>[])[1],
        ...named,
        id: 'nameIt',
        path: '/v1/names',
        parameters: undefined,
      }
      const stored = await world.describe({
        ...base,
        exchanges: [...(base.exchanges as unknown[]), more],
      })
      assert.ok(!isRefusal(stored) && stored.version === 2, JSON.stringify(stored))
    }
    for (const tenantId of [MINE, THEIRS]) await world.consent(tenantId, [ACME])
    await world.consent(MINE, ['beta-watch'])
    partner.received.length = 0
    const body = { name: 'Anna’s phone', devices: [] }
    for (const [tenantId, id] of [
      [MINE, ACME],
      [THEIRS, ACME],
      [MINE, 'beta-watch'],
    ] as const) {
      const exchange = node.parts.connectors
        .get(id)
        ?.exchanges.find((one) => one.path === '/v1/names')
      assert.ok(exchange)
      const call = {
        method: 'POST' as const,
        query: new URLSearchParams(),
        body: Buffer.from(JSON.stringify(body)),
      }
      const shared = await node.sharing.share({
        tenantId,
        connectionId: id,
        exchange,
        call,
        actor: 'job:test',
      })
      assert.ok(!isRefusal(shared), JSON.stringify(shared))
    }
    const names = partner.received.map(
      (one) => (JSON.parse(one.body.toString()) as { name: string }).name,
    )
    assert.equal(names.length, 3)
    assert.equal(new Set(names).size, 3)
    assert.ok(names.every((name) => !name.includes('Anna')))
  })

  it('P5 gets nothing more, on either node, within a second of a withdrawal', async () => {
    const [, second] = world.nodes
    assert.ok(second)
    const body = { devices: [{ serial: 'SYN1', os: '1' }] }
    assert.equal(await refusalOf(share('tellDevices', body, { at: second })), 'sent')
    await node.database.write(MINE, (tx) => withdrawConsent(tx, OUT, by(node)))
    await within1s(
      async () =>
        (await refusalOf(share('tellDevices', body, { at: second }))) === 'consent_withdrawn',
    )
    await world.consent(MINE, [ACME])
    await node.database.write(MINE, (tx) => withdrawPermission(tx, 'acme', by(node)))
    await within1s(
      async () =>
        (await refusalOf(share('tellDevices', body, { at: second }))) === 'permission_withdrawn',
    )
    await world.agree(MINE, [ACME])
  })

  it('P2 grows by a new version only: what is new waits for consent, what was agreed goes on', async () => {
    const [, second] = world.nodes
    assert.ok(second)
    const versionTwo = node.partners.described.get(ACME)?.description ?? assert.fail()
    const json = JSON.parse(JSON.stringify(versionTwo)) as Record<string, unknown>
    const exchanges = json.exchanges as { request?: Record<string, unknown[]> }[]
    const [tell] = exchanges
    Object.assign(((tell?.request?.devices ?? []) as Record<string, unknown>[])[0] ?? {}, {
      imei: 'device.imei',
    })
    const stored = await world.describe(json)
    assert.ok(!isRefusal(stored) && stored.version === 3, JSON.stringify(stored))
    await within1s(
      () =>
        second.partners.described.get(ACME)?.description.exchanges.length === exchanges.length &&
        JSON.stringify(second.partners.described.get(ACME)?.description).includes('device.imei'),
    )
    const body = { devices: [{ serial: 'SYN1', os: '1', imei: '490154203237518' }] }
    for (const at of world.nodes) {
      partner.received.length = 0
      assert.equal(await refusalOf(share('tellDevices', body, { at })), 'sent')
      assert.deepEqual(JSON.parse(partner.received[0]?.body.toString() ?? ''), {
        devices: [{ serial: 'SYN1', os: '1' }],
      })
    }
    await world.consent(MINE, [ACME])
    await within1s(async () => {
      partner.received.length = 0
      await share('tellDevices', body, { at: second })
      return partner.received[0]?.body.includes('490154203237518') ?? false
    })
  })

  it('keeps its party, purposes and way to sign in over all its versions', async () => {
    const now = JSON.parse(
      JSON.stringify(node.partners.described.get(ACME)?.description),
    ) as Record<string, unknown>
    const party = { ...(now.party as object), region: 'US' }
    const [flow] = now.flows as object[]
    for (const [field, change] of [
      ['party', { party }],
      ['flows', { flows: [{ ...flow, purpose: 'compliance-check' }] }],
      ['auth', { auth: { kind: 'bearerToken' } }],
      ['kind', { kind: 'other' }],
    ] as const) {
      const stored = await world.describe({ ...now, ...change })
      assert.ok(isRefusal(stored), field)
      assert.deepEqual([stored.refused, stored.about.field], ['description_kept', field])
    }
  })

  it('and none of them is ever changed: of two that are stored at once one is the next, and no row can be written over', async () => {
    const now = node.partners.described.get(ACME)?.description ?? assert.fail()
    const [one, other] = world.nodes
    assert.ok(one && other)
    const store = (at: Node, source: string) =>
      at.database.write(INSTALLATION, (tx) =>
        storeDescription(tx, { ...now, source }, at.partners.against, by(at)),
      )
    const results = await Promise.all([store(one, 'One.'), store(other, 'Other.')])
    const versions = results.flatMap((result) => (isRefusal(result) ? [] : [result.version]))
    assert.ok(versions.length >= 1 && new Set(versions).size === versions.length)
    for (const result of results)
      assert.ok(!isRefusal(result) || result.refused === 'precondition_failed')
    for (const statement of [
      "update partner_descriptions set description = '{}' where tenant_id = $1",
      'delete from partner_descriptions where tenant_id = $1',
    ])
      await assert.rejects(
        node.database.write(INSTALLATION, (tx) => tx.change(statement, [INSTALLATION])),
      )
    await node.partners.load()
  })

  it('gets nothing at a place that its description no longer names', async () => {
    const now = JSON.parse(
      JSON.stringify(node.partners.described.get('beta-watch')?.description),
    ) as Record<string, unknown>
    partner.received.length = 0
    const stored = await world.describe({ ...now, hosts: ['https://moved.example.org'] })
    assert.ok(!isRefusal(stored))
    const exchange = node.parts.connectors
      .get('beta-watch')
      ?.exchanges.find((one) => one.path === '/v1/devices')
    assert.ok(exchange)
    const shared = await node.sharing.share({
      tenantId: MINE,
      connectionId: 'beta-watch',
      exchange,
      call: {
        method: 'POST',
        query: new URLSearchParams(),
        body: Buffer.from('{"devices":[{"serial":"S"}]}'),
      },
      actor: 'job:test',
    })
    assert.ok(!isRefusal(shared) && 'failed' in shared && shared.outcome === 'unsent')
    assert.equal(partner.received.length, 0)
  })

  it('is told by Sluss itself what is kept, of what was agreed, and again after it was away', async () => {
    await world.keep(
      MINE,
      Array.from({ length: 20 }, (_, i) => ({
        'device.serialNumber': `SYN${100 + i}`,
        'device.osVersion': '18.2',
        'device.name': `canary phone ${i}`,
        'device.complianceState': i % 2 === 0 ? 'compliant' : 'noncompliant',
      })),
    )
    partner.received.length = 0
    partner.inject('/v1/devices', { kind: 'answer', answer: { status: 500 } })
    await assert.rejects(pushToPartner(node, MINE, ACME), { name: 'PartnerAway' })
    partner.received.length = 0
    const pushed = await pushToPartner(node, MINE, ACME)
    assert.deepEqual(pushed, { calls: 3, devices: 20 })
    const told = partner.received.flatMap(
      (one) => (JSON.parse(one.body.toString()) as { devices: Record<string, string>[] }).devices,
    )
    assert.equal(told.length, 20)
    assert.deepEqual(Object.keys(told[0] ?? {}).toSorted(), ['compliant', 'os', 'serial'])
    assert.ok(
      partner.received.every(
        (one) => !one.bytes.includes('canary') && one.bytes.includes('devices.state'),
      ),
    )
    // The other tenant holds nothing, so nothing is sent for it.
    assert.deepEqual(await pushToPartner(node, THEIRS, ACME), { calls: 0, devices: 0 })
    // Off, it is not even asked: the clock fills no ledger with refusals.
    const before = (await world.entries(MINE, 'refusal')).length
    await node.database.write(MINE, (tx) => withdrawConsent(tx, OUT, by(node)))
    await within1s(async () => {
      const gate = await node.sharing.gate.open(MINE, ACME, exchangeOf('tellDevices'))
      return isRefusal(gate) || gate.refusal !== undefined
    })
    assert.deepEqual(await pushToPartner(node, MINE, ACME), { calls: 0, devices: 0 })
    assert.equal((await world.entries(MINE, 'refusal')).length, before)
  })
})
