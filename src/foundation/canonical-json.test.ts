import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import canonicalize from 'canonicalize'
import fc from 'fast-check'
import { type Json, canonicalJson } from './canonical-json.ts'

describe('canonicalJson', () => {
  it('writes what the JCS implementation of the author of RFC 8785 writes, for any JSON', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 20 })
    const { json } = fc.letrec<{ json: Json }>((tie) => ({
      json: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom(null, true, false, 0, -0, 1e21, 1e-7, 0.1 + 0.2, 2 ** 53),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        text,
        fc.string({ maxLength: 20 }),
        fc.constantFrom('"', '\\', '\u007f', '\u2028', '\u0000', '/', '€', '😀', '\ufb33'),
        fc.array(tie('json'), { maxLength: 6 }),
        fc.dictionary(fc.oneof(text, fc.nat().map(String)), tie('json'), { maxKeys: 6 }),
      ),
    }))
    fc.assert(
      fc.property(json, (value) => assert.equal(canonicalJson(value), canonicalize(value))),
      { numRuns: 2_000 },
    )
  })

  it('sorts members by UTF-16 code units and prints numbers as section 3.2.2 of RFC 8785 shows', () => {
    const value = {
      numbers: [Number('333333333.33333329'), 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: '\u20ac$\u000f\nA\'B"\\\\"/',
      literals: [null, true, false],
      '10': 'ten',
      '9': 'nine',
    }
    assert.equal(
      canonicalJson(value),
      '{"10":"ten","9":"nine","literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    )
  })

  it('leaves a member out that is undefined, and refuses what JSON cannot say', () => {
    assert.equal(canonicalJson({ b: undefined, a: 1 } as unknown as Json), '{"a":1}')
    for (const value of [
      Number.NaN,
      Infinity,
      '\ud800',
      ['x\udc00'],
      { '\ud800': 1 },
      1n,
      undefined,
    ]) {
      assert.throws(() => canonicalJson(value as Json), TypeError)
    }
  })
})
