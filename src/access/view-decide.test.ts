import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { shippedCatalog } from '#catalog/shipped.ts'
import { createDecider } from './create-decider.ts'
import type { Decider } from './decide.ts'
import { loadPolicies } from './policies.ts'
import type { ViewDecision, ViewFacts, ViewItem } from './view-facts.ts'

const POLICIES = join(import.meta.dirname, '..', '..', 'policies')
const texts = await loadPolicies(POLICIES)
const decider = createDecider(texts)
const item = (id: string): ViewItem => shippedCatalog.items.get(id) ?? assert.fail(id)

const NOTHING = { mayRead: false, mayReadPersonal: false, mayReveal: false, maySeeSecrets: false }
const good: ViewFacts = {
  tenantId: 'acme',
  viewer: { ...NOTHING, kind: 'admin', mayRead: true, mayReadPersonal: true, mayReveal: true },
  tenantOpen: true,
  grant: { state: 'notNeeded', items: new Set() },
  purposeStated: false,
  action: 'view',
}

interface Sample {
  readonly name: string
  readonly item: string
  readonly facts: Partial<Omit<ViewFacts, 'viewer' | 'grant'>> & {
    /** The kind alone is somebody without any role. */
    readonly viewer?: Partial<ViewFacts['viewer']> | 'support' | 'self'
    readonly grant?: {
      readonly state: ViewFacts['grant']['state']
      readonly items: readonly string[]
      readonly exactItems?: readonly string[]
    }
  }
  readonly show?: ViewDecision['show']
  readonly refusal?: string
}
const samplesOf = async (name: string): Promise<readonly Sample[]> => {
  const text = await readFile(join(POLICIES, 'samples', name), 'utf8')
  return (JSON.parse(text) as { samples: readonly Sample[] }).samples
}
const SHOWN = await samplesOf('viewing-shown.json')
const WITHHELD = await samplesOf('viewing-withheld.json')

function factsOf({ facts: { viewer, grant, ...rest } }: Sample): ViewFacts {
  return {
    ...good,
    ...rest,
    ...(viewer === undefined
      ? {}
      : {
          viewer:
            typeof viewer === 'string'
              ? { ...NOTHING, kind: viewer }
              : { ...good.viewer, ...viewer },
        }),
    ...(grant === undefined
      ? {}
      : {
          grant: {
            state: grant.state,
            items: new Set(grant.items),
            ...(grant.exactItems ? { exactItems: new Set(grant.exactItems) } : {}),
          },
        }),
  }
}
const ask = (facts: ViewFacts, about: ViewItem, by: Decider = decider): ViewDecision =>
  by.decideView(facts, [about])[0] ?? assert.fail()
const isRight = (sample: Sample, by: Decider): boolean => {
  const answer = ask(factsOf(sample), item(sample.item), by)
  return sample.refusal === undefined
    ? answer.show === sample.show
    : answer.show === 'withheld' && answer.reason === sample.refusal
}
const complaints = (by: Decider): string[] =>
  [...SHOWN, ...WITHHELD].filter((sample) => !isRight(sample, by)).map((sample) => sample.name)

/** The rules once more, in another style: nothing of Cedar in it. */
function model(facts: ViewFacts, about: ViewItem): ViewDecision['show'] {
  const { viewer, grant, action } = facts
  const reads = viewer.mayRead || viewer.mayReadPersonal
  const close = about.personal || about.class === 'person' || about.class === 'device-identifier'
  if (!facts.tenantOpen || about.need === 'never') return 'withheld'
  if (about.secret && (action === 'view' || !viewer.maySeeSecrets)) return 'withheld'
  if (action === 'reveal' && !facts.purposeStated) return 'withheld'
  switch (viewer.kind) {
    case 'self':
      return 'exact'
    case 'support':
      if (grant.state !== 'inForce' || !grant.items.has(about.id)) return 'withheld'
      if (grant.exactItems?.has(about.id)) return 'exact'
      return action === 'view' ? 'masked' : 'withheld'
    case 'auditor':
    case 'admin':
      if (!reads) return 'withheld'
      if (action === 'reveal')
        return viewer.kind === 'admin' && (about.secret || viewer.mayReveal) ? 'exact' : 'withheld'
      if (close) return 'masked'
      return viewer.mayRead ? 'exact' : 'withheld'
  }
}

const SOME = [
  'device.model',
  'device.serialNumber',
  'person.userName',
  'credential.unlockToken',
  'never.textMessages',
]
const sets = fc.subarray(SOME).map((ids) => new Set(ids))
const anyFacts: fc.Arbitrary<ViewFacts> = fc.record({
  tenantId: fc.constant('acme'),
  viewer: fc.record({
    kind: fc.constantFrom('admin', 'support', 'self', 'auditor'),
    mayRead: fc.boolean(),
    mayReadPersonal: fc.boolean(),
    mayReveal: fc.boolean(),
    maySeeSecrets: fc.boolean(),
  }),
  tenantOpen: fc.constantFrom(true, true, true, false),
  grant: fc.record({
    state: fc.constantFrom('inForce', 'inForce', 'notNeeded', 'missing', 'ended'),
    items: sets,
    exactItems: sets,
  }),
  purposeStated: fc.boolean(),
  action: fc.constantFrom('view', 'reveal'),
})

describe('viewing policies', () => {
  for (const sample of SHOWN)
    it(`P7 show: ${sample.name}`, () =>
      assert.equal(ask(factsOf(sample), item(sample.item)).show, sample.show))
  for (const sample of WITHHELD)
    it(`P7 withhold: ${sample.name}`, () => {
      const { show, reason } = ask(factsOf(sample), item(sample.item))
      assert.deepEqual([show, reason], ['withheld', sample.refusal])
    })
  it('each sample answers the same when asked which items somebody sees', () => {
    for (const sample of [...SHOWN, ...WITHHELD]) {
      const all = [...shippedCatalog.items.values()].filter(({ id }) => SOME.includes(id))
      const answers = decider.decideView(factsOf(sample), all)
      assert.deepEqual(
        answers.map(({ show }) => show),
        all.map((one) => model(factsOf(sample), one)),
        sample.name,
      )
      const found = answers.find((one) => one.item === sample.item)
      assert.equal(found?.show, sample.show ?? 'withheld', sample.name)
    }
  })
  it('each sample answers the same when asked which viewers see the item', () => {
    for (const sample of [...SHOWN, ...WITHHELD]) {
      const own = factsOf(sample)
      const kinds = ['admin', 'support', 'self', 'auditor'] as const
      const asKind = (kind: (typeof kinds)[number]): ViewFacts => ({
        ...own,
        viewer: { ...own.viewer, kind },
      })
      const shown = kinds.map((kind) => ask(asKind(kind), item(sample.item)).show)
      assert.deepEqual(
        shown,
        kinds.map((kind) => model(asKind(kind), item(sample.item))),
        sample.name,
      )
      assert.equal(shown[kinds.indexOf(own.viewer.kind)], sample.show ?? 'withheld', sample.name)
    }
  })
  it('P7 agree with a plain model over 5,000 random viewers and items', () => {
    fc.assert(
      fc.property(anyFacts, fc.constantFrom(...SOME), (facts, id) => {
        assert.equal(ask(facts, item(id)).show, model(facts, item(id)))
      }),
      { numRuns: 5_000 },
    )
  })
  it('P7 the operator sees no item of the catalog without a grant, whatever roles it has', () => {
    const viewer = {
      kind: 'support',
      mayRead: true,
      mayReadPersonal: true,
      mayReveal: true,
      maySeeSecrets: true,
    } as const
    for (const action of ['view', 'reveal'] as const)
      for (const answer of decider.decideView({ ...good, viewer, action, purposeStated: true }, [
        ...shippedCatalog.items.values(),
      ]))
        assert.equal(answer.show, 'withheld', answer.item)
  })
  it('no secret item of the catalog is in any view', () => {
    const secrets = [...shippedCatalog.items.values()].filter((one) => one.secret)
    assert.ok(secrets.length > 5)
    for (const kind of ['admin', 'self', 'auditor'] as const)
      for (const answer of decider.decideView(
        {
          ...good,
          viewer: {
            kind,
            mayRead: true,
            mayReadPersonal: true,
            mayReveal: true,
            maySeeSecrets: true,
          },
        },
        secrets,
      ))
        assert.equal(answer.show, 'withheld', answer.item)
  })
  it('every forbid is missed by the suite when it is taken away', () => {
    const looking = Object.keys(texts.refusals).filter((id) => {
      const policy = texts.policies[id] ?? ''
      return (
        /Action::"(?:view|reveal)"/.test(policy) || /\(principal, action, resource\)/.test(policy)
      )
    })
    assert.ok(looking.length >= 13)
    for (const id of looking) {
      const { [id]: _, ...policies } = texts.policies
      assert.notDeepEqual(complaints(createDecider({ ...texts, policies })), [], id)
    }
  })
  it('every refusal that a policy names has a sample', () => {
    const shown = new Set([...WITHHELD.map((sample) => sample.refusal), 'item_masked'])
    for (const id of [
      'view-without-role',
      'secret-in-view',
      'support-after-grant',
      'reveal-without-reason',
    ])
      assert.ok(shown.has(texts.refusals[id]), id)
  })
  it('explains each answer by the policies that gave it', () => {
    assert.deepEqual(ask(good, item('person.userName')).policies, [
      'personal-is-masked',
      'staff-view',
    ])
    for (const sample of [...SHOWN, ...WITHHELD])
      assert.ok(ask(factsOf(sample), item(sample.item)).policies.length > 0, sample.name)
  })
  it('P7 what was answered for one viewer is not answered for another', () => {
    // The same item, each fact changed by itself, one after another and by one decider that remembers.
    const fresh = (facts: ViewFacts, id: string) => ask(facts, item(id), createDecider(texts))
    const grant = { state: 'inForce', items: new Set(SOME), exactItems: new Set<string>() } as const
    const support = { ...good, viewer: { ...NOTHING, kind: 'support' }, grant } as const
    const changes: readonly ViewFacts[] = [
      support,
      { ...support, grant: { ...grant, items: new Set<string>() } },
      { ...support, grant: { ...grant, exactItems: new Set(SOME) } },
      { ...support, grant: { ...grant, state: 'ended' } },
      { ...support, tenantOpen: false },
      { ...support, action: 'reveal', purposeStated: true },
      { ...support, action: 'reveal' },
      ...(['mayRead', 'mayReadPersonal', 'mayReveal', 'maySeeSecrets'] as const).flatMap((right) =>
        (['view', 'reveal'] as const).map(
          (action): ViewFacts => ({
            ...good,
            action,
            purposeStated: true,
            viewer: { ...NOTHING, kind: 'admin', [right]: true },
          }),
        ),
      ),
    ]
    for (const id of ['person.userName', 'credential.unlockToken'])
      for (const facts of [...changes, ...changes])
        assert.deepEqual(ask(facts, item(id)), fresh(facts, id))
  })
  it('P4 a policy that errors refuses, though Cedar itself would allow', () => {
    const broken =
      '@id("broken") @refusal("policy_denied") forbid (principal, action, resource) when { 9223372036854775807 + 1 > 0 };'
    const spoiled = createDecider({ ...texts, policies: { ...texts.policies, broken } })
    const { show, reason } = ask(good, item('device.model'), spoiled)
    assert.deepEqual([show, reason], ['withheld', 'policy_error'])
  })
})
