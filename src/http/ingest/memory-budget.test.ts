import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memoryBudget } from './memory-budget.ts'

describe('memory of bodies', () => {
  it('is bounded over all requests, and free again when one ends', () => {
    const claim = memoryBudget(10)
    const [one, other] = [claim(), claim()]
    assert.deepEqual(
      [one.add(6), other.add(4), other.add(1), one.add(0)],
      [true, true, false, true],
    )
    one.release()
    one.release()
    assert.deepEqual([other.add(6), other.add(1)], [true, false])
  })

  it('many requests that sent little keep nobody out', () => {
    const claim = memoryBudget(1_000)
    for (let i = 0; i < 500; i++) claim().add(1)
    assert.ok(claim().add(500))
  })
})
