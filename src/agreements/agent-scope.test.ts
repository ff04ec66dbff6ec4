import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { leadTimeOver } from './agent-lead-time.ts'
import { NO_SCOPE, type WantedScope, nextScope, scopeState } from './agent-scope.ts'

const CATEGORIES = ['People', 'Device facts', 'Support information', 'Audit log information']
const PURPOSES = ['device-management', 'remote-assistance', 'firmware-update']
const DAY_IN_MS = 86_400_000
const START = Date.parse('2030-01-31T00:00:00Z')

interface Edit {
  readonly afterDays: number
  readonly wanted: WantedScope
}

const edits: fc.Arbitrary<Edit[]> = fc.array(
  fc.record({
    afterDays: fc.integer({ min: 0, max: 120 }),
    wanted: fc.record({
      categories: fc.subarray(CATEGORIES, { minLength: 1 }),
      purposes: fc.subarray(PURPOSES, { minLength: 1 }),
      regions: fc.constant(['EU']),
    }),
  }),
  { minLength: 1, maxLength: 8 },
)

/**
 * The rule by itself, from the whole history: a pair may be used when it has stood on the list without a break since a
 * time whose lead time is over.
 */
function mayByHistory(history: readonly (WantedScope & { at: number })[], pair: Pair, now: number) {
  const has = (one: WantedScope | undefined) =>
    one?.categories.includes(pair.category) && one.purposes.includes(pair.purpose)
  if (!has(history.at(-1))) return false
  let since = history.length - 1
  while (since > 0 && has(history[since - 1])) since -= 1
  return leadTimeOver(pair.category, history[since]?.at ?? 0) <= now
}

interface Pair {
  readonly category: string
  readonly purpose: string
}

function neverBeforeTheLeadTime(next: typeof nextScope): void {
  fc.assert(
    fc.property(edits, fc.integer({ min: 0, max: 250 }), (list, laterDays) => {
      let scope = NO_SCOPE
      let at = START
      const history: (WantedScope & { at: number })[] = []
      for (const { afterDays, wanted } of list) {
        at += afterDays * DAY_IN_MS
        scope = next(scope, wanted, at)
        history.push({ ...wanted, at })
      }
      const now = at + laterDays * DAY_IN_MS
      for (const category of CATEGORIES)
        for (const purpose of PURPOSES) {
          const open = scopeState(scope, { category, purpose }, now) === 'listed'
          const may = mayByHistory(history, { category, purpose }, now)
          if (open) assert.ok(may, `${category} for ${purpose} is open too early`)
        }
    }),
    { numRuns: 600, seed: 4 },
  )
}

/** What was open before stays open through an edit that keeps it, and dates never move forward. */
function nothingIsInterruptedOrShortened(next: typeof nextScope): void {
  fc.assert(
    fc.property(edits, (list) => {
      let scope = NO_SCOPE
      let at = START
      for (const { afterDays, wanted } of list) {
        at += afterDays * DAY_IN_MS
        const after = next(scope, wanted, at)
        for (const [id, time] of after.categories)
          if (scope.categories.has(id)) assert.equal(time, scope.categories.get(id))
        for (const [id, time] of after.purposes)
          if (scope.purposes.has(id)) assert.equal(time, scope.purposes.get(id))
        assert.deepEqual([...after.categories.keys()], wanted.categories.toSorted())
        scope = after
      }
    }),
    { numRuns: 200, seed: 4 },
  )
}

const fresh = (wanted: readonly string[], time: (id: string) => number) =>
  new Map(wanted.toSorted().map((id) => [id, time(id)]))

const TWINS: Readonly<Record<string, typeof nextScope>> = {
  'lets what is new in as soon as the rest was': (before, wanted, at) => {
    const scope = nextScope(before, wanted, at)
    const oldest = Math.min(...scope.categories.values())
    return { ...scope, categories: fresh(wanted.categories, () => oldest) }
  },
  'starts anew with every edit': (_, wanted, at) => nextScope(NO_SCOPE, wanted, at),
  'waits for new data but not for new purposes': (before, wanted, at) => ({
    ...nextScope(before, wanted, at),
    purposes: fresh(wanted.purposes, (id) => before.purposes.get(id) ?? at),
  }),
  'shortens every wait to thirty days': (before, wanted, at) => ({
    ...nextScope(before, wanted, at),
    categories: fresh(wanted.categories, (id) => before.categories.get(id) ?? at + 30 * DAY_IN_MS),
  }),
}

describe('what an agent is listed for', () => {
  it('P2 nothing is open before its own lead time is over, whatever is edited', () => {
    neverBeforeTheLeadTime(nextScope)
  })

  it('P2 no edit shortens a wait, and none interrupts what it keeps', () => {
    nothingIsInterruptedOrShortened(nextScope)
  })

  for (const [fault, twin] of Object.entries(TWINS))
    it(`catches one that ${fault}`, () => {
      assert.throws(() => {
        neverBeforeTheLeadTime(twin)
        nothingIsInterruptedOrShortened(twin)
      })
    })

  it('P2 a later first day puts dates off, and an earlier one brings nothing forward', () => {
    const wanted = { categories: ['People'], purposes: ['device-management'], regions: ['EU'] }
    const over = leadTimeOver('People', START)
    const early = nextScope(NO_SCOPE, wanted, START, START + DAY_IN_MS)
    assert.equal(early.categories.get('People'), over)
    const late = nextScope(early, wanted, START, over + DAY_IN_MS)
    assert.equal(late.categories.get('People'), over + DAY_IN_MS)
    assert.equal(nextScope(late, wanted, START, START).categories.get('People'), over + DAY_IN_MS)
  })
})
