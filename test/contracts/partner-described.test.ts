import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { PARTNER_ACCESS, type PartnerExchange, itemsSent } from '#catalog/read-partner.ts'
import { type CheckedAgainst, checkPartner } from '#catalog/check-partner.ts'
import { DERIVED } from '#catalog/partner-derived.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { type Shape, itemsOf, object } from '#catalog/shape.ts'
import { additionsOf, liveCatalog } from '#catalog/with-partners.ts'
import { partnerConnector } from '#connectors/partner/client.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { compileProjection } from '#minimisation/compile.ts'
import { makePlan } from '#minimisation/plan.ts'
import { admitResponse } from '#sharing/admit-response.ts'
import type { OpenGate } from '#sharing/gate.ts'
import { projectRequest } from '#sharing/project-request.ts'
import { problemsOf } from './connector.ts'

const AGAINST: CheckedAgainst = {
  catalog: shippedCatalog,
  others: [],
  taken: new Set(),
  allowLoopback: false,
}
const SEED = 4_230
const WHOLE = new Set(Object.values(DERIVED).map(({ from }) => from))
const ITEMS = [...shippedCatalog.items.values()]
  .filter((item) => item.need !== 'never' && !item.secret && item.class !== 'credential')
  .map(({ id }) => id)
  .filter((id) => !WHOLE.has(id))

type Written = string | { item: string; type?: string } | [Written] | { [member: string]: Written }

const item = fc.constantFrom(...ITEMS)
const member = fc
  .stringMatching(/^[A-Za-z][A-Za-z0-9_.-]{0,11}$/)
  .filter((name) => !(name in Object.prototype) && name !== 'item')
const { shape } = fc.letrec<{ shape: Written }>((tie) => ({
  shape: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    item,
    fc.record({ item, type: fc.constantFrom('string', 'number', 'boolean') }),
    fc.tuple(tie('shape')),
    fc.dictionary(member, tie('shape'), { minKeys: 1, maxKeys: 4 }),
  ),
}))
const body = fc.dictionary(member, shape, { minKeys: 1, maxKeys: 5 })

/** Any party that somebody could describe: some calls, with paths, queries and bodies of any shape. */
const description = fc
  .record({
    calls: fc.array(
      fc.record({
        parameter: fc.option(item, { nil: undefined }),
        query: fc.dictionary(member, item, { maxKeys: 3 }),
        request: body,
        response: fc.option(body, { nil: undefined }),
        idempotent: fc.boolean(),
        permanent: fc.boolean(),
      }),
      { minLength: 1, maxLength: 3 },
    ),
    purpose: fc.constantFrom('threat-protection', 'compliance-check', 'device-management'),
  })
  .map(({ calls, purpose }) => ({
    id: 'generated',
    kind: 'other',
    party: { id: 'generated', name: 'Generated', region: 'EU', standing: 'thirdParty' },
    flows: [{ feature: 'generated', title: 'Generated', service: 'Any', purpose }],
    hosts: ['https://generated.example.org'],
    auth: { kind: 'standardWebhooks' },
    exchanges: calls.map(({ parameter, ...call }, i) => ({
      ...call,
      id: `call${i}`,
      method: 'POST',
      path: parameter === undefined ? `/call${i}` : `/call${i}/{of=*}`,
      ...(parameter === undefined ? {} : { parameters: { of: parameter } }),
    })),
    source: 'Made up.',
  }))

/** A body that fits the shape, or nearly; every text in it is a canary of its own. */
function fill(written: Written, canary: () => string, odd: () => boolean): unknown {
  const extra = (): Record<string, unknown> => (odd() ? { [`${canary()}-name`]: canary() } : {})
  if (odd()) return { [canary()]: [canary()] }
  if (typeof written === 'string') return canary()
  if (isLeaf(written))
    return written.type === 'number' ? 7 : written.type === 'boolean' ? true : canary()
  if (Array.isArray(written)) return [0, 1].map(() => fill(written[0] as Written, canary, odd))
  return {
    ...extra(),
    ...Object.fromEntries(
      Object.entries(written).map(([name, part]) => [name, fill(part, canary, odd)]),
    ),
  }
}

function isLeaf(written: Written): written is { item: string; type?: string } {
  return (
    typeof written === 'object' &&
    !Array.isArray(written) &&
    typeof written.item === 'string' &&
    Object.keys(written).every((name) => name === 'item' || name === 'type')
  )
}

/** The judge: which canaries of the body stand where an item is described that may pass. Knows nothing of the product. */
function allowed(written: Written, value: unknown, mayPass: ReadonlySet<string>): string[] {
  if (typeof written === 'string' || isLeaf(written)) {
    const [id, type] =
      typeof written === 'string' ? [written, 'string'] : [written.item, written.type ?? 'string']
    return type === 'string' && typeof value === 'string' && mayPass.has(id) ? [value] : []
  }
  if (
    typeof value !== 'object' ||
    value === null ||
    Array.isArray(written) !== Array.isArray(value)
  )
    return []
  if (Array.isArray(written))
    return (value as unknown[]).flatMap((one) => allowed(written[0] as Written, one, mayPass))
  return Object.entries(written).flatMap(([name, part]) =>
    Object.hasOwn(value, name)
      ? allowed(part, (value as Record<string, unknown>)[name], mayPass)
      : [],
  )
}

const canariesIn = (text: string): string[] => [...text.matchAll(/canary\d+x/g)].map(([one]) => one)

/** A gate of which exactly these items may pass, exactly. */
function gateOf(exchange: PartnerExchange, mayPass: ReadonlySet<string>): OpenGate {
  const keys = { pseudonymKey: Buffer.alloc(32, 1) }
  const planOf = (items: readonly string[], door: 'in' | 'out') =>
    makePlan({
      door,
      tenantId: 't',
      flow: door === 'out' ? exchange.outbound : exchange.inbound,
      recipient: 'generated',
      purpose: exchange.purpose,
      manifestHash: '',
      items: [...new Set(items)].map((id) => ({
        item: id,
        precision: mayPass.has(id) ? ('exact' as const) : ('withheld' as const),
        reason: mayPass.has(id) ? ('permitted' as const) : ('consent_missing' as const),
        policies: [],
      })),
    })
  const outbound = planOf(itemsSent(exchange), 'out')
  const inbound = planOf(exchange.response ? itemsOf(exchange.response) : [], 'in')
  const compile = (of: typeof outbound, one: Shape | undefined) =>
    one && compileProjection(of, one, keys)
  return {
    exchange,
    outbound,
    inbound,
    body: compile(outbound, exchange.request),
    query: compileProjection(outbound, object(exchange.query), keys),
    path: compile(outbound, exchange.parameters && object(exchange.parameters)),
    response: compile(inbound, exchange.response),
    connector: { errorForm: undefined },
  } as unknown as OpenGate
}

type Project = typeof projectRequest

/** What the first `runs` generated descriptions do that they must not. */
function mistakes(project: Project, runs: number): string[] {
  const found: string[] = []
  const property = fc.property(
    description,
    fc.array(fc.nat({ max: 5 }), { minLength: 8, maxLength: 40 }),
    fc.infiniteStream(fc.nat({ max: 9 })),
    (written, picks, chance) => {
      const read = checkPartner(written, AGAINST)
      if (isRefusal(read)) {
        found.push(`refused: ${JSON.stringify([read, written])}`)
        return
      }
      const live = liveCatalog(shippedCatalog)
      live.replace(additionsOf(shippedCatalog, [read]))
      const connector = partnerConnector(
        () => read,
        () => 0,
      )
      found.push(...problemsOf(connector.exchanges, live.catalog))
      let serial = 0
      const canary = (): string => `canary${serial++}x`
      const odd = (): boolean => chance.next().value === 0
      for (const [i, exchange] of read.exchanges.entries()) {
        const call = written.exchanges[i] ?? assert.fail()
        const all = [
          ...itemsSent(exchange),
          ...(exchange.response ? itemsOf(exchange.response) : []),
        ]
        const mayPass = new Set([
          PARTNER_ACCESS,
          ...all.filter((_, at) => picks[at % picks.length] !== 0),
        ])
        const gate = gateOf(exchange, mayPass)
        const request = fill(call.request as Written, canary, odd)
        const query = Object.fromEntries(
          [...Object.keys(call.query), `${canary()}q`].map((name) => [name, canary()]),
        )
        const parameters = exchange.parameters ? { of: canary() } : undefined
        const payload = project(gate, {
          method: 'POST',
          query: new URLSearchParams(query),
          body: Buffer.from(JSON.stringify(request)),
          ...(parameters ? { parameters } : {}),
        })
        const expected = [
          ...allowed(call.request as Written, request, mayPass),
          ...allowed(call.query as Written, query, mayPass),
          ...(parameters
            ? allowed((call as { parameters?: Written }).parameters ?? {}, parameters, mayPass)
            : []),
        ]
        if (isRefusal(payload)) {
          // The outermost value was none, or the path was not to pass: then there is no call at all.
          const named = (call as { parameters?: { of: string } }).parameters?.of
          const none = (named !== undefined && !mayPass.has(named)) || typeof request !== 'object'
          if (!none) found.push(`no call: ${payload.refused}`)
        } else {
          const came = canariesIn(`${payload.request.target} ${payload.request.body}`)
          const wrong = [
            ...came.filter((one) => !expected.includes(one)),
            ...expected.filter((one) => !came.includes(one)),
          ]
          if (wrong.length > 0)
            found.push(`out: ${wrong.join()} of ${JSON.stringify([call, request])}`)
        }
        if (call.response === undefined) continue
        const answer = fill(call.response as Written, canary, odd)
        const admitted = admitResponse(gate, {
          status: 200,
          headers: { 'x-name': canary() },
          body: Buffer.from(JSON.stringify(answer)),
        })
        const came = canariesIn(
          JSON.stringify([admitted.response.headers, admitted.response.body.toString()]),
        )
        const may = allowed(call.response as Written, answer, mayPass)
        if (came.some((one) => !may.includes(one)) || may.some((one) => !came.includes(one)))
          found.push(`in: ${JSON.stringify([call.response, answer])}`)
      }
    },
  )
  fc.assert(property, { seed: SEED, numRuns: runs })
  return found
}

describe('any party that can be described', () => {
  it('P1 gets what is described and may pass, whole, and nothing else; and so does what comes back', () => {
    assert.deepEqual(mistakes(projectRequest, 400).slice(0, 3), [])
  })

  it('would notice a body that is handed on as it came, a query that is, and one that loses something', () => {
    const twins: Record<string, Project> = {
      'hands the body on': (gate, call) => {
        const made = projectRequest(gate, call)
        return isRefusal(made)
          ? made
          : { ...made, request: { ...made.request, body: call.body?.toString() } }
      },
      'hands the query on': (gate, call) => {
        const made = projectRequest(gate, call)
        return isRefusal(made)
          ? made
          : {
              ...made,
              request: {
                ...made.request,
                target: `${made.request.target}?${call.query.toString()}`,
              },
            }
      },
      'loses the body': (gate, call) => {
        const made = projectRequest(gate, call)
        return isRefusal(made) ? made : { ...made, request: { ...made.request, body: '{}' } }
      },
    }
    for (const [name, twin] of Object.entries(twins))
      assert.notDeepEqual(mistakes(twin, 20), [], name)
  })
})
