import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fetch } from 'undici'
import { createDecider } from '#access/create-decider.ts'
import { loadPolicies } from '#access/policies.ts'
import { listNewAgent } from '#agreements/agent.ts'
import { addMonths } from '#agreements/agent-lead-time.ts'
import { announceAgentChanges } from '#agreements/agent-notice.ts'
import { agentRefusal, withAgents } from '#agreements/agent-use.ts'
import { readAgents } from '#agreements/agent-objection.ts'
import { giveConsent } from '#agreements/consent.ts'
import { decisionFacts, validUntil } from '#agreements/decision-facts.ts'
import type { FlowFacts } from '#agreements/facts.ts'
import { planFlow } from '#agreements/plan-flow.ts'
import { readFlowFacts } from '#agreements/read-flow-facts.ts'
import { switchFeature } from '#agreements/switch-feature.ts'
import { manifestOf } from '#catalog/manifest.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { INSTALLATION } from '#database/handles.ts'
import { isRefusal } from '#foundation/refusal.ts'
import type { Plan } from '#minimisation/plan.ts'
import { ACME, type ApiWorld, BETA, startApiWorld } from './api-world.ts'

const DAY_IN_MS = 86_400_000
const FLOW = 'zebra-lifeguard-ota/outbound'
const FEATURE = 'zebra-lifeguard-ota'
const PURPOSE = 'firmware-update'
const SHARE = { purpose: PURPOSE, permanent: false, approved: false }
const categoryOf = (item: string) => shippedCatalog.items.get(item)?.category ?? ''

/** What the flow to Zebra carries, by data category. */
const ITEMS = manifestOf(shippedCatalog, FLOW).items.filter(
  (item) => shippedCatalog.items.get(item)?.need !== 'optional',
)
const CATEGORIES = [...new Set(ITEMS.map(categoryOf))].sort()
const FIRST = CATEGORIES[0] ?? ''
const SECOND = CATEGORIES[1] ?? ''

const RELAY = {
  id: 'mail-relay',
  displayName: 'Relay AB',
  corporateLocation: 'SE',
  category: 'technology',
  dataCategories: ['Admin and account information'],
  purposes: ['device-management'],
  regions: ['EU'],
  neededBy: ['notices.mail'],
}
const ZEBRA = {
  id: 'zebra',
  displayName: 'Zebra',
  corporateLocation: 'US',
  category: 'technology',
  dataCategories: [FIRST],
  purposes: [PURPOSE],
  regions: ['US'],
}

describe('agents', () => {
  let world: ApiWorld
  let decider: ReturnType<typeof createDecider>
  before(async () => {
    world = await startApiWorld()
    decider = createDecider(await loadPolicies(join(import.meta.dirname, '../../policies')))
    const { database } = world.endpointParts
    const by = { actor: 'admin:test', at: world.clock.now() }
    const { hash } = manifestOf(shippedCatalog, FLOW)
    await database.write(ACME, async (tx) => {
      await switchFeature(tx, shippedCatalog, FEATURE, true, by)
      await giveConsent(tx, shippedCatalog, { flowId: FLOW, manifestHash: hash }, by)
    })
  })
  after(() => world.stop())

  // Proof of who one is lasts five minutes, and these tests wait for months.
  const asOperator = (method: string, path: string, body?: unknown) =>
    world.call(world.person(INSTALLATION, 'all'), method, path, body)
  const asTenant = (method: string, path: string, body?: unknown, tenantId = ACME) =>
    world.call(world.person(tenantId, 'all'), method, path, body)
  const facts = () =>
    world.endpointParts.database.read(ACME, (reader) => readFlowFacts(reader, shippedCatalog, FLOW))
  const planAt = (found: FlowFacts, now: number): Plan =>
    planFlow({ catalog: shippedCatalog, decider }, found, SHARE, ITEMS, now)
  const reasons = (plan: Plan) =>
    Object.fromEntries(plan.items.map(({ item, reason }) => [categoryOf(item), reason]))

  let listedAt = 0
  let over = 0

  it('P2 an agent on the list gets nothing until its lead time is over, and then only what it is listed for', async () => {
    assert.ok(CATEGORIES.length >= 2, 'the flow is of one category only')
    listedAt = world.clock.now()
    const made = await asOperator('POST', '/operator/agents', ZEBRA)
    assert.equal(made.status, 201, made.text)
    over = addMonths(listedAt, 6)
    assert.equal(made.body.firstUseDateTime, new Date(over).toISOString())
    const found = await facts()
    assert.equal(validUntil(found, listedAt), over)
    for (const reason of Object.values(reasons(planAt(found, over - 1))))
      assert.equal(reason, 'agent_lead_time')
    const open = reasons(planAt(found, over))
    assert.equal(open[FIRST], 'permitted')
    assert.equal(open[SECOND], 'agent_not_listed')
    const other = decisionFacts(found, shippedCatalog, { ...SHARE, purpose: 'x' }, over, FIRST)
    assert.equal(other.agentState, 'notListed')
    assert.equal(decisionFacts(found, shippedCatalog, SHARE, over).agentState, 'notListed')
  })

  it('P2 what is wider waits for its own lead time while the rest goes on; what is narrower counts at once', async () => {
    world.clock.set(over + DAY_IN_MS)
    const widened = await asOperator('PATCH', '/operator/agents/zebra', {
      dataCategories: [FIRST, SECOND],
    })
    assert.equal(widened.status, 200, widened.text)
    const later = addMonths(world.clock.now(), 6)
    const found = await facts()
    const soon = reasons(planAt(found, later - 1))
    assert.deepEqual([soon[FIRST], soon[SECOND]], ['permitted', 'agent_lead_time'])
    assert.equal(reasons(planAt(found, later))[SECOND], 'permitted')
    assert.equal(validUntil(found, world.clock.now()), later)

    const sooner = await asOperator('PATCH', '/operator/agents/zebra', {
      fromDateTime: new Date(world.clock.now()).toISOString(),
    })
    assert.equal(sooner.body.version, widened.body.version)
    assert.equal(validUntil(await facts(), world.clock.now()), later)

    await asOperator('PATCH', '/operator/agents/zebra', { dataCategories: [FIRST] })
    assert.equal(reasons(planAt(await facts(), later))[SECOND], 'agent_not_listed')
  })

  it('catches a gate that looks at the agent as a whole', async () => {
    const blind = { ...(await facts()) }
    const twin: FlowFacts = { ...blind, party: { ...blind.party, scope: undefined } }
    assert.equal(reasons(planAt(twin, world.clock.now()))[SECOND], 'permitted')
  })

  it('refuses terms that cannot stand on the list', async () => {
    const cases: [object, number, string][] = [
      [{ ...ZEBRA }, 409, 'agent_state'],
      [{ ...RELAY, purposes: ['marketing'] }, 403, 'purpose_forbidden'],
      [{ ...RELAY, purposes: ['no-such'] }, 403, 'purpose_undeclared'],
      [{ ...RELAY, dataCategories: ['Never collected'] }, 400, 'item_unclassified'],
      [{ ...RELAY, id: 'configuration-manager' }, 403, 'standing_none'],
      [{ ...RELAY, id: 'Not a slug' }, 400, 'body_malformed'],
      [{ ...RELAY, dataCategories: [] }, 400, 'body_malformed'],
    ]
    for (const [body, status, code] of cases) {
      const answer = await asOperator('POST', '/operator/agents', body)
      assert.equal(answer.status, status, answer.text)
      assert.equal(answer.body.error.innerError.code, code)
    }
    const none = await asOperator('PATCH', '/operator/agents/mail-relay', { category: 'ancillary' })
    assert.equal(none.status, 404)
  })

  it('a new party is a row, not code: it is listed for 30 days ahead, and may be used after them', async () => {
    const made = await asOperator('POST', '/operator/agents', RELAY)
    assert.equal(made.status, 201, made.text)
    const first = world.clock.now() + 30 * DAY_IN_MS
    assert.equal(made.body.firstUseDateTime, new Date(first).toISOString())
    const use = { categories: ['Admin and account information'], purpose: 'device-management' }
    const ask = (over: object, now: number) =>
      world.endpointParts.database.read(ACME, (reader) =>
        agentRefusal(reader, 'mail-relay', { ...use, ...over }, now),
      )
    assert.equal((await ask({}, first - 1))?.refused, 'agent_lead_time')
    assert.equal(await ask({}, first), undefined)
    assert.equal((await ask({ categories: ['People'] }, first))?.refused, 'agent_not_listed')
    assert.equal((await ask({ purpose: PURPOSE }, first))?.refused, 'agent_not_listed')
    const agents = await world.endpointParts.database.read(ACME, readAgents)
    const grown = withAgents(shippedCatalog, agents.values())
    assert.equal(grown.parties.get('mail-relay')?.standing, 'agent')
    assert.equal(grown.parties.get('zebra'), shippedCatalog.parties.get('zebra'))
  })

  it('P5 an objection is made on seeing what stops, stops the flow, and is settled with a record', async () => {
    const path = '/deviceManagement/dataSharingAgents/zebra'
    const impact = await asTenant('GET', `${path}/objectionImpact`)
    assert.deepEqual(impact.body.features, [{ id: FEATURE, isOn: true }])
    assert.deepEqual(impact.body.flowIds, [FLOW])
    const unseen = await asTenant('POST', `${path}/object`, { impactHash: '0'.repeat(64) })
    assert.deepEqual([unseen.status, unseen.body.error.innerError.code], [409, 'impact_changed'])
    const { impactHash } = impact.body
    const made = await asTenant('POST', `${path}/object`, { impactHash, reason: 'Our own words' })
    assert.deepEqual([made.status, made.body.state], [200, 'objected'], made.text)
    const again = await asTenant('POST', `${path}/object`, { impactHash })
    assert.equal(again.body.objectionDateTime, made.body.objectionDateTime)
    assert.equal(reasons(planAt(await facts(), world.clock.now()))[FIRST], 'agent_objection')
    const beta = await asTenant('GET', path, undefined, BETA)
    assert.equal(beta.body.state, 'listed')
    const other = await asTenant('POST', `${path}/settleObjection`, { outcome: 'settled' }, BETA)
    assert.equal(other.status, 409)

    const settled = await asTenant('POST', `${path}/settleObjection`, { outcome: 'withdrawn' })
    assert.deepEqual([settled.status, settled.body.state], [200, 'listed'])
    assert.equal(reasons(planAt(await facts(), world.clock.now()))[FIRST], 'permitted')
    // In the same millisecond, to be nasty.
    const second = await asTenant('POST', `${path}/object`, { impactHash })
    assert.equal(second.body.state, 'objected')
    await asTenant('POST', `${path}/settleObjection`, { outcome: 'settled' })
    const entries = await world.entries(ACME)
    const kinds = entries.map(({ kind }) => kind).filter((kind) => kind.startsWith('agent.'))
    assert.deepEqual(kinds, ['agent.objected', 'agent.settled', 'agent.objected', 'agent.settled'])
    assert.ok(!JSON.stringify(entries).includes('Our own words'))
    const rows = await world.db.ownerQuery<{ outcome: string }>(
      'select outcome from agent_objections order by objected_at',
    )
    assert.deepEqual(
      rows.map(({ outcome }) => outcome),
      ['withdrawn', 'settled'],
    )
  })

  it('subscribers get the computed difference by version and by date', async () => {
    const path = '/deviceManagement/dataSharingAgents/compare'
    const all = await asTenant('POST', path, { since: 0 })
    assert.equal(all.status, 200, all.text)
    assert.deepEqual(
      all.body.listed.map(({ id }: { id: string }) => id),
      ['mail-relay', 'zebra'],
    )
    const since = new Date(listedAt).toISOString()
    const byDate = await asTenant('POST', path, { since })
    assert.deepEqual(
      byDate.body.listed.map(({ id }: { id: string }) => id),
      ['mail-relay'],
    )
    const wider = await asTenant('POST', path, { since: 1, until: 2 })
    assert.deepEqual(
      wider.body.changed.map(({ fields }: { fields: { field: string }[] }) =>
        fields.map(({ field }) => field),
      ),
      [['dataCategories']],
    )
    const wrong = await asTenant('POST', path, { since: 'yesterday' })
    assert.equal(wrong.status, 400)
  })

  it('anybody reads the list without a sign-in, with a tag and the difference since a version or a date', async () => {
    const get = (query = '', headers: Record<string, string> = {}) =>
      fetch(`${world.url}/trust/subprocessors${query}`, { headers })
    const answer = await get()
    assert.equal(answer.status, 200)
    // oxlint-disable-next-line typescript/no-explicit-any -- a test reads of an answer what it knows is there
    const body = (await answer.json()) as any
    assert.deepEqual(
      body.value.map(({ id }: { id: string }) => id),
      ['mail-relay', 'zebra'],
    )
    assert.equal(body.log.checkpoint, '/ledger/installation/checkpoint')
    assert.equal(body.difference, undefined)
    const etag = answer.headers.get('etag') ?? ''
    assert.equal((await get('', { 'if-none-match': etag })).status, 304)
    assert.equal((await get('', { 'if-none-match': `"other", W/${etag}` })).status, 304)
    // oxlint-disable-next-line typescript/no-explicit-any -- the same
    const since = (await (await get('?since=1')).json()) as any
    assert.deepEqual(
      since.difference.listed.map(({ id }: { id: string }) => id),
      ['mail-relay'],
    )
    for (const query of [
      '?since=',
      '?since=soon',
      '?since=-1',
      '?other=1',
      '?since=99999999999999999999',
    ])
      assert.equal((await get(query)).status, 400, query)
    assert.equal((await fetch(`${world.url}/trust/subprocessors/proof/99`)).status, 404)
    assert.equal((await fetch(`${world.url}/trust/subprocessors/proof/x`)).status, 404)
    assert.ok(!JSON.stringify(body).includes('operator:'))
  })

  it('P2 an agent that ended gets nothing at once, and waits anew when it comes back', async () => {
    const now = world.clock.now()
    assert.equal(reasons(planAt(await facts(), now))[FIRST], 'permitted')
    const etag = (await fetch(`${world.url}/trust/subprocessors`)).headers.get('etag')
    const ended = await asOperator('POST', '/operator/agents/zebra/end', {})
    assert.equal(ended.status, 200, ended.text)
    // It is what it was before: a party that needs explicit permission.
    assert.equal(reasons(planAt(await facts(), now))[FIRST], 'permission_missing')
    assert.equal((await asTenant('GET', '/deviceManagement/dataSharingAgents/zebra')).status, 404)
    assert.notEqual((await fetch(`${world.url}/trust/subprocessors`)).headers.get('etag'), etag)
    await asOperator('POST', '/operator/agents', ZEBRA)
    assert.equal(reasons(planAt(await facts(), now))[FIRST], 'agent_lead_time')
    // A clock that was set back does not bring it nearer.
    const from = await world.endpointParts.database.write(INSTALLATION, (tx) =>
      listNewAgent(
        tx,
        shippedCatalog,
        {
          partyId: 'back-dated',
          terms: { ...RELAY, name: 'Back AB', category: 'ancillary' },
        },
        { actor: 'operator:test', at: now - 300 * DAY_IN_MS },
      ),
    )
    assert.ok(!isRefusal(from) && from.at === now)
  })

  it('P9 each tenant is told once of what changed, and a stop halfway loses and repeats nothing', async () => {
    const { database } = world.endpointParts
    const told: string[] = []
    let fail = true
    const tell = async (tx: { tenantId: string }) => {
      if (fail && tx.tenantId === BETA) throw new Error('stopped on purpose')
      told.push(tx.tenantId)
    }
    await assert.rejects(announceAgentChanges({ database, tell }))
    fail = false
    await announceAgentChanges({ database, tell })
    assert.deepEqual(told, [ACME, BETA])
    assert.equal(await announceAgentChanges({ database, tell }), 0)
    await asOperator('PATCH', '/operator/agents/mail-relay', { corporateLocation: 'IE' })
    const fields: string[] = []
    const count = await announceAgentChanges({
      database,
      tell: async (_, { difference }) => {
        for (const one of difference.changed) fields.push(...one.fields.map(({ field }) => field))
      },
    })
    assert.deepEqual([count, fields], [2, ['corporateLocation', 'corporateLocation']])
  })

  it('catches one that notes whom it told in a commit of its own', async () => {
    const { database } = world.endpointParts
    const told: number[] = []
    const twin = async (stop: boolean) => {
      const tell = async (_: unknown, { version }: { version: number }) => {
        told.push(version)
      }
      await announceAgentChanges({ database, tell })
      // As if the note had not been in the commit of the telling.
      if (stop) await world.db.ownerQuery('update agent_notices set version = version - 1')
    }
    await asOperator('PATCH', '/operator/agents/mail-relay', { corporateLocation: 'NO' })
    await twin(true)
    await twin(false)
    assert.ok(told.length > new Set(told).size * 2, 'nobody was told twice')
  })

  it('lists how each agent stands for the organisation, and filters by it', async () => {
    const list = async (filter: string) => {
      const answer = await asTenant(
        'GET',
        `/deviceManagement/dataSharingAgents?$filter=${encodeURIComponent(filter)}`,
      )
      assert.equal(answer.status, 200, answer.text)
      return answer.body.value.map(({ id }: { id: string }) => id)
    }
    assert.deepEqual(await list("state eq 'leadTime'"), ['back-dated', 'mail-relay', 'zebra'])
    world.clock.advance(31 * DAY_IN_MS)
    assert.deepEqual(await list("state eq 'leadTime'"), ['zebra'])
    assert.deepEqual(await list("state eq 'listed' and category eq 'technology'"), ['mail-relay'])
  })

  it('changes made at once stand one after the other, each with an entry of the log', async () => {
    const places = ['AT', 'BE', 'DE', 'DK', 'FI', 'FR']
    const answers = await Promise.all(
      places.map((corporateLocation) =>
        asOperator('PATCH', '/operator/agents/mail-relay', { corporateLocation }),
      ),
    )
    const versions = answers.map(({ body }) => body.version).toSorted((a, b) => a - b)
    assert.deepEqual(
      versions,
      versions.map((_, i) => versions[0] + i),
    )
    const entries = await world.entries(INSTALLATION)
    const noted = entries.filter(({ kind }) => /^agent\.(?:listed|changed|ended)$/.test(kind))
    assert.deepEqual(
      noted.map(({ data }) => data.version),
      noted.map((_, i) => i + 1),
    )
    assert.ok(noted.every(({ actor }) => actor.startsWith('operator:')))
  })
})
