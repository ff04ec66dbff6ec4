import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { COMPUTER_FIELDS, EVENT_FIELDS, MOBILE_FIELDS } from '#catalog/jamf-fields.ts'
import { jamfProRows } from '#catalog/flows/jamf-pro-rows.ts'
import { jamfItemOf } from '#catalog/jamf-shapes.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { systemClock } from '#foundation/clock.ts'
import { isRefusal } from '#foundation/refusal.ts'
import type { PartyCall, SessionStore } from '#sharing/exchange.ts'
import { type SandboxJamf, startSandboxJamf } from '../../../sandbox/jamf/server.ts'
import { computerEvent, mobileDeviceEvent, webhookBody } from '../../../sandbox/jamf/webhooks.ts'
import { createTransport } from '../transport.ts'
import { jamfPro, readCredentialsFile } from './client.ts'
import { EXCHANGES, HISTORIC_EXCHANGES } from './exchanges.ts'
import { COMPLIANCE, HISTORIC } from './profile.ts'
import { type AskPage, inventoriesOf, inventoryBatches } from './source.ts'
import { jamfWebhooks } from './webhooks.ts'

interface Facts {
  jamf_pro: {
    endpoints: string[]
    computerSections: Record<string, string[]>
    minimalForCompliance: string[]
    mobileSections: string[]
  }
  webhooks_in: {
    jamf: { computerEvent: string[]; mobileDeviceEvent: string[]; events: Record<string, string> }
  }
}
const facts: Facts = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../../test/facts/jamf-pro.json'), 'utf8'),
)
const camel = (name: string): string =>
  name.toLowerCase().replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())

describe('fields of Jamf Pro', () => {
  it('P4 every field and section of the facts is classified, and each item is in the catalog', () => {
    const paths = Object.keys(COMPUTER_FIELDS).map((path) => path.replaceAll('[]', ''))
    const { others = [], ...sections } = facts.jamf_pro.computerSections
    for (const [section, fields] of Object.entries(sections))
      for (const field of fields) {
        const path = `${camel(section)}.${field}`
        assert.ok(
          paths.some((known) => known === path || known.startsWith(`${path}.`)),
          path,
        )
      }
    const tops = new Set(paths.map((path) => path.split('.')[0]))
    for (const section of others)
      if (section !== 'ALL') assert.ok(tops.has(camel(section)), section)
    const mobile = new Set(Object.keys(MOBILE_FIELDS).map((path) => path.split('.')[0]))
    for (const section of facts.jamf_pro.mobileSections)
      assert.ok(mobile.has(camel(section)), section)
    for (const fields of [COMPUTER_FIELDS, MOBILE_FIELDS, ...Object.values(EVENT_FIELDS)])
      for (const what of Object.values(fields))
        assert.ok(shippedCatalog.items.has(jamfItemOf(what)), what)
  })

  it('P4 every event of the facts is known, and every field of it classified', () => {
    const { computerEvent: computer, mobileDeviceEvent: mobile, events } = facts.webhooks_in.jamf
    const known = (name: string) => EVENT_FIELDS[name.toLowerCase()] ?? assert.fail(name)
    for (const [names, content] of Object.entries(events)) {
      const all = names.startsWith('SmartGroup')
        ? ['SmartGroupComputerMembershipChange', 'SmartGroupMobileDeviceMembershipChange']
        : names
            .split(/[|/]/)
            .map((name) =>
              /^(Enrolled|UnEnrolled|PushSent)$/.test(name) && names.startsWith('Mobile')
                ? `MobileDevice${name}`
                : name,
            )
      for (const name of all) {
        const fields = Object.keys(known(name))
        const wanted = /^computerEvent/.test(content)
          ? computer
          : /^mobile/.test(content)
            ? mobile
            : content
                .slice(1, -1)
                .split(',')
                .map((field) => field.split(':')[0] ?? '')
        for (const field of wanted)
          assert.ok(
            fields.some((path) => path === field || path.startsWith(`${field}.`)),
            `${name} ${field}`,
          )
      }
    }
    for (const field of computer) assert.ok(`computer.${field}` in known('ComputerCheckIn'), field)
  })

  it('the default profile is what the facts call minimal, and brings nothing of a person', () => {
    assert.deepEqual([...COMPLIANCE.computerSections.keys()].toSorted(), [
      'DISK_ENCRYPTION',
      'HARDWARE',
      'OPERATING_SYSTEM',
      'SECURITY',
    ]) // prettier-ignore
    assert.deepEqual(COMPLIANCE.computerSections.get('HARDWARE'), ['device.serialNumber'])
    for (const field of facts.jamf_pro.computerSections.SECURITY ?? [])
      assert.ok(COMPLIANCE.items.has(jamfItemOf(COMPUTER_FIELDS[`security.${field}`] ?? '')), field)
    for (const id of COMPLIANCE.items) {
      const item = shippedCatalog.items.get(id) ?? assert.fail(id)
      assert.ok(item.class !== 'person' && !item.secret, id)
      if (item.personal) assert.ok(['device.serialNumber', 'device.jamfId'].includes(id), id)
    }
  })

  it('the old profile is the forty historic rows; one of them has no field to come from', () => {
    const rows = new Set(jamfProRows.map((row) => row.flowItem.item))
    assert.equal(jamfProRows.length, 40)
    assert.deepEqual(HISTORIC.items, rows)
    assert.ok(jamfProRows.every((row) => row.flowItem.status === 'historic'))
    const told = new Set(Object.values(COMPUTER_FIELDS).map(jamfItemOf))
    assert.deepEqual(
      [...rows].filter((item) => !told.has(item)),
      ['device.jamfInventoryState'],
    )
  })

  it('has an exchange for every endpoint of the facts, and names those that it has from elsewhere', () => {
    const own = new Set(EXCHANGES.map((one) => `${one.methods[0]} ${one.path.replace('=*', '')}`))
    for (const endpoint of facts.jamf_pro.endpoints) assert.ok(own.has(endpoint), endpoint)
    for (const { methods, path, source } of [...EXCHANGES, ...HISTORIC_EXCHANGES])
      assert.equal(
        facts.jamf_pro.endpoints.includes(`${methods[0]} ${path.replace('=*', '')}`),
        source === 'jamf_pro',
        path,
      )
  })
})

describe('client of Jamf Pro', () => {
  let jamf: SandboxJamf
  let seconds = 1_900_000_000
  const transport = createTransport(systemClock, { headersMs: 400, bodyMs: 400, connectMs: 400 })
  const connector = jamfPro(() => seconds)
  const list = EXCHANGES.find((one) => one.id === 'jamf.computers') ?? assert.fail()
  const order = EXCHANGES.find((one) => one.id === 'jamf.sendCommand') ?? assert.fail()
  before(async () => {
    jamf = await startSandboxJamf({ now: () => seconds * 1_000, tokenLifeInSeconds: 60 })
  })
  after(async () => {
    await transport.close()
    await jamf.stop()
  })

  /** A store as all nodes of an installation share it; `node()` is what one of them has in memory of it. */
  const shared = () => {
    let kept: string | undefined
    return {
      node: (): SessionStore => {
        let known: string | undefined
        return {
          get: async () => (known ??= kept),
          replace: async (previous, next) => {
            if (kept === previous || kept === undefined) kept = next
            known = kept
          },
        }
      },
    }
  }
  const call = (
    session: SessionStore,
    exchange = list,
    credentials: Record<string, string> = { ...jamf.client },
  ): PartyCall => ({
    origin: jamf.origin,
    credentials,
    request: {
      exchange,
      method: exchange.methods[0] ?? 'GET',
      target: exchange.path,
      body: exchange.request
        ? '{"clientData":[{"managementId":"m"}],"commandData":{"commandType":"SECURITY_INFO"}}'
        : undefined,
    },
    session,
    transport: transport.send,
  })
  const asked = () => jamf.received.filter((one) => /token$/.test(one.target)).length
  const statusOf = (result: Awaited<ReturnType<typeof connector.send>>) =>
    'response' in result ? result.response.status : result.code

  it('gets one token for calls at the same time, and a new one before it ends', async () => {
    const session = shared().node()
    const before = asked()
    const results = await Promise.all(
      Array.from({ length: 20 }, () => connector.send(call(session))),
    )
    assert.deepEqual(new Set(results.map(statusOf)), new Set([200]))
    assert.equal(asked() - before, 1)
    seconds += 44
    await connector.send(call(session))
    assert.equal(asked() - before, 1)
    seconds += 2
    assert.equal(statusOf(await connector.send(call(session))), 200)
    assert.equal(asked() - before, 2)
  })

  it('nodes take over each other’s token: none asks again for what another has just got', async () => {
    const store = shared()
    const nodes = Array.from({ length: 6 }, () => store.node())
    for (const node of nodes) await connector.send(call(node))
    const before = asked()
    jamf.endTokens()
    for (const node of nodes) assert.equal(statusOf(await connector.send(call(node))), 200)
    assert.equal(asked() - before, 1)
    seconds += 50
    for (const node of nodes) assert.equal(statusOf(await connector.send(call(node))), 200)
    assert.equal(asked() - before, 2)
  })

  it('P3 after an answer 401 it makes the call once more, and no more', async () => {
    const session = shared().node()
    const times = () => jamf.received.filter((one) => one.target === order.path).length
    const answer = { kind: 'answer', answer: { status: 401, body: {} } } as const
    jamf.inject(order.path, answer)
    const before = times()
    assert.equal(statusOf(await connector.send(call(session, order))), 201)
    assert.equal(times() - before, 2)
    jamf.inject(order.path, answer, answer, answer)
    assert.equal(statusOf(await connector.send(call(session, order))), 401)
    assert.equal(times() - before, 4)
    jamf.inject(order.path)
  })

  it('a token of credentials that were replaced is not used on', async () => {
    const session = shared().node()
    await connector.send(call(session))
    const result = await connector.send(
      call(session, list, { ...jamf.client, client_secret: 'other' }),
    )
    assert.equal(statusOf(result), 401)
  })

  it('with an account instead of an API client it reads, and changes nothing', async () => {
    const session = shared().node()
    assert.equal(statusOf(await connector.send(call(session, list, { ...jamf.account }))), 200)
    const before = jamf.received.length
    assert.equal(statusOf(await connector.send(call(session, order, { ...jamf.account }))), 403)
    assert.equal(jamf.received.length, before)
  })

  it('a revoked client is told from a server that has no token just now', async () => {
    jamf.inject('/api/oauth/token', { kind: 'answer', answer: { status: 503 } })
    assert.equal(statusOf(await connector.send(call(shared().node()))), 503)
    jamf.inject('/api/oauth/token', { kind: 'malformed' })
    assert.equal(statusOf(await connector.send(call(shared().node()))), 503)
    jamf.revokeClient()
    assert.equal(statusOf(await connector.send(call(shared().node()))), 401)
  })

  it('reads a file with credentials, and quotes nothing of what is none', () => {
    const read = (text: string) => readCredentialsFile(Buffer.from(text))
    assert.deepEqual(read('{"client_id":"a","client_secret":"b","more":1}'), {
      client_id: 'a',
      client_secret: 'b',
    })
    assert.deepEqual(read('{"username":"a","password":"b"}'), { username: 'a', password: 'b' })
    for (const text of [
      '',
      '[]',
      'secret-canary',
      '{"client_id":"secret-canary"}',
      '{"client_id":1,"client_secret":"secret-canary"}',
    ]) {
      const refused = read(text)
      assert.ok(isRefusal(refused) && !JSON.stringify(refused).includes('canary'), text)
    }
  })
})

describe('inventory of Jamf Pro', () => {
  const lists = inventoriesOf('jamf-pro')
  /** A server with these ids, asked as `inventoryBatches` asks. */
  const serverOf = (ids: number[], onAsk: (times: number) => void = () => {}): AskPage => {
    let times = 0
    return async (id, query) => {
      onAsk(times++)
      const name = id === 'jamf.computers' ? 'id' : 'mobileDeviceId'
      const after = Number(/>(\d+)$/.exec(query.get('filter') ?? '')?.[1])
      const found = name === 'id' ? ids.filter((one) => one > after) : []
      const rows = found.slice(0, Number(query.get('page-size')))
      const results = rows.map((one) => ({
        [name]: String(one),
        hardware: { serialNumber: `S${one}` },
      }))
      return { page: { totalCount: found.length, results } }
    }
  }
  const walk = async (ask: AskPage, from?: string) => {
    const serials: unknown[] = []
    let at: string | undefined
    for await (const { records, next } of inventoryBatches(ask, lists, from)) {
      serials.push(...records.map((record) => record['hardware.serialNumber']))
      at = next
    }
    return { serials, at }
  }
  const many = Array.from({ length: 1_234 }, (_, i) => i + 1)

  it('walks through every page, and begins anew after the last', async () => {
    const { serials, at } = await walk(serverOf(many))
    assert.deepEqual(
      serials,
      many.map((id) => `S${id}`),
    )
    assert.equal(at, undefined)
  })

  it('ended anywhere it goes on there: nothing is lost and nothing twice', async () => {
    const seen: unknown[] = []
    let from: string | undefined
    for (let run = 0; run < 20; run++) {
      const batches = inventoryBatches(serverOf(many), lists, from)
      const { value, done } = await batches.next()
      await batches.return(undefined)
      if (done || !value) break
      seen.push(...value.records.map((record) => record['hardware.serialNumber']))
      from = value.next
      if (from === undefined) break
    }
    assert.deepEqual(
      seen,
      many.map((id) => `S${id}`),
    )
  })

  it('what comes and goes meanwhile moves nothing else past it', async () => {
    const ids = [...many]
    const { serials } = await walk(
      serverOf(ids, (times) => {
        if (times === 1) ids.splice(0, 400)
        if (times === 2) ids.push(9_999)
      }),
    )
    assert.deepEqual(new Set(serials).size, serials.length)
    for (const id of [...many, 9_999]) assert.ok(serials.includes(`S${id}`), String(id))
  })

  it('by page numbers, as other clients walk, the same changes lose devices', async () => {
    const ids = [...many]
    const seen: number[] = []
    for (let page = 0; page < 3; page++) {
      if (page === 1) ids.splice(0, 400)
      seen.push(...ids.slice(page * 500, (page + 1) * 500))
    }
    assert.ok(many.some((id) => !seen.includes(id)))
  })

  it('asks for smaller pages when an answer does not fit, and gives up when none does', async () => {
    const sizes: number[] = []
    const ask = serverOf(many)
    const { serials } = await walk(async (id, query) => {
      const size = Number(query.get('page-size'))
      sizes.push(size)
      return size > 200 ? { tooLarge: true } : ask(id, query)
    })
    assert.equal(serials.length, many.length)
    assert.deepEqual(sizes.slice(0, 3), [500, 250, 125])
    await assert.rejects(
      walk(async () => ({ tooLarge: true })),
      /too large/,
    )
  })

  it('stops at answers that are none, in a ring, or without ids, and takes repeated and unordered rows once', async () => {
    const answer =
      (page: unknown): AskPage =>
      async () => ({ page })
    for (const page of [
      null,
      [],
      {},
      { totalCount: '1', results: [] },
      { totalCount: 1, results: {} },
    ])
      await assert.rejects(walk(answer(page)), /no list or no count/)
    await assert.rejects(walk(answer({ totalCount: 9, results: [{ id: 'x' }] })), /no id/)
    await assert.rejects(walk(answer({ totalCount: 9, results: [null] })), /no id/)
    const row = (id: number, serial: string) => ({
      id,
      mobileDeviceId: id,
      hardware: { serialNumber: serial },
    })
    await assert.rejects(
      walk(answer({ totalCount: 9, results: [row(3, 'a'), row(1, 'b')] })),
      /does not go on/,
    )
    const once = await walk(
      answer({ totalCount: 3, results: [row(3, 'a'), row(1, 'b'), row(2, 'a')] }),
    )
    assert.deepEqual(once.serials, ['a', 'b', 'a', 'b'])
  })
})

describe('webhooks of Jamf Pro', () => {
  const at = Date.parse('2030-01-01T00:00:00Z')
  const read = (body: Buffer | string) => jamfWebhooks.read(Buffer.from(body))
  const event = (...parts: Parameters<typeof webhookBody>) => {
    const came = read(webhookBody(...parts))
    return isRefusal(came) ? assert.fail(came.refused) : came
  }

  it('JSON and XML of one event are the same event, whichever webhook sent it', () => {
    for (const [name, content] of [
      ['ComputerAdded', computerEvent(7)],
      [
        'ComputerCheckIn',
        { computer: computerEvent(7), trigger: 'CLIENT_CHECKIN', username: 'a&b <c>' },
      ],
      ['MobileDeviceEnrolled', mobileDeviceEvent(7)],
      ['ComputerPolicyFinished', { computer: computerEvent(7), policyId: 3, successful: true }],
    ] as const) {
      const json = event(name, content, { at })
      const xml = event(name, content, { at, form: 'xml', webhookId: 9, webhookName: 'other' })
      assert.equal(xml.name, json.name)
      assert.equal(json.at, at)
    }
  })

  it('the name of an event overlooks case, as older pages spell it', () => {
    const content = { computer: computerEvent(1) }
    assert.equal(
      event('ComputerCheckin', content, { at }).name,
      event('ComputerCheckIn', content, { at }).name,
    )
  })

  it('P12 counts what nobody classified, and drops its name and value', () => {
    const { record } = event(
      'ComputerAdded',
      { ...computerEvent(1), 'canary.name': 'canary', canary: { x: 'canary' } },
      { at },
    )
    assert.ok(!JSON.stringify(record).includes('canary'))
    assert.equal(Object.keys(record).filter((key) => key.startsWith('? ')).length, 2)
    const unknown = event('CanaryInvented', { serialNumber: 'canary' }, { at })
    assert.deepEqual(unknown.record, { '? 0': 1 })
    assert.equal(record.jssID, undefined)
  })

  it('refuses what is no event, and every trick of XML', () => {
    const xml = (inner: string) => `<JSSEvent>${inner}</JSSEvent>`
    const head = `<webhook><webhookEvent>ComputerAdded</webhookEvent><eventTimestamp>${at}</eventTimestamp></webhook>`
    assert.ok(!isRefusal(read(xml(head))))
    for (const body of [
      '',
      'x',
      '[]',
      'null',
      '{}',
      '{"webhook":{"webhookEvent":"ComputerAdded"}}',
      '{"webhook":{"webhookEvent":"ComputerAdded","eventTimestamp":"soon"}}',
      `<!DOCTYPE x [<!ENTITY a "b">]>${xml(head)}`,
      `<?xml version="1.0"?><!DOCTYPE JSSEvent SYSTEM "file:///etc/passwd">${xml(head)}`,
      xml(head).slice(0, -3),
      `<other>${head}</other>`,
      xml(head) + xml(head).slice(0, 5),
      xml(`${head}${'<a>'.repeat(40)}${'</a>'.repeat(40)}`),
      xml(`${head}<event><room>${'x'.repeat(1_100_000)}</room></event>`),
    ]) {
      const refused = read(body)
      assert.ok(isRefusal(refused) && refused.refused === 'body_malformed', body.slice(0, 60))
    }
    const entity = event('ComputerAdded', { room: 'a&b', serialNumber: 'S' }, { at, form: 'xml' })
    assert.equal(entity.record.room, 'a&b')
    const declared = read(xml(`${head}<event><room>&canary;&#x41;</room></event>`))
    assert.ok(!isRefusal(declared) && declared.record.room === '&canary;A')
  })
})
