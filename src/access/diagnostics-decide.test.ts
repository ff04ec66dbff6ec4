import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { DIAGNOSTICS_ITEMS, DIAGNOSTICS_PURPOSES } from '#catalog/diagnostics.ts'
import { createDecider } from './create-decider.ts'
import type { Decider } from './decide.ts'
import type { DiagnosticsFacts } from './diagnostics-decide.ts'
import { loadPolicies } from './policies.ts'
import { BUILT_IN_ROLES } from './role-facts.ts'

const POLICIES = join(import.meta.dirname, '..', '..', 'policies')
const texts = await loadPolicies(POLICIES)
const decider = createDecider(texts)
const PLAIN = 'diagnostics.basic.client.top-10-processor-names'

interface Sample {
  readonly name: string
  readonly item?: string
  readonly personal?: boolean
  readonly need?: 'never'
  readonly facts: Partial<DiagnosticsFacts>
  readonly refusal?: string
}
const samplesOf = async (name: string): Promise<readonly Sample[]> =>
  JSON.parse(await readFile(join(POLICIES, 'samples', name), 'utf8')).samples
const ALLOWED = await samplesOf('diagnostics-allowed.json')
const REFUSED = await samplesOf('diagnostics-refused.json')

const GOOD: DiagnosticsFacts = {
  realm: 'operator',
  mayDiagnose: true,
  tenantOpen: true,
  purpose: 'quality',
  own: false,
}
const item = (id: string) => DIAGNOSTICS_ITEMS.get(id) ?? assert.fail(id)
const ask = (facts: Partial<DiagnosticsFacts>, about: object = {}, by: Decider = decider) =>
  by.decideDiagnostics({ ...GOOD, ...facts }, [{ ...item(PLAIN), ...about }])[0] ?? assert.fail()
const decideSample = (sample: Sample, by: Decider) =>
  ask(
    sample.facts,
    {
      ...item(sample.item ?? PLAIN),
      ...(sample.personal === undefined ? {} : { personal: sample.personal }),
      ...(sample.need === undefined ? {} : { need: sample.need }),
    },
    by,
  )
const complaints = (by: Decider): string[] =>
  [...ALLOWED, ...REFUSED]
    .filter((sample) => decideSample(sample, by).reason !== (sample.refusal ?? 'permitted'))
    .map((sample) => sample.name)

/** Who may read diagnostics for what: each row is asked three ways. */
const PURPOSES = [
  ...DIAGNOSTICS_PURPOSES.keys(),
  'advertising',
  'profiling',
  'marketing',
  'support',
  'licence-audit',
  'another-product',
]
const READERS = [...BUILT_IN_ROLES.values()].map((role) => ({
  role: role.id,
  facts: { realm: role.realm, mayDiagnose: role.permissions.has('Diagnostics/Read') },
}))
const may = (facts: Partial<DiagnosticsFacts>, purpose: string): boolean =>
  ask({ ...facts, purpose }).allowed
const TABLE = new Map([['platform-engineer', [...DIAGNOSTICS_PURPOSES.keys()]]])

describe('policies for diagnostics', () => {
  it('P15 decide every sample as it says', () => assert.deepEqual(complaints(decider), []))

  it('P15 may this role read for this purpose?', () => {
    for (const { role, facts } of READERS)
      for (const purpose of PURPOSES)
        assert.equal(may(facts, purpose), TABLE.get(role)?.includes(purpose) ?? false, role)
  })
  it('P15 what may this role read for?', () => {
    for (const { role, facts } of READERS)
      assert.deepEqual(
        PURPOSES.filter((purpose) => may(facts, purpose)),
        TABLE.get(role) ?? [],
        role,
      )
  })
  it('P15 who may read for this purpose?', () => {
    for (const purpose of PURPOSES)
      assert.deepEqual(
        READERS.filter(({ facts }) => may(facts, purpose)).map(({ role }) => role),
        [...TABLE].filter(([, purposes]) => purposes.includes(purpose)).map(([role]) => role),
        purpose,
      )
  })

  it('P15 no other word is a purpose, however it is written', () => {
    fc.assert(
      fc.property(fc.string(), fc.boolean(), (purpose, own) => {
        const three = DIAGNOSTICS_PURPOSES.has(purpose)
        assert.equal(ask({ purpose, own }).allowed, three)
      }),
      { numRuns: 300, examples: [...DIAGNOSTICS_PURPOSES.keys()].map((one) => [one, false]) },
    )
  })

  it('every forbid is missed by the samples when it is taken away', () => {
    const forbids = Object.keys(texts.refusals).filter((id) =>
      /Action::"diagnose"/.test(texts.policies[id] ?? ''),
    )
    assert.equal(forbids.length, 4)
    for (const id of [...forbids, 'never-collected', 'tenant-closed']) {
      const { [id]: _, ...policies } = texts.policies
      assert.notDeepEqual(complaints(createDecider({ ...texts, policies })), [], id)
    }
  })

  it('P4 a policy that errors refuses', () => {
    const policies = {
      ...texts.policies,
      broken:
        '@id("broken") @refusal("policy_denied") forbid (principal, action == Action::"diagnose", resource) when { 9223372036854775807 + 1 > 0 };',
    }
    const broken = createDecider({ ...texts, policies })
    assert.equal(ask({}, {}, broken).reason, 'policy_error')
  })
})
