import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { flatKind } from './flat.ts'

const device = flatKind('Device')
const ITEM = 'device.previousNames'
const flattened = (names: readonly string[]): unknown =>
  device.flatten({ previousDeviceNames: names })[ITEM]
/** What the record is to say, in one line. */
const judge = (names: readonly string[]): unknown =>
  names.length === 0 ? undefined : names.join('\n')

/** How many elements of arrays are gone through while the work is done. */
function steps(work: () => void): number {
  let count = 0
  const original = Object.getOwnPropertyDescriptor(Array.prototype, Symbol.iterator)
  const counting = function* (this: readonly unknown[]) {
    for (let i = 0; i < this.length; i++) {
      count++
      yield this[i]
    }
  }
  // oxlint-disable-next-line no-extend-native -- to count, and put back in the end
  Object.defineProperty(Array.prototype, Symbol.iterator, { ...original, value: counting })
  try {
    work()
  } finally {
    // oxlint-disable-next-line no-extend-native -- to count, and put back in the end
    Object.defineProperty(Array.prototype, Symbol.iterator, { ...original })
  }
  return count
}

describe('a flat record of Android Management', () => {
  it('holds all values of one item, as a simple judge joins them', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z]{1,8}$/)), (names) =>
        assert.deepEqual(flattened(names), judge(names)),
      ),
    )
    const many = Array.from({ length: 40_000 }, (_, i) => `synthetic-${i}`)
    assert.equal(flattened(many), judge(many))
  })

  it('goes through each of many values of one item a few times only', () => {
    const names = (count: number) => Array.from({ length: count }, (_, i) => `synthetic-${i}`)
    const [few, many] = [names(500), names(1_000)]
    const alone = steps(() => flattened(few))
    assert.ok(alone >= few.length)
    const twice = steps(() => flattened(many))
    assert.ok(twice <= 2.1 * alone, `${twice} steps for twice what took ${alone}`)
    // What copies all that it has for each that comes would be noticed.
    const copies = (values: readonly string[]) => () => {
      let found: readonly string[] = []
      for (const value of values) found = [...found, value]
    }
    assert.ok(steps(copies(many)) > 2.1 * steps(copies(few)))
  })
})
