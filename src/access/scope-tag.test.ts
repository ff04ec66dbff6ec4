import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Access } from './permission.ts'
import { checkTags, tagsOnCreate } from './scope-tag-change.ts'
import { type TagScope, covers, sees, unite } from './scope-tag.ts'

const holding = (scope: TagScope): Access => ({
  permissions: new Set(['Managed devices/Update']),
  may: (permission) => permission === 'Managed devices/Update',
  tagsFor: () => scope,
})
const north = holding(new Set(['north']))
const check = (access: Access, before: string[], after: string[]) =>
  checkTags(access, 'Managed devices/Update', before, after)?.refused ?? 'may'

describe('scope tags', () => {
  it('tag.visibility: one shared tag is enough, and none is the default tag', () => {
    assert.ok(sees(new Set(['north']), ['south', 'north']))
    assert.ok(!sees(new Set(['north']), ['south']))
    assert.ok(sees(new Set(['default']), []))
    assert.ok(!sees(new Set(['north']), []))
    assert.ok(sees('all', ['south']))
  })
  it('everything covers each tag, and no number of tags covers everything', () => {
    assert.ok(covers('all', new Set(['north'])))
    assert.ok(!covers(new Set(['north']), 'all'))
    assert.ok(!covers(new Set(['north']), new Set(['north', 'south'])))
    assert.deepEqual(unite([new Set(['a']), new Set(['b'])]), new Set(['a', 'b']))
    assert.equal(unite([new Set(['a']), 'all']), 'all')
  })
  it('tag.auto-on-create: a new object gets all tags of who makes it', () => {
    assert.deepEqual(tagsOnCreate(holding(new Set(['south', 'north'])), 'x'), ['north', 'south'])
    assert.deepEqual(tagsOnCreate(holding('all'), 'x'), ['default'])
  })
  it('tag.only-own: only an own tag is given or taken', () => {
    assert.equal(check(north, ['north'], ['north', 'south']), 'scope_tag_not_own')
    assert.equal(check(north, ['north', 'south'], ['north']), 'scope_tag_not_own')
    assert.equal(check(holding('all'), ['north'], ['south']), 'may')
    const both = holding(new Set(['north', 'south']))
    assert.equal(check(both, ['north'], ['south']), 'may')
  })
  it('tag.keep-one: nobody takes the last tag, or the last of their own', () => {
    assert.equal(check(holding('all'), ['north'], []), 'scope_tag_last')
    assert.equal(check(north, ['north'], []), 'scope_tag_last')
    assert.equal(check(north, ['north', 'south'], ['south']), 'scope_tag_last')
  })
  it('tag.max-per-object: at most 100', () => {
    const many = Array.from({ length: 101 }, (_, i) => `t${i}`)
    assert.equal(check(holding('all'), ['t0'], many), 'body_malformed')
    assert.equal(check(holding('all'), ['t0'], many.slice(1)), 'may')
  })
  it('an object out of reach stays as it is', () => {
    assert.equal(check(north, ['south'], ['north', 'south']), 'out_of_scope')
    assert.equal(
      checkTags(north, 'Managed devices/Delete', ['north'], ['north'])?.refused,
      'role_missing',
    )
  })
})
