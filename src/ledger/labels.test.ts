import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { entryBytes } from './append.ts'
import type { Entry } from './entry.ts'
import { labelsOf } from './labels.ts'

const anyEntry: fc.Arbitrary<Entry> = fc.record({
  id: fc.uuid(),
  at: fc.constant('2030-01-01T00:00:00.000Z'),
  kind: fc.constantFrom('read', 'ledger.read', 'support.provider-approved'),
  actor: fc.oneof(
    fc.uuid().map((id) => `admin:${id}`),
    fc.string({ unit: 'binary', maxLength: 400 }).filter((text) => text.isWellFormed()),
  ),
  data: fc.record({
    // What looks like a label inside the data is none.
    kind: fc.constantFrom('x', '","kind":"reveal","v":1}', 'device'),
    actor: fc.constantFrom('admin:1', '{"actor":"y","at":"z",'),
    v: fc.nat(),
  }),
})

describe('labels of entries', () => {
  it('are what parsing the whole entry says, whatever stands in it', () => {
    fc.assert(
      fc.property(anyEntry, (entry) => {
        const { at, kind, actor } = entry
        assert.deepEqual(labelsOf(entryBytes(entry)), { at, kind, actor })
      }),
      { numRuns: 2_000 },
    )
  })
})
