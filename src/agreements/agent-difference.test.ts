import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { agentDifference } from './agent-difference.ts'
import type { AgentChange } from './agent-log.ts'
import { type TermsRecord, termsForEntry } from './agent-terms.ts'

const START = Date.parse('2030-01-01T00:00:00Z')
const HOUR_IN_MS = 3_600_000

const termsArbitrary: fc.Arbitrary<TermsRecord> = fc.record({
  name: fc.constantFrom('Relay AB', 'Relay Holding AB'),
  corporateLocation: fc.constantFrom('SE', 'IE'),
  category: fc.constantFrom('technology' as const, 'ancillary' as const),
  scope: fc.record({
    categories: fc.dictionary(fc.constantFrom('People', 'Device facts'), fc.constantFrom(1, 2)),
    purposes: fc.constant({ 'device-management': 1 }),
    regions: fc.constant({ EU: 1 }),
  }),
  neededBy: fc.subarray(['notices.mail', 'support.tickets']),
  listedAt: fc.constantFrom(START, START + HOUR_IN_MS),
})

/** Random histories that the list's own rules would let happen. */
const histories: fc.Arbitrary<AgentChange[]> = fc
  .array(
    fc.record({
      partyId: fc.constantFrom('mail-relay', 'tickets', 'telemetry'),
      ends: fc.boolean(),
      terms: termsArbitrary,
      hours: fc.integer({ min: 0, max: 3 }),
    }),
    { maxLength: 14 },
  )
  .map((steps) => {
    const on = new Set<string>()
    let at = START
    return steps.flatMap(({ partyId, ends, terms, hours }, i) => {
      at += hours * HOUR_IN_MS
      const change = ends ? 'ended' : on.has(partyId) ? 'changed' : 'listed'
      if (ends) on.delete(partyId)
      else on.add(partyId)
      return [{ version: i + 1, partyId, change, at, entryId: String(i), terms } as const]
    })
  })

/** Asks of every party and every field whether it stands alike on both sides, by looking through the whole log. */
function bruteForce(changes: readonly AgentChange[], from: number, to: number): unknown {
  const last = (partyId: string, version: number) => {
    const own = changes.filter((one) => one.partyId === partyId && one.version <= version)
    const newest = own.at(-1)
    return newest?.change === 'ended' ? undefined : newest
  }
  const found: Record<string, unknown> = {}
  for (const id of ['mail-relay', 'telemetry', 'tickets']) {
    const was = last(id, from)
    const is = last(id, to)
    if (!was && is) found[id] = 'listed'
    if (was && !is) found[id] = 'ended'
    if (!was || !is) continue
    const a = termsForEntry(was.terms) as Record<string, unknown>
    const b = termsForEntry(is.terms) as Record<string, unknown>
    const differs = (field: string) => {
      try {
        assert.deepEqual(a[field], b[field])
        return false
      } catch {
        return true
      }
    }
    const fields = Object.keys(a).filter(differs).sort()
    if (fields.length > 0) found[id] = fields
  }
  return found
}

function equalsBruteForce(difference: typeof agentDifference): void {
  fc.assert(
    fc.property(
      histories,
      fc.integer({ min: 0, max: 14 }),
      fc.integer({ min: 0, max: 14 }),
      (changes, from, to) => {
        const { listed, ended, changed } = difference(changes, { version: from }, { version: to })
        const told: Record<string, unknown> = {}
        for (const { partyId } of listed) told[partyId] = 'listed'
        for (const { partyId } of ended) told[partyId] = 'ended'
        for (const { partyId, fields } of changed)
          told[partyId] = fields.map(({ field }) => field).sort()
        assert.deepEqual(told, bruteForce(changes, from, to))
      },
    ),
    { numRuns: 500, seed: 4 },
  )
}

/** A date stands for the last version that was made by then. */
function datesAreVersions(difference: typeof agentDifference): void {
  fc.assert(
    fc.property(histories, fc.integer({ min: -1, max: 45 }), (changes, hours) => {
      const at = START + hours * HOUR_IN_MS
      const version = changes.filter((one) => one.at <= at).length
      const end = { version: 99 }
      assert.deepEqual(difference(changes, { at }, end), difference(changes, { version }, end))
    }),
    { numRuns: 200, seed: 4 },
  )
}

const TWINS: Readonly<Record<string, typeof agentDifference>> = {
  'forgets those that ended': (...given) => ({ ...agentDifference(...given), ended: [] }),
  'tells of every change as a difference': (changes, before, after) => ({
    ...agentDifference(changes, before, after),
    changed: changes
      .filter((one) => one.change === 'changed')
      .map(({ partyId }) => ({ partyId, fields: [] })),
  }),
  'compares without the data': (...given) => {
    const found = agentDifference(...given)
    const changed = found.changed.map((one) => ({
      ...one,
      fields: one.fields.filter(({ field }) => field !== 'dataCategories'),
    }))
    return { ...found, changed }
  },
  'leaves out what was changed at the very time': (changes, before, after) =>
    agentDifference(changes, 'at' in before ? { at: before.at - 1 } : before, after),
}

describe('the difference between two states of the list of agents', () => {
  it('equals a brute-force comparison over random histories', () => {
    equalsBruteForce(agentDifference)
  })

  it('is the same by date as by version', () => {
    datesAreVersions(agentDifference)
  })

  for (const [fault, twin] of Object.entries(TWINS))
    it(`catches one that ${fault}`, () => {
      assert.throws(() => {
        equalsBruteForce(twin)
        datesAreVersions(twin)
      })
    })
})
