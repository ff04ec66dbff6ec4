import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { keyedHash, sameSecret } from './hashing.ts'

describe('keyedHash', () => {
  it('is HMAC-SHA-256 as Node computes it, for any key and any value, one after the other', () => {
    const key = fc.uint8Array({ minLength: 1, maxLength: 150 }).map((bytes) => Buffer.from(bytes))
    const value = fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary', maxLength: 400 }),
      fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
    )
    fc.assert(
      fc.property(key, fc.array(value, { maxLength: 5 }), (secret, values) => {
        const whole = keyedHash(secret)
        const short = keyedHash(secret, 18)
        for (const one of values) {
          const judge = createHmac('sha256', secret).update(one).digest()
          assert.equal(whole(one), judge.toString('base64url'))
          assert.equal(short(one), judge.toString('base64url', 0, 18))
        }
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('sameSecret', () => {
  it('is equality of texts, and what did not come is no secret', () => {
    const text = fc.oneof(fc.string(), fc.string({ maxLength: 1 }))
    fc.assert(
      fc.property(text, text, (came, expected) => {
        assert.equal(sameSecret(came, expected), came === expected)
        assert.equal(sameSecret(expected, expected), true)
        for (const none of [undefined, null]) assert.equal(sameSecret(none, expected), false)
      }),
    )
    assert.equal(sameSecret(undefined, ''), false)
  })
})
