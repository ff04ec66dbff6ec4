import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { bearerOf } from './bearer.ts'

describe('a bearer token', () => {
  it('is what stands behind the word, whatever its case', () => {
    for (const header of ['Bearer a.b~c', 'bearer a.b~c', 'BEARER a.b~c'])
      assert.equal(bearerOf(header), 'a.b~c')
    assert.equal(bearerOf(`Bearer ${'x'.repeat(512)}`), 'x'.repeat(512))
  })

  it('is none where there is another scheme, no token, two, or too much', () => {
    for (const header of [
      undefined,
      '',
      'Bearer',
      'Bearer ',
      'Bearer  a',
      'Bearer a b',
      ' Bearer a',
      'Basic YTpi',
      'Bearer \u00e4',
      `Bearer ${'x'.repeat(513)}`,
    ])
      assert.equal(bearerOf(header), undefined)
  })
})
