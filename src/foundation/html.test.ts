import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { escaped } from './html.ts'

describe('text in HTML', () => {
  it('can open no tag and leave no quotes, and reads as it was', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('<', '>', '"', "'", '&', 'a', ';') }),
        (text) => {
          const safe = escaped(text)
          assert.doesNotMatch(safe, /[<>"']/)
          const judge = safe
            .replaceAll('&lt;', '<')
            .replaceAll('&gt;', '>')
            .replaceAll('&quot;', '"')
            .replaceAll('&#39;', "'")
            .replaceAll('&amp;', '&')
          assert.equal(judge, text)
        },
      ),
    )
  })
})
