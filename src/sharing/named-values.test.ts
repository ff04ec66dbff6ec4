import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { array, leaf, map, object } from '#catalog/shape.ts'
import { parsedJson } from '#foundation/json.ts'
import { rewriteValues, valuesOf } from './named-values.ts'

const id = leaf('person.intuneUserIdGuid')
const shape = object({
  users: array(object({ id, other: leaf('app.bundleId') })),
  ids: array(id),
  byName: map(leaf('app.bundleId'), object({ id })),
})
const word = fc.stringMatching(/^[a-c]{1,2}$/)
const user = fc.record({ id: word, other: word, note: word }, { requiredKeys: [] })
const document = fc.record(
  { users: fc.array(user), ids: fc.array(word), byName: fc.dictionary(word, user), note: word },
  { requiredKeys: [] },
)

/** The same by another way: knows the places by hand. */
function judge(read: {
  users?: { id?: string }[]
  ids?: string[]
  byName?: Record<string, { id?: string }>
}): Set<string> {
  const found = [
    ...(read.users ?? []).map((one) => one.id),
    ...(read.ids ?? []),
    ...Object.values(read.byName ?? {}).map((one) => one.id),
  ]
  return new Set(found.filter((one) => one !== undefined))
}

describe('values of one item in a document', () => {
  const items = (read: unknown) => valuesOf(shape, read, 'person.intuneUserIdGuid')

  it('are found at every place of the item and at no other', () => {
    fc.assert(
      fc.property(document, (read) => assert.deepEqual(items(read), judge(read))),
      { seed: 5, numRuns: 300 },
    )
  })

  it('can be rewritten and rewritten back, and nothing else changes', () => {
    const there = (text: string) => `#${text}`
    const back = (text: string) => text.slice(1)
    fc.assert(
      fc.property(document, (read) => {
        const changed = rewriteValues(shape, read, 'person.intuneUserIdGuid', there)
        assert.deepEqual(items(changed), new Set([...judge(read)].map(there)))
        const again = rewriteValues(shape, changed, 'person.intuneUserIdGuid', back)
        assert.equal(JSON.stringify(again), JSON.stringify(read))
      }),
      { seed: 6, numRuns: 300 },
    )
  })

  it('are not looked for where the document is of another form, or none', () => {
    for (const odd of [null, 7, 'x', [], { users: 'x', ids: { id: 'a' }, byName: ['a'] }])
      assert.deepEqual(items(odd), new Set())
    assert.equal(parsedJson(Buffer.from('{half')), undefined)
    const proto = JSON.parse('{"__proto__": {"ids": ["a"]}, "ids": ["b"]}')
    assert.deepEqual(items(proto), new Set(['b']))
  })
})
