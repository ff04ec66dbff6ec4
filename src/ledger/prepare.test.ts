import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Json } from '#foundation/canonical-json.ts'
import { entryTemplate, prepareEntry, segmentValues } from './prepare.ts'

const text = fc.string({ unit: 'binary', maxLength: 20 }).filter((one) => one.isWellFormed())
const json: fc.Arbitrary<Json> = fc.oneof(
  text,
  fc.integer(),
  fc.constant(null),
  fc.array(text, { maxLength: 3 }),
  fc.dictionary(text, fc.nat(), { maxKeys: 3 }),
)
const head = fc.record({
  id: fc.uuid(),
  at: fc.constant('2030-01-01T00:00:00.000Z'),
  actor: text,
})
const names = fc.uniqueArray(fc.oneof(text, fc.constantFrom('id', 'kind', 'v')), { maxLength: 8 })

describe('entries made ready to be written', () => {
  it('are the same bytes with a template as without, whatever is fixed, open or left out', () => {
    fc.assert(
      fc.property(
        head,
        names,
        fc.array(json, { minLength: 8, maxLength: 8 }),
        fc.nat(),
        (one, keys, values, cut) => {
          const members = keys.map((key, i) => [key, values[i] ?? null] as const)
          const at = cut % (keys.length + 1)
          const fixed = Object.fromEntries(members.slice(0, at))
          // The last open member is left out, as an outcome without a status does.
          const open = Object.fromEntries(members.slice(at, -1))
          const write = entryTemplate('outcome', fixed, keys.slice(at))
          assert.deepEqual(
            write({ ...one, data: open }),
            prepareEntry({ ...one, kind: 'outcome', data: { ...fixed, ...open } }),
          )
        },
      ),
      { numRuns: 2_000 },
    )
  })

  it('are refused by their kind when they are larger than a bundle can hold', () => {
    const write = entryTemplate('outcome', {}, ['text'])
    const data = { text: 'x'.repeat(70_000) }
    assert.throws(
      () => write({ id: 'i', at: 'a', actor: 'b', data }),
      new RangeError('an entry of kind outcome is too large'),
    )
  })

  it('name the least and the greatest of their ids, in whatever order they are', () => {
    const entries = ['b', 'c', 'a'].map((id) =>
      prepareEntry({ id, at: 'x', kind: 'outcome', actor: 'y', data: {} }),
    )
    const [ids, , , , least, greatest, wide, hashes] = segmentValues(entries)
    assert.deepEqual([ids, least, greatest, wide], ['{"b","c","a"}', 'a', 'c', false])
    assert.equal((hashes as Buffer).length, 96)
  })
})
