import assert from 'node:assert/strict'
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { DataItem } from '#catalog/catalog.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { createDecider } from './create-decider.ts'
import type { Decider, DecisionFacts } from './decide.ts'
import { loadPolicies, readPolicies } from './policies.ts'

const POLICIES = join(import.meta.dirname, '..', '..', 'policies')
const texts = await loadPolicies(POLICIES)
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

interface Sample {
  readonly name: string
  readonly item: string
  readonly switchedOn?: boolean
  readonly facts: Partial<Omit<DecisionFacts, 'flowItems' | 'consentedItems'>> & {
    readonly flowItems?: readonly string[]
    readonly consentedItems?: readonly string[]
  }
  readonly refusal?: string
}

const samplesOf = async (name: string): Promise<readonly Sample[]> => {
  const text = await readFile(join(POLICIES, 'samples', name), 'utf8')
  return (JSON.parse(text) as { samples: readonly Sample[] }).samples
}
const ALLOWED = await samplesOf('allowed.json')
const REFUSED = await samplesOf('refused.json')

const decideSample = (sample: Sample, by: Decider) => {
  const { flowItems, consentedItems, ...facts } = sample.facts
  const sets = {
    ...(flowItems ? { flowItems: new Set(flowItems) } : {}),
    ...(consentedItems ? { consentedItems: new Set(consentedItems) } : {}),
  }
  return ask({ ...facts, ...sets }, item(sample.item), sample.switchedOn, by)
}

/** Forbids of the doors in and out; those for people who look are tested in `view-decide.test.ts`, those for diagnostics in `diagnostics-decide.test.ts`. */
const FORBIDS = Object.keys(texts.refusals).filter(
  (id) => !/Action::"(?:view|reveal|diagnose)"/.test(texts.policies[id] ?? ''),
)

/** The suite as a function of the engine, so that wrong engines can be shown to fail it. */
function complaints(by: Decider): string[] {
  const refused = ALLOWED.filter((sample) => !decideSample(sample, by).allowed)
  const wrong = REFUSED.filter((sample) => {
    const answer = decideSample(sample, by)
    return answer.allowed || answer.reason !== sample.refusal
  })
  return [...refused, ...wrong].map((sample) => sample.name)
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
  for (const sample of ALLOWED) {
    it(`P2 permit: ${sample.name}`, () => assert.ok(decideSample(sample, decider).allowed))
  }
  for (const sample of REFUSED) {
    it(`P2 refuse: ${sample.name}`, () => {
      const answer = decideSample(sample, decider)
      assert.deepEqual([answer.allowed, answer.reason], [false, sample.refusal])
    })
  }
  it('P2 every refusal that a policy names has a sample', () => {
    const shown = new Set(REFUSED.map((sample) => sample.refusal))
    assert.deepEqual(
      FORBIDS.filter((id) => !shown.has(texts.refusals[id])),
      [],
    )
  })
  it('P4 every broken sample is refused before anything is decided by it', async () => {
    const folder = join(POLICIES, 'samples', 'broken')
    const names = await readdir(folder)
    assert.ok(names.length >= 5)
    for (const name of names) {
      const text = await readFile(join(folder, name), 'utf8')
      assert.throws(() => createDecider(readPolicies([text], texts.schema)), Error, name)
    }
  })
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
    assert.ok(FORBIDS.length > 20)
    for (const id of FORBIDS) {
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
})
