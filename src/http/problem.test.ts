import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { REFUSALS, type RefusalCode, refuse } from '#foundation/refusal.ts'
import { faultBody, isRetryable, refusalBody, statusOf } from './problem.ts'

const NAMES = { date: '2030-01-01T00:00:00.000Z', requestId: 'r', clientRequestId: undefined }
const CODES = Object.keys(REFUSALS) as RefusalCode[]

describe('an error of the API', () => {
  it('has a status and a code of Graph for every reason there is to say no', () => {
    for (const code of CODES) {
      assert.ok(statusOf(code) >= 400 && statusOf(code) < 600, code)
      assert.match(refusalBody(refuse(code), NAMES).error.code, /^[A-Z][A-Za-z]+$/, code)
      assert.equal(refusalBody(refuse(code), NAMES).error.innerError.code, code)
    }
  })

  it('would fail for a reason that has none', () => {
    assert.throws(() => statusOf('no_such_reason' as RefusalCode))
  })

  it('asks to come again only where that can help', () => {
    const again = CODES.filter(isRetryable)
    assert.deepEqual(again.toSorted(), [
      'evidence_unavailable',
      'idempotency_running',
      'lease_expired',
      'rate_limited',
      'too_many_requests',
    ])
  })

  it('says nothing of a fault but the id that leads to it', () => {
    assert.deepEqual(faultBody(NAMES).error.innerError, {
      date: NAMES.date,
      'request-id': 'r',
    })
  })
})
