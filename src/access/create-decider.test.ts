import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { DataItem } from '#catalog/catalog.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { createDecider } from './create-decider.ts'
import type { Decider, DecisionFacts } from './decide.ts'
import { type PolicyTexts, loadPolicies } from './policies.ts'

const texts = await loadPolicies(join(import.meta.dirname, '..', '..', 'policies'))
const decider = createDecider(texts)
const item = (id: string): DataItem => shippedCatalog.items.get(id) ?? assert.fail(id)
const serial = item('device.serialNumber')
const optional = item('clientApp.crashReport')
const never = item('never.textMessages')

const good: DecisionFacts = {
  door: 'out',
  tenantId: 'acme',
  party: { id: 'apple', kind: 'thirdParty' },
  tenantOpen: true,
  featureOn: true,
  consentState: 'inForce',
  consentedItems: new Set([serial.id, optional.id, never.id]),
  flowItems: new Set([serial.id, optional.id, never.id]),
  agentState: 'notAgent',
  permissionState: 'given',
  contractState: 'inForce',
  purposeDeclared: true,
  purposeForbidden: false,
  permanentCall: false,
  approvalInForce: false,
}
const ask = (
  facts: Partial<DecisionFacts>,
  about = serial,
  switchedOn = false,
  by: Decider = decider,
) => by.decide({ ...good, ...facts }, [{ item: about, switchedOn }])[0] ?? assert.fail()

/** Each case is one fact away from an allowed disclosure. */
const CASES: readonly [string, Partial<DecisionFacts>, DataItem, string][] = [
  ['tenant closed', { tenantOpen: false }, serial, 'tenant_closed'],
  ['feature off', { featureOn: false }, serial, 'feature_off'],
  ['item outside the flow', { flowItems: new Set() }, serial, 'item_not_in_flow'],
  ['no consent', { consentState: 'missing' }, serial, 'consent_missing'],
  ['consent withdrawn', { consentState: 'withdrawn' }, serial, 'consent_withdrawn'],
  ['consent expired', { consentState: 'expired' }, serial, 'consent_expired'],
  ['item newer than the consent', { consentedItems: new Set() }, serial, 'consent_lapsed'],
  ['party of no standing', { party: { id: 'x', kind: 'none' } }, serial, 'standing_none'],
  [
    'Configuration Manager by name',
    { party: { id: 'configuration-manager', kind: 'thirdParty' } },
    serial,
    'standing_none',
  ],
  ['no permission', { permissionState: 'missing' }, serial, 'permission_missing'],
  ['permission withdrawn', { permissionState: 'withdrawn' }, serial, 'permission_withdrawn'],
  ['no contract', { contractState: 'missing' }, serial, 'contract_missing'],
  ['contract not yet in force', { contractState: 'notYet' }, serial, 'contract_not_yet'],
  ['contract expired', { contractState: 'expired' }, serial, 'contract_expired'],
  [
    'agent in its lead time',
    { party: { id: 'x', kind: 'agent' }, agentState: 'leadTime' },
    serial,
    'agent_lead_time',
  ],
  [
    'agent objected to',
    { party: { id: 'x', kind: 'agent' }, agentState: 'objected' },
    serial,
    'agent_objection',
  ],
  [
    'agent not listed',
    { party: { id: 'x', kind: 'agent' }, agentState: 'notListed' },
    serial,
    'agent_not_listed',
  ],
  ['purpose not declared', { purposeDeclared: false }, serial, 'purpose_undeclared'],
  ['forbidden purpose', { purposeForbidden: true }, serial, 'purpose_forbidden'],
  ['never item', {}, never, 'item_never'],
  ['optional item off', {}, optional, 'item_optional_off'],
  ['call that cannot be undone', { permanentCall: true }, serial, 'approval_missing'],
]

/** The suite as a function of the engine, so that wrong engines can be shown to fail it. */
function complaints(by: Decider): string[] {
  const allowed = ask({}, serial, false, by)
  return [
    ...(allowed.allowed ? [] : ['the good case is refused']),
    ...CASES.flatMap(([name, facts, about, reason]) => {
      const answer = ask(facts, about, false, by)
      return answer.allowed || answer.reason !== reason ? [name] : []
    }),
  ]
}

/** The rules once more, in another style: nothing of Cedar in it. */
function model(facts: DecisionFacts, about: DataItem, on: boolean): boolean {
  if (about.need === 'never' || (about.need === 'optional' && !on)) return false
  if (!facts.tenantOpen || !facts.featureOn || facts.purposeForbidden || !facts.purposeDeclared)
    return false
  if (
    !facts.flowItems.has(about.id) ||
    facts.consentState !== 'inForce' ||
    !facts.consentedItems.has(about.id)
  )
    return false
  if (facts.door === 'in') return true
  if (facts.permanentCall && !facts.approvalInForce) return false
  if (facts.party.id === 'configuration-manager') return false
  if (facts.party.kind === 'agent') return facts.agentState === 'listed'
  return (
    facts.party.kind === 'thirdParty' &&
    facts.permissionState === 'given' &&
    facts.contractState === 'inForce'
  )
}

const anyFacts: fc.Arbitrary<DecisionFacts> = fc.record({
  door: fc.constantFrom('in', 'out'),
  tenantId: fc.constant('acme'),
  party: fc.record({
    id: fc.constantFrom('apple', 'configuration-manager'),
    kind: fc.constantFrom('agent', 'thirdParty', 'none'),
  }),
  tenantOpen: mostly(true),
  featureOn: mostly(true),
  purposeDeclared: mostly(true),
  purposeForbidden: mostly(false),
  consentState: fc.constantFrom('inForce', 'inForce', 'inForce', 'missing', 'withdrawn', 'expired'),
  consentedItems: fc.constantFrom(new Set([serial.id, optional.id, never.id]), new Set<string>()),
  flowItems: fc.constantFrom(new Set([serial.id, optional.id, never.id]), new Set<string>()),
  agentState: fc.constantFrom('listed', 'notListed', 'leadTime', 'objected', 'notAgent'),
  permissionState: fc.constantFrom('given', 'missing', 'withdrawn', 'notNeeded'),
  contractState: fc.constantFrom('inForce', 'missing', 'notYet', 'expired', 'notNeeded'),
  permanentCall: mostly(false),
  approvalInForce: fc.boolean(),
})
function mostly(value: boolean): fc.Arbitrary<boolean> {
  return fc.constantFrom(value, value, value, !value)
}

describe('policies', () => {
  it('P2 permit a disclosure when everything is in place', () => {
    assert.deepEqual(ask({}).policies, ['disclose-with-consent'])
    assert.ok(
      ask({
        party: { id: 'x', kind: 'agent' },
        agentState: 'listed',
        permissionState: 'notNeeded',
        contractState: 'notNeeded',
      }).allowed,
    )
    assert.ok(ask({}, optional, true).allowed)
    assert.ok(ask({ permanentCall: true, approvalInForce: true }).allowed)
  })
  for (const [name, facts, about, reason] of CASES) {
    it(`P2 refuse: ${name}`, () => {
      const answer = ask(facts, about)
      assert.deepEqual([answer.allowed, answer.reason], [false, reason])
    })
  }
  it('P2 agree with a plain model over 5,000 random facts, at both doors', () => {
    fc.assert(
      fc.property(
        anyFacts,
        fc.constantFrom(serial, optional, never),
        fc.boolean(),
        (facts, about, on) => {
          assert.equal(
            decider.decide(facts, [{ item: about, switchedOn: on }])[0]?.allowed,
            model(facts, about, on),
          )
        },
      ),
      { numRuns: 5_000 },
    )
  })
  it('every forbid is missed by the suite when it is taken away', () => {
    for (const id of Object.keys(texts.refusals)) {
      const { [id]: _, ...policies } = texts.policies
      assert.notDeepEqual(complaints(createDecider({ ...texts, policies })), [], id)
    }
  })
  it('P15 nothing goes to Configuration Manager even when its standing was made a third party', () => {
    assert.equal(
      ask({ party: { id: 'configuration-manager', kind: 'thirdParty' } }).reason,
      'standing_none',
    )
  })
  it('P4 a policy that errors refuses, though Cedar itself would allow', () => {
    const policies = {
      ...texts.policies,
      broken:
        '@id("broken") @refusal("policy_denied") forbid (principal, action, resource) when { 9223372036854775807 + 1 > 0 };',
    }
    const broken = createDecider({ ...texts, policies })
    assert.deepEqual(
      [ask({}, serial, false, broken).allowed, ask({}, serial, false, broken).reason],
      [false, 'policy_error'],
    )
  })
  it('P4 policies that do not fit the schema do not start', () => {
    const bad: PolicyTexts = {
      ...texts,
      policies: { bad: 'permit (principal, action, resource) when { context.fetureOn };' },
    }
    assert.throws(() => createDecider(bad), /fetureOn/)
  })
})
