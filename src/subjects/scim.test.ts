import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { isScimError } from './scim-error.ts'
import { type ScimFilter, parseFilter, parsePath } from './scim-filter.ts'
import { matchesScim } from './scim-match.ts'
import { patchUser, readUser } from './scim-user.ts'

const anna = {
  userName: 'anna@example.org',
  active: true,
  emails: [{ value: 'anna@example.org', type: 'work', primary: true }],
}
const patched = (...operations: Parameters<typeof patchUser>[1]) => {
  const read = patchUser(anna, operations)
  if (isScimError(read)) throw new Error(read.detail)
  return read
}

describe('PATCH as Entra ID and Okta really send it', () => {
  it('reads a boolean that is a word with a capital, under an operation with a capital', () => {
    const { user } = patched({ op: 'Replace', path: 'active', value: 'False' })
    assert.equal(user.active, false)
  })
  it('reads a value without a path, with paths as its keys', () => {
    const { user, notKept } = patched({
      op: 'replace',
      value: {
        active: false,
        'emails[type eq "work"].value': 'a@example.org',
        'name.familyName': 'Andersson',
        'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department': 'Sales',
      },
    })
    assert.equal(user.active, false)
    assert.deepEqual(user.emails, [{ value: 'a@example.org', type: 'work', primary: true }])
    assert.deepEqual(notKept, ['name', 'extension'])
  })
  it('makes the address that the path tells of where there is none yet', () => {
    const { user } = patched({
      op: 'Add',
      path: 'emails[type eq "home"].value',
      value: 'h@example.org',
    })
    assert.deepEqual(user.emails[1], { type: 'home', value: 'h@example.org' })
  })
  it('removes one address by its value, and all without a filter', () => {
    const path = 'emails[value eq "ANNA@example.org"]'
    assert.deepEqual(patched({ op: 'remove', path }).user.emails, [])
    assert.deepEqual(patched({ op: 'remove', path: 'emails' }).user.emails, [])
  })
  it('counts no half: one operation that cannot be done undoes the others', () => {
    const read = patchUser(anna, [
      { op: 'replace', path: 'active', value: false },
      { op: 'remove', path: 'userName' },
    ])
    assert.ok(isScimError(read) && read.scimType === 'mutability')
  })
  it('P12 keeps nothing but the four attributes, whatever is sent, and names no other by what was sent', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.anything()), (more) => {
        const read = readUser({ ...more, userName: 'x@example.org', emails: [], active: true })
        if (isScimError(read)) return
        const kept = new Set(['userName', 'externalId', 'active', 'emails'])
        assert.ok(Object.keys(read.user).every((name) => kept.has(name)))
        assert.ok(
          read.notKept.every(
            (name) => /^[a-z0-9]+$/.test(name) && !(name in more && name === '__proto__'),
          ),
        )
      }),
      { seed: 6, numRuns: 300 },
    )
  })
})

describe('filters', () => {
  it('reads what directories ask, in any case, and fits it as the RFC says', () => {
    for (const [text, fits] of [
      ['userName eq "ANNA@EXAMPLE.ORG"', true],
      ['USERNAME Eq "bo@example.org"', false],
      ['urn:ietf:params:scim:schemas:core:2.0:User:userName eq "anna@example.org"', true],
      ['emails[type eq "work"].value eq "anna@example.org"', true],
      ['emails[type eq "home" and value eq "anna@example.org"]', false],
      ['emails.type eq "work" and not (active eq false)', true],
      ['userName sw "bo" or userName ew "org" and emails pr', true],
    ] as const) {
      const filter = parseFilter(text)
      assert.ok(!isScimError(filter), text)
      assert.equal(matchesScim(filter, anna), fits, text)
    }
  })
  it('refuses what is no filter, and never hangs on it', () => {
    for (const text of [
      '',
      'userName',
      'userName eq',
      'userName eq x',
      '(a pr',
      'a pr b',
      'a eq "\\"',
    ])
      assert.ok(isScimError(parseFilter(text)), text)
    assert.ok(isScimError(parseFilter('('.repeat(500))))
    assert.ok(isScimError(parsePath('emails[')))
  })
  it('reads back every filter that can be written', () => {
    const leaf: fc.Arbitrary<ScimFilter> = fc.record({
      op: fc.constantFrom('eq', 'ne', 'co'),
      path: fc.constantFrom('username', 'emails.value', 'active'),
      value: fc.oneof(fc.string(), fc.boolean(), fc.integer()),
    })
    const tree = fc.letrec<{ node: ScimFilter }>((tie) => ({
      node: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        leaf,
        fc.record({ op: fc.constantFrom('and', 'or'), of: fc.tuple(tie('node'), tie('node')) }),
        fc.record({ op: fc.constant('not'), of: tie('node') }),
      ) as fc.Arbitrary<ScimFilter>,
    })).node
    fc.assert(
      fc.property(tree, (filter) =>
        assert.deepEqual(parseFilter(write(filter)), JSON.parse(JSON.stringify(filter))),
      ),
      { seed: 7, numRuns: 300 },
    )
  })
})

function write(filter: ScimFilter): string {
  if (filter.op === 'not') return `not (${write(filter.of)})`
  if (filter.op === 'and' || filter.op === 'or')
    return `(${write(filter.of[0])}) ${filter.op} (${write(filter.of[1])})`
  return 'value' in filter ? `${filter.path} ${filter.op} ${JSON.stringify(filter.value)}` : ''
}
