import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Catalog, ItemId } from '#catalog/catalog.ts'
import { manifestOf } from '#catalog/manifest.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { itemsOf } from '#catalog/shape.ts'
import { REFUSALS, type RefusalCode, refuse } from '#foundation/refusal.ts'
import {
  type Connector,
  type Exchange,
  type IncomingResponse,
  type PartyCall,
  type Transport,
  TransportFault,
  type TransportRequest,
} from '#sharing/exchange.ts'
import { PLAIN_ERRORS } from '#sharing/error-form.ts'
import { hasParameters, pathMatcher } from '#sharing/path-template.ts'

/** A connector, and what it needs to make calls without a party: the session it would have by then. */
export interface ConnectorUnderTest {
  readonly connector: Connector
  readonly credentials: Readonly<Record<string, string>>
  /** Names of the credentials that must never leave in any form; the others may, where the protocol presents them. */
  readonly neverSent: readonly string[]
  readonly session: string
  /** For a party that is not spoken to over HTTP/1.1: the same connector, its calls led to the scene that is played. */
  readonly over?: (transport: Transport) => Connector
  /** Target and body of its calls, where the template with `x` for every parameter, and an empty object, are none. */
  readonly call?: { readonly target: string; readonly body: string }
  /** With the party's flows in it; the shipped one where left out. */
  readonly catalog?: Catalog
}

/** Everything about a connector's exchanges that its reader would have to take on trust. */
export function problemsOf(exchanges: readonly Exchange[], catalog: Catalog): string[] {
  const problems: string[] = []
  const ids = new Set<string>()
  const places = new Set<string>()
  for (const exchange of exchanges) {
    const say = (what: string) => problems.push(`${exchange.id}: ${what}`)
    if (ids.has(exchange.id)) say('is there twice')
    ids.add(exchange.id)
    for (const method of exchange.methods) {
      const place = `${method} ${exchange.path}`
      if (places.has(place)) say(`${place} is taken`)
      places.add(place)
      if (method === 'GET' && !exchange.idempotent) say('reads and is not idempotent')
    }
    const { sent, answered } = itemsBothWays(exchange)
    const outbound = new Set(manifestOf(catalog, exchange.outbound).items)
    const inbound = new Set(manifestOf(catalog, exchange.inbound).items)
    for (const item of sent) if (!outbound.has(item)) say(`sends ${item}, which is not in its flow`)
    for (const item of answered)
      if (!inbound.has(item)) say(`answers ${item}, which is not in its flow`)
    for (const item of [...sent, ...answered])
      if (!catalog.items.has(item)) say(`carries ${item}, which is not in the catalog`)
    for (const item of exchange.essential)
      if (!sent.includes(item)) say(`needs ${item}, which it does not send`)
    if (!catalog.flows.get(exchange.outbound)?.purposes.includes(exchange.purpose))
      say('has a purpose that its flow does not declare')
    const named = [...exchange.path.matchAll(/\{(\w+)=/g)].map(([, name]) => name)
    if (String(named.toSorted()) !== String(Object.keys(exchange.parameters ?? {}).toSorted()))
      say('has another path than parameters')
    for (const code of Object.values(exchange.errors).flat())
      if (!/^[A-Z][A-Za-z0-9_]*$/.test(code)) say(`documents ${code}, which is no code`)
  }
  return problems
}

function itemsBothWays(exchange: Exchange): {
  sent: readonly ItemId[]
  answered: readonly ItemId[]
} {
  return {
    sent: [
      ...exchange.carries,
      ...Object.values(exchange.parameters ?? {}).flatMap(itemsOf),
      ...Object.values(exchange.query).flatMap(itemsOf),
      ...(exchange.request ? itemsOf(exchange.request) : []),
    ],
    answered: exchange.response ? itemsOf(exchange.response) : [],
  }
}

/** What every connector promises, whatever its party's protocol. */
export function connectorContract({
  connector,
  credentials,
  neverSent,
  session,
  over,
  call: example,
  catalog = shippedCatalog,
}: ConnectorUnderTest): void {
  describe(`contract of the connector ${connector.id}`, () => {
    const form = connector.errorForm ?? PLAIN_ERRORS
    const oneTime = connector.exchanges.find((exchange) => !exchange.idempotent)
    /** Where all of a party's calls may be repeated, one of them stands for a single call. */
    const once = oneTime ?? connector.exchanges[0] ?? assert.fail()
    const again = connector.exchanges.find((exchange) => exchange.idempotent) ?? assert.fail()
    /** Makes a call whose transport plays these scenes, the last of them for ever. */
    const play = async (exchange: Exchange, ...scenes: (IncomingResponse | TransportFault)[]) => {
      const asked: TransportRequest[] = []
      const call: PartyCall = {
        origin: 'https://party.example.org',
        credentials,
        request: {
          exchange,
          method: exchange.methods[0] ?? 'GET',
          target:
            example?.target ??
            exchange.path.replace(/\{\w+=([^}]+)\}/g, (_, pattern: string) =>
              pattern.replaceAll('*', 'x'),
            ),
          body: exchange.request ? (example?.body ?? '{}') : undefined,
        },
        session: { get: async () => session, replace: async () => {} },
        transport: async (request) => {
          asked.push(request)
          const scene = scenes[Math.min(asked.length, scenes.length) - 1] ?? assert.fail()
          if (scene instanceof TransportFault) throw scene
          return scene
        },
      }
      const speaking = over?.(call.transport) ?? connector
      return { result: await speaking.send(call), asked }
    }
    const answer = (status: number, text = '{}'): IncomingResponse => ({
      status,
      headers: {},
      body: Buffer.from(text),
    })

    it('P1 P4 classifies every place in and out, in the flow that its admin consents to', () => {
      assert.deepEqual(problemsOf(connector.exchanges, catalog), [])
      assert.equal(catalog.parties.has(connector.party), true)
    })

    it('finds each exchange by its path, and no path belongs to two', () => {
      for (const exchange of connector.exchanges.filter((one) => hasParameters(one.path))) {
        const example = exchange.path.replace(/\{\w+=([^}]+)\}/g, (_, pattern: string) =>
          pattern.replaceAll('*', 'x'),
        )
        const others = connector.exchanges.filter(
          (one) =>
            one.methods.some((method) => exchange.methods.includes(method)) &&
            pathMatcher(one.path)(example),
        )
        assert.deepEqual(
          others.map((one) => one.id),
          [exchange.id],
        )
      }
    })

    it('says no in the party’s form for every reason, and names nothing of the call', () => {
      for (const code of Object.keys(REFUSALS) as RefusalCode[]) {
        const { status, headers, body } = connector.refusalResponse(
          refuse(code, { device: 'canary-1' }),
        )
        assert.ok(status >= 400 && status < 600, code)
        assert.equal(headers['sluss-refusal'], code)
        assert.ok(!body.includes('canary-1') && !JSON.stringify(headers).includes('canary-1'), code)
      }
      assert.equal(connector.refusalResponse(refuse('client_unauthenticated')).status, 401)
      assert.equal(connector.refusalResponse(refuse('evidence_unavailable')).status, 503)
    })

    it('P1 reads from an error only a documented code, and writes nothing else', () => {
      const { type, body } = form.render(404, 'SOME_CODE')
      assert.match(type, /^(text\/plain|application\/json)/)
      assert.equal(form.codeOf(body, ['OTHER', 'SOME_CODE']), 'SOME_CODE')
      assert.equal(form.codeOf(body, ['OTHER']), undefined)
      for (const text of [
        '',
        'null',
        '[]',
        '{"error":"canary"}',
        '{"error":{"status":["SOME_CODE"]}}x',
      ])
        assert.equal(form.codeOf(Buffer.from(text), ['OTHER']), undefined)
    })

    it('P3 classes the outcome by what is certain', async () => {
      const { result, asked } = await play(once, answer(200))
      assert.deepEqual([result.outcome, result.attempts, asked.length], ['delivered', 1, 1])
      for (const status of [400, 404, 409, 429, 500])
        assert.equal((await play(once, answer(status))).result.outcome, 'rejected', String(status))
      for (const code of ['timeout', 'closed_early', 'response_malformed'] as const)
        assert.equal((await play(once, new TransportFault(code, true))).result.outcome, 'unknown')
      const { result: unsent } = await play(once, new TransportFault('connect_failed', false))
      assert.deepEqual(
        [unsent.outcome, 'code' in unsent && unsent.code],
        ['unsent', 'connect_failed'],
      )
    })

    it('P3 never makes a change twice unless it is certain that the first was not taken', async (test) => {
      if (!oneTime) return test.skip('every call of this party may be repeated')
      for (const scene of [
        answer(500),
        answer(503),
        answer(429),
        new TransportFault('closed_early', true),
      ])
        assert.equal((await play(once, scene)).asked.length, 1)
    })

    it('gives up on a party that always fails, also for what may be repeated', async () => {
      for (const scene of [answer(401), answer(503), new TransportFault('closed_early', true)])
        assert.ok((await play(again, scene)).asked.length <= 4)
    })

    it('lets no secret leave but where the protocol presents it, and none come back in a result', async () => {
      const secrets = neverSent.map((name) => credentials[name] ?? assert.fail(name))
      for (const scene of [
        answer(200),
        answer(401),
        answer(403),
        new TransportFault('closed_early', true),
      ]) {
        const { result, asked } = await play(again, scene)
        const told = JSON.stringify([asked, result])
        for (const secret of secrets)
          assert.ok(!told.includes(secret) && !told.includes(JSON.stringify(secret).slice(1, -1)))
        assert.ok(!JSON.stringify(result).includes(session))
      }
    })
  })
}
