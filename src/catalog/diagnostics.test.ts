import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import {
  DEFAULT_DIAGNOSTICS_LEVEL,
  DIAGNOSTICS_FORBIDDEN,
  DIAGNOSTICS_ITEMS,
  DIAGNOSTICS_KEPT_IN_DAYS,
  DIAGNOSTICS_LEVELS,
  DIAGNOSTICS_PURPOSES,
  type DiagnosticsItem,
  NEVER_IN_DIAGNOSTICS,
} from './diagnostics.ts'

interface Facts {
  minimum: string
  levels: { id: string; rank: number; adds: { area: string; items: string[] }[] }[]
  notCollectedAtLevels: { identifiers: string[]; alsoIn2021Overview: string[] }
  allowedPurposes: string[]
  forbiddenPurposes: string[]
  retention: { keepDays: number }
}
const facts: Facts = JSON.parse(
  readFileSync(
    join(import.meta.dirname, '..', '..', 'test', 'facts', 'configmgr-diagnostics.json'),
    'utf8',
  ),
)
const rows = (levels: Facts['levels']): string[] =>
  levels.flatMap(({ id, adds }) =>
    adds.flatMap(({ area, items }) => items.map((says) => `${id} | ${area} | ${says}`)),
  )
const CLASSES = /^(?:device-attribute|organisation|app|policy|aggregate|sensitive)$/

/** Every difference between the fact file and the items. */
function differences(items: readonly DiagnosticsItem[], published: readonly string[]): string[] {
  const named = (one: DiagnosticsItem): string => `${one.level} | ${one.area} | ${one.says}`
  const ours = items.map(named)
  return [
    ...published.filter((row) => !ours.includes(row)).map((row) => `missing ${row}`),
    ...ours.filter((row) => !published.includes(row)).map((row) => `extra ${row}`),
    ...ours.filter((row, i) => ours.indexOf(row) !== i).map((row) => `twice ${row}`),
    ...items.filter((one) => !CLASSES.test(one.class)).map((one) => `unclassified ${named(one)}`),
    ...items
      .filter((one) => /hash/.test(one.says) && one.form !== 'hashes')
      .map((one) => `not hashed ${named(one)}`),
    ...items
      .filter((one) => (one.area === 'Advanced diagnostics') !== (one.need === 'never'))
      .map((one) => `taken in ${named(one)}`),
  ]
}

const shipped = [...DIAGNOSTICS_ITEMS.values()]
const published = rows(facts.levels)

describe('diagnostics items against the facts', () => {
  it('are every published item, each once, classified, and hashed where the source hashes', () => {
    assert.equal(published.length, 152)
    assert.deepEqual(differences(shipped, published), [])
  })

  it('would notice a missing, an extra, a doubled, an unclassified and an unhashed row', () => {
    const [first, ...others] = shipped
    assert.ok(first)
    const hashed = shipped.find(({ form }) => form === 'hashes') ?? assert.fail()
    const spoil = (item: object): DiagnosticsItem[] =>
      shipped.map((one) => (one === hashed ? { ...one, ...item } : one))
    const wrong: [readonly DiagnosticsItem[], RegExp][] = [
      [others, /^missing /],
      [[...shipped, { ...first, says: 'invented' }], /^extra /],
      [[...shipped, first], /^twice /],
      [spoil({ class: 'whatever' }), /^unclassified /],
      [spoil({ form: 'words' }), /^not hashed /],
      [spoil({ need: 'never' }), /^taken in /],
    ]
    for (const [items, complaint] of wrong)
      assert.match(differences(items, published).join('\n'), complaint)
  })

  it('have the levels in their order, and start at the least', () => {
    const byRank = facts.levels.toSorted((a, b) => a.rank - b.rank).map(({ id }) => id)
    assert.deepEqual(DIAGNOSTICS_LEVELS, byRank)
    assert.equal(DEFAULT_DIAGNOSTICS_LEVEL, facts.minimum)
  })

  it('P15 have three purposes, which cover what the source allows and nothing that it forbids', () => {
    assert.equal(DIAGNOSTICS_PURPOSES.size, 3)
    assert.deepEqual(
      [...new Set([...DIAGNOSTICS_PURPOSES.values()].flat())].toSorted(),
      facts.allowedPurposes.toSorted(),
    )
    assert.deepEqual([...DIAGNOSTICS_FORBIDDEN.values()], facts.forbiddenPurposes)
    for (const id of DIAGNOSTICS_FORBIDDEN.keys()) assert.ok(!DIAGNOSTICS_PURPOSES.has(id))
  })

  it('are kept no longer than published, and never hold the published identifiers', () => {
    assert.equal(DIAGNOSTICS_KEPT_IN_DAYS, facts.retention.keepDays)
    const { identifiers, alsoIn2021Overview } = facts.notCollectedAtLevels
    assert.deepEqual(NEVER_IN_DIAGNOSTICS, [...identifiers, ...alsoIn2021Overview])
  })
})
