import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { asObject, isKeepable, parsedJson } from './json.ts'

describe('JSON from elsewhere', () => {
  it('is what it says, or nothing', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const judge: unknown = JSON.parse(text)
        assert.deepEqual(parsedJson(text), judge)
        assert.deepEqual(parsedJson(Buffer.from(text)), judge)
      }),
    )
    for (const none of [undefined, '', '{', 'nothing', '\uFEFF{}', '{}x'])
      assert.equal(parsedJson(none), undefined)
  })

  it('is an object only where it has members', () => {
    for (const none of [undefined, null, [], [{}], 'text', 1, true])
      assert.equal(asObject(none), undefined)
    const some = { a: 1 }
    assert.equal(asObject(some), some)
    assert.deepEqual(asObject(parsedJson('{"__proto__":1}')), parsedJson('{"__proto__":1}'))
  })

  it('is keepable exactly where it comes back from UTF-8 as it was, without a zero', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom('a', '\0', '\uD800', '\uDC00', '\u{1F600}') }),
    )
    fc.assert(
      fc.property(text, (one) => {
        const judge = Buffer.from(one).toString() === one && !Buffer.from(one).includes(0)
        assert.equal(isKeepable(one), judge)
      }),
    )
  })
})
