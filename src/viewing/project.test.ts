import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createDecider } from '#access/create-decider.ts'
import { loadPolicies } from '#access/policies.ts'
import type { ViewFacts } from '#access/view-facts.ts'
import type { Catalog, DataItem } from '#catalog/catalog.ts'
import type { Precision } from '#catalog/precision.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { keyedHash } from '#foundation/hashing.ts'
import { isAtMost } from '#minimisation/precision.ts'
import type { OpenedRecord } from '#records/list-records.ts'
import { type ViewProjection, compileView } from './project.ts'
import { type ViewPlan, type ViewedItem, maskOf, planRefusal, planView } from './view-plan.ts'

const decider = createDecider(await loadPolicies(join(import.meta.dirname, '..', '..', 'policies')))
const pseudonymise = keyedHash(Buffer.alloc(32, 7), 18)

/** Some items of every class and form. */
const ITEMS = [
  'device.model',
  'device.totalRam',
  'device.serialNumber',
  'device.assignedBy',
  'device.adminNotes',
  'device.pushMagic',
  'device.lastCheckInTime',
  'hardware.ipAddress',
  'user.phoneNumber',
  'school.className',
  'clientApp.crashReport',
  'never.textMessages',
].map((id) => shippedCatalog.items.get(id) ?? assert.fail(id))
const catalog: Catalog = { ...shippedCatalog, items: new Map(ITEMS.map((one) => [one.id, one])) }

const anyPlan: fc.Arbitrary<ViewPlan> = fc
  .tuple(...ITEMS.map((item) => plannedItem(item)))
  .map((items) => ({
    door: 'look',
    tenantId: 'acme',
    viewer: 'admin',
    grantId: undefined,
    purpose: 'device-management',
    policies: '',
    items: items.filter((item) => item !== undefined),
    hash: '',
  }))
function plannedItem(item: DataItem): fc.Arbitrary<ViewedItem | undefined> {
  const mask = maskOf(item)
  const shows: ViewedItem['show'][] =
    mask === 'withheld' ? ['exact', 'withheld'] : ['exact', 'masked', 'withheld']
  return fc.option(
    fc.constantFrom(...shows).map((show) => ({
      item: item.id,
      show,
      precision: show === 'exact' ? 'exact' : show === 'masked' ? mask : ('withheld' as Precision),
      reason: show === 'exact' ? ('permitted' as const) : ('item_masked' as const),
    })),
    { nil: undefined, freq: 5 },
  )
}

const CANARY = 'cny'
const valueOf = (item: DataItem, n: number): string | number => {
  if (item.id.endsWith('Time')) return `2031-02-0${(n % 9) + 1}T03:04:05Z`
  if (item.id.endsWith('ipAddress')) return `203.0.113.${n % 250}`
  if (item.id === 'device.totalRam') return 70_001 + n
  return `${CANARY}-${item.id}-${n}@example.org`
}
const anyRecord: fc.Arbitrary<OpenedRecord> = fc
  .tuple(fc.nat(9_999), fc.subarray([...ITEMS.map((item) => item.id), 'no.such.item']))
  .map(([n, ids]) => ({
    recordId: `record-${n}`,
    subjectId: `subject-${n}`,
    kind: 'device',
    connectionId: 'apple',
    scopeTags: ['default'],
    firstSeen: 0,
    lastSeen: 0,
    items: Object.fromEntries(
      ids.map((id) => {
        const item = catalog.items.get(id)
        return [id, item ? valueOf(item, n) : `${CANARY}-unknown-${n}`]
      }),
    ),
  }))

type Compile = (plan: ViewPlan, hash: typeof pseudonymise) => ViewProjection

/** The judge: for each value of the record, may its exact form stand anywhere in the bytes of the answer? */
function complaints(compile: Compile, plan: ViewPlan, record: OpenedRecord): string[] {
  const shown = compile(plan, pseudonymise)(record)
  const bytes = JSON.stringify(shown)
  return Object.entries(record.items).flatMap(([id, value]) => {
    const planned = plan.items.find((item) => item.item === id)
    if (planned?.show === 'exact') return shown.items[id] === value ? [] : [`${id} is missing`]
    const leaks = bytes.includes(String(value)) ? [`${id} is in the answer`] : []
    if (!planned) return leaks
    const mark = shown.marks.find((one) => one.item === id)
    if (mark?.reason !== planned.reason) return [...leaks, `${id} has no reason beside it`]
    const isThere = shown.items[id] !== undefined
    return isThere === (mark.precision !== 'withheld')
      ? leaks
      : [...leaks, `${id} is marked wrongly`]
  })
}

describe('projection for viewers', () => {
  it('P6 no exact value of a masked, withheld or unplanned item is in the bytes of an answer', () => {
    fc.assert(
      fc.property(anyPlan, anyRecord, (plan, record) => {
        assert.deepEqual(complaints(compileView, plan, record), [])
      }),
      { numRuns: 3_000 },
    )
  })

  it('P6 the judge catches projections that are wrong', () => {
    const twins: Record<string, Compile> = {
      'removes what is withheld instead of building what is allowed': (plan, hash) => {
        const withheld = new Set(plan.items.flatMap((i) => (i.show === 'withheld' ? [i.item] : [])))
        const right = compileView(plan, hash)
        return (record) => {
          const items = Object.entries(record.items).filter(([id]) => !withheld.has(id))
          return { ...right(record), items: Object.fromEntries(items) }
        }
      },
      'passes a value on that does not fit its mask': (plan, hash) => {
        const right = compileView(plan, hash)
        return (record) => ({
          ...right(record),
          items: { ...record.items, ...right(record).items },
        })
      },
      'forgets the reasons': (plan, hash) => {
        const right = compileView(plan, hash)
        return (record) => ({ ...right(record), marks: [] })
      },
    }
    for (const [name, twin] of Object.entries(twins)) {
      const outcome = fc.check(
        fc.property(
          anyPlan,
          anyRecord,
          (plan, record) => complaints(twin, plan, record).length === 0,
        ),
        { numRuns: 3_000, seed: 7587 },
      )
      assert.ok(outcome.failed, name)
    }
  })
})

const anyFacts: fc.Arbitrary<ViewFacts> = fc.record({
  tenantId: fc.constant('acme'),
  viewer: fc.record({
    kind: fc.constantFrom('admin', 'support', 'auditor'),
    mayRead: fc.boolean(),
    mayReadPersonal: fc.boolean(),
    mayReveal: fc.boolean(),
    maySeeSecrets: fc.boolean(),
  }),
  tenantOpen: fc.constantFrom(true, true, true, false),
  grant: fc
    .tuple(
      fc.constantFrom('notNeeded', 'inForce', 'inForce', 'missing', 'ended'),
      fc.subarray(ITEMS.map((item) => item.id)),
      fc.boolean(),
    )
    .map(([state, ids, exactly]) => ({
      state,
      items: new Set(ids),
      ...(exactly ? { exactItems: new Set(ids) } : {}),
    })),
  purposeStated: fc.boolean(),
  action: fc.constant('view'),
})

/** The most exact that anybody may see, in plain words and without Cedar. */
function most(facts: ViewFacts, item: DataItem): Precision {
  const { kind, mayRead, mayReadPersonal } = facts.viewer
  if (!facts.tenantOpen || item.need === 'never' || item.secret) return 'withheld'
  if (kind === 'support') {
    if (facts.grant.state !== 'inForce' || !facts.grant.items.has(item.id)) return 'withheld'
    return facts.grant.exactItems?.has(item.id) ? 'exact' : maskOf(item)
  }
  const isPersonal = item.personal || item.class === 'person' || item.class === 'device-identifier'
  if (isPersonal) return mayRead || mayReadPersonal ? maskOf(item) : 'withheld'
  return mayRead ? 'exact' : 'withheld'
}

describe('plans for viewers', () => {
  const plan = (facts: ViewFacts) =>
    planView({ catalog, decider }, facts, { grantId: undefined, purpose: 'device-management' })

  it('P6 P7 are never more exact than a plain model of the rules, and say why', () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        for (const planned of plan(facts).items) {
          const item = catalog.items.get(planned.item) ?? assert.fail()
          assert.ok(
            isAtMost(planned.precision, most(facts, item)),
            `${item.id} ${planned.precision}`,
          )
          assert.equal(planned.precision === 'exact', planned.reason === 'permitted')
        }
      }),
      { numRuns: 400 },
    )
  })

  it('are frozen, and two differ in their hash when they differ in an item', () => {
    const facts: ViewFacts = {
      tenantId: 'acme',
      viewer: {
        kind: 'admin',
        mayRead: true,
        mayReadPersonal: false,
        mayReveal: false,
        maySeeSecrets: false,
      },
      tenantOpen: true,
      grant: { state: 'notNeeded', items: new Set() },
      purposeStated: false,
      action: 'view',
    }
    const one = plan(facts)
    assert.ok(Object.isFrozen(one) && one.items.every((item) => Object.isFrozen(item)))
    assert.equal(one.hash, plan(facts).hash)
    const other = plan({
      ...facts,
      viewer: { ...facts.viewer, mayRead: false, mayReadPersonal: true },
    })
    assert.notEqual(one.hash, other.hash)
  })

  it('P4 P7 that show nothing refuse the whole look, and say why', () => {
    const support: ViewFacts = {
      tenantId: 'acme',
      viewer: {
        kind: 'support',
        mayRead: true,
        mayReadPersonal: true,
        mayReveal: true,
        maySeeSecrets: true,
      },
      tenantOpen: true,
      grant: { state: 'missing', items: new Set() },
      purposeStated: true,
      action: 'view',
    }
    assert.equal(planRefusal(plan(support)), 'grant_missing')
    assert.equal(planRefusal(plan({ ...support, tenantOpen: false })), 'tenant_closed')
    const ended = { ...support.grant, state: 'ended' as const }
    assert.equal(planRefusal(plan({ ...support, grant: ended })), 'grant_ended')
  })
})
