import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { type Ingest, ingestRoutes } from '#http/ingest/ingest-routes.ts'
import { readLastEvents } from '#intake/last-event.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { readRecords } from '#records/read.ts'
import { acmeThreat } from '../partner/descriptions.ts'
import { type PartnerWorld, partnerWorld } from '../partner/world.ts'

const ACME = 'acme-threat'
const TENANT = 'example'

describe('events of a described party', () => {
  let world: PartnerWorld
  let doors: readonly Ingest[]
  let secret: string
  let count = 0
  before(async () => {
    world = await partnerWorld({ nodes: 2 })
    doors = await Promise.all(
      world.nodes.map((node) =>
        ingestRoutes({ ...node.parts, sources: node.partners.sources(new Map()) }),
      ),
    )
    // The other node is asked before it can know: what it does not know it must not remember as not there.
    assert.equal((await post('{}', { at: 1 })).status, 401)
    const stored = await world.describe(acmeThreat('https://api.acme.example.org'))
    assert.ok(!isRefusal(stored), JSON.stringify(stored))
    secret = await world.connect(TENANT, ACME, 'https://api.acme.example.org', undefined)
    await world.agree(TENANT, [ACME])
  })
  after(async () => {
    for (const door of doors ?? []) await door.close()
    await world?.stop()
  })

  const event = (type: string, data: Record<string, unknown>): string =>
    JSON.stringify({ type, timestamp: new Date(Date.now() + ++count).toISOString(), data })
  const signed = (body: string, by = secret, at = new Date()): Record<string, string> => {
    const id = `msg_${++count}`
    return {
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
      'webhook-signature': new Webhook(`whsec_${by}`).sign(id, at, body),
    }
  }
  const post = async (
    body: string,
    { at = 0, headers }: { at?: 0 | 1; headers?: Record<string, string> } = {},
  ): Promise<Response> => {
    const door = doors[at] ?? assert.fail()
    return door.app.request(`/ingest/${TENANT}.${ACME}`, {
      method: 'POST',
      body,
      headers: headers ?? (secret ? signed(body) : {}),
    })
  }
  const kept = async (serial: string) => {
    const { database, keys } = world.node
    const items = new Set([
      'device.serialNumber',
      'device.partnerReportedThreatState',
      'device.model',
    ])
    const records = await database.read(TENANT, (reader) =>
      readRecords(reader, keys, { connectionId: ACME, items, limit: 100 }),
    )
    return records.find((one) => one.items['device.serialNumber'] === serial)?.items
  }

  it('come in signed by the official library, at every node, and of them only what is described', async () => {
    for (const at of [0, 1] as const) {
      const serial = `SYN-${at}`
      const body = event('device.threat', {
        serial,
        threat: 'highSeverity',
        model: 'TC8300',
        owner: 'canary-anna@example.org',
      })
      assert.equal((await post(body, { at })).status, 200)
      assert.deepEqual(await kept(serial), {
        'device.serialNumber': serial,
        'device.partnerReportedThreatState': 'highSeverity',
        'device.model': 'TC8300',
      })
    }
    const intake = await world.entries(TENANT, 'intake')
    assert.equal(intake.length, 2)
    assert.equal(intake[0]?.unknown, 1)
    const heard = await world.node.database.read(TENANT, readLastEvents)
    assert.ok(heard.get(ACME))
  })

  it('are refused unsigned, signed for another body, by another key, or too long ago', async () => {
    const body = event('device.threat', { serial: 'SYN-X', threat: 'secured' })
    const old = new Date(Date.now() - 6 * 60_000)
    const soon = new Date(Date.now() + 6 * 60_000)
    const wrong: Record<string, string>[] = [
      {},
      signed(`${body} `),
      signed(body, Buffer.alloc(32, 1).toString('base64')),
      signed(body, secret, old),
      signed(body, secret, soon),
      { ...signed(body), 'webhook-id': 'another' },
      { ...signed(body), 'webhook-signature': 'v1,' },
      { ...signed(body), 'webhook-signature': `v1a,${'A'.repeat(86)}` },
      { 'x-hmac-signature': createHmac('sha256', secret).update(body).digest('base64') },
    ]
    for (const headers of wrong)
      assert.equal((await post(body, { headers })).status, 401, JSON.stringify(headers))
    assert.equal(await kept('SYN-X'), undefined)
  })

  it('come in once, and with several signatures while a secret is replaced', async () => {
    const before = (await world.entries(TENANT, 'intake')).length
    const body = event('device.threat', { serial: 'SYN-2', threat: 'secured' })
    const headers = signed(body)
    const both = {
      ...headers,
      'webhook-signature': `v1,${'A'.repeat(43)}= ${headers['webhook-signature']}`,
    }
    for (const at of [0, 1, 0] as const)
      assert.equal((await post(body, { at, headers: both })).status, 200)
    assert.equal((await world.entries(TENANT, 'intake')).length, before + 1)
  })

  it('of a kind that is not described leave nothing, until a version describes it', async () => {
    const body = () => event('device.retired', { serial: 'SYN-3', state: 'retired' })
    assert.equal((await post(body())).status, 200)
    assert.equal(await kept('SYN-3'), undefined)
    const now = acmeThreat('https://api.acme.example.org')
    const { types } = now.events as { types: unknown[] }
    const more = {
      type: 'device.retired',
      shape: { serial: 'device.serialNumber', state: 'device.partnerReportedThreatState' },
      subject: 'device.serialNumber',
    }
    const stored = await world.describe({ ...now, events: { types: [...types, more] } })
    assert.ok(!isRefusal(stored) && stored.version === 2)
    assert.equal((await post(body())).status, 200)
    assert.equal((await kept('SYN-3'))?.['device.partnerReportedThreatState'], 'retired')
  })

  it('that are none are told so, and what no database can hold is no value', async () => {
    for (const body of [
      '',
      '[]',
      'null',
      '{}',
      '{"type":"device.threat"}',
      '{"type":"device.threat","timestamp":"soon"}',
    ])
      assert.equal((await post(body)).status, 400, body)
    const odd = event('device.threat', { serial: 'SYN-4', threat: 'a\0b', model: '\ud800' })
    assert.equal((await post(odd)).status, 200)
    assert.deepEqual(await kept('SYN-4'), { 'device.serialNumber': 'SYN-4' })
  })
})
