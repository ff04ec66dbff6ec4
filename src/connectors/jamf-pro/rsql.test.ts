import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { syntheticComputer } from '../../../sandbox/jamf/devices.ts'
import { readFilter } from '../../../sandbox/jamf/rsql.ts'
import { type Rsql, parseRsql, printRsql, selectorsOf } from './rsql.ts'

const PATHS = ['id', 'general.name', 'hardware.serialNumber', 'operatingSystem.version']
const rows = Array.from({ length: 12 }, (_, i) => syntheticComputer(i + 1))

const comparison = fc.record({
  kind: fc.constant('comparison' as const),
  selector: fc.constantFrom(...PATHS),
  operator: fc.constantFrom('==', '!=', '<', '<=', '>', '>=', '=lt=', '=ge='),
  values: fc.tuple(fc.constantFrom('1', '7', '15.2', 'Anna*', "it's", 'a "b" \\c', '*', 'x;y,(z)')),
})
const membership = fc.record({
  kind: fc.constant('comparison' as const),
  selector: fc.constantFrom(...PATHS),
  operator: fc.constantFrom('=in=', '=out='),
  values: fc.array(fc.constantFrom('1', '2', '15.1', 'a,b'), { minLength: 1, maxLength: 3 }),
})
const { filter } = fc.letrec<{ filter: Rsql }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 3 },
    comparison,
    membership,
    fc.record({
      kind: fc.constantFrom('and' as const, 'or' as const),
      parts: fc.array(tie('filter'), { minLength: 2, maxLength: 3 }),
    }),
  ),
}))

describe('RSQL', () => {
  it('reads every form that Jamf Pro and its clients write', () => {
    for (const text of [
      'general.name=="Orchard"',
      "general.name=='O\\'Hara'",
      'id=in=(1,2, 3)',
      'general.name==Mac* and (id>3 or id=le=1)',
      'id>=1;id<9,id!=4',
      'general.reportDate>=2024-01-01T00:00:00Z',
    ])
      assert.ok(parseRsql(text), text)
    assert.deepEqual(selectorsOf(parseRsql('a==1;(b==2,a==3) and c.d!=4') ?? assert.fail()), [
      'a',
      'b',
      'c.d',
    ])
  })

  it('P4 is none where anything is left over, open, empty, too deep or too long', () => {
    for (const text of [
      '',
      'a',
      'a==',
      'a==1;',
      ',a==1',
      'a==1 b==2',
      '(a==1',
      'a==1)',
      'a=like=1',
      'a=in=1',
      'a=in=()',
      'a=="1',
      'a==1%00)',
      'a==(1)',
      '1a==1',
      'a..b==1',
      '__proto__==1',
      'a==1\u0000(',
      `${'('.repeat(40)}a==1${')'.repeat(40)}`,
      `a==${'x'.repeat(4_000)}`,
    ])
      assert.equal(parseRsql(text), undefined, text.slice(0, 40))
  })

  it('written anew it means the same, by another reader', () => {
    const allowed = new Set(PATHS)
    fc.assert(
      fc.property(filter, (made) => {
        const text = printRsql(made)
        const again = parseRsql(text) ?? assert.fail(text)
        assert.equal(printRsql(again), text)
        const judge = readFilter(text, allowed) ?? assert.fail(text)
        assert.deepEqual(rows.map(judge), rows.map(plainly(made)), text)
      }),
      { numRuns: 300, seed: 4 },
    )
  })

  it('never sees fewer selectors than a server that reads the same text', () => {
    const pieces = fc.constantFrom(
      ...[
        'id',
        'general.name',
        '==',
        '=in=',
        '(',
        ')',
        ';',
        ',',
        '"',
        "'",
        '1',
        ' ',
        'and',
        'or',
        '\\',
        '*',
        '<',
        '!=',
      ],
    )
    fc.assert(
      fc.property(
        fc.array(pieces, { maxLength: 14 }).map((parts) => parts.join('')),
        (text) => {
          const ours = parseRsql(text)
          if (!ours || !readFilter(text, new Set(PATHS))) return
          // What the server could filter by is what it takes when only that is allowed.
          const seen = new Set(selectorsOf(ours))
          assert.ok(readFilter(printRsql(ours), seen), text)
          assert.ok(readFilter(text, seen), text)
        },
      ),
      { numRuns: 2_000, seed: 7 },
    )
  })
})

/** What a filter means, from its tree: the simplest judge. */
function plainly(rsql: Rsql): (row: (typeof rows)[number]) => boolean {
  if (rsql.kind === 'comparison') {
    const test = readFilter(printRsql(rsql), new Set(PATHS)) ?? assert.fail()
    return (row) => test(row)
  }
  const tests = rsql.parts.map(plainly)
  return (row) =>
    rsql.kind === 'and' ? tests.every((test) => test(row)) : tests.some((test) => test(row))
}
