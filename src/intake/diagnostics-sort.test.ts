import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { DIAGNOSTICS_ITEMS, DIAGNOSTICS_LEVELS, rankOf } from '#catalog/diagnostics.ts'
import { keyedHash } from '#foundation/hashing.ts'
import { hashedBytes, keyedForm, publishedHash } from './diagnostics-hash.ts'
import { sortDiagnostics } from './diagnostics-sort.ts'
import { holdsIdentifier, isProductText } from './diagnostics-words.ts'

const vectors: { input: string; kind: string; output: string }[] = JSON.parse(
  readFileSync(
    join(import.meta.dirname, '..', '..', 'test', 'facts', 'configmgr-diagnostics.json'),
    'utf8',
  ),
).hashTestVectors

const keyed = keyedHash(Buffer.alloc(32, 7))
const hide = (text: string): string => keyedForm(keyed, text)
const FIGURES =
  'diagnostics.basic.client.counts-by-language-client-version-os-version-office-version'
const WORDS = 'diagnostics.basic.client.top-10-processor-names'
const HASHES = 'diagnostics.basic.site-database.hashed-list-of-heavy-sql-queries'
const FILES = 'diagnostics.full.advanced-diagnostics.log-files'
const ENHANCED = 'diagnostics.enhanced.cmpivot.saved-query-count'
const sort = (results: { item: string; value: unknown }[], level = DIAGNOSTICS_LEVELS[0]) =>
  sortDiagnostics({ results }, level ?? 'basic', hide)
const keptOf = (item: string, value: unknown) => sort([{ item, value }])[0]?.kept

describe('hashing of diagnostics', () => {
  it('gives every published test vector', () => {
    assert.ok(vectors.length >= 5)
    for (const { input, output } of vectors) assert.equal(publishedHash(input), output, input)
  })
  it('reads a GUID in each form that people write, and anything else as text', () => {
    const [vector] = vectors
    const { input, output } = vector ?? assert.fail()
    for (const form of [
      input.toUpperCase(),
      input.replaceAll('-', ''),
      `{${input}}`,
      `(${input})`,
      ` ${input} `,
    ])
      assert.equal(publishedHash(form), output, form)
    for (const text of [
      `{${input})`,
      `${input}0`,
      input.slice(1),
      `{${input.replaceAll('-', '')}}`,
    ])
      assert.equal(hashedBytes(text).length, text.length * 2, text)
  })
  it('a wrong byte order, a wrong encoding and no key are each found', () => {
    const [guid, ...texts] = vectors
    const bigEndian = Buffer.from((guid?.input ?? '').replaceAll('-', ''), 'hex')
    assert.notDeepEqual(hashedBytes(guid?.input ?? ''), bigEndian)
    const text = texts.find(({ kind }) => kind === 'string')?.input ?? assert.fail()
    assert.notDeepEqual(hashedBytes(text), Buffer.from(text, 'utf8'))
    assert.ok(!hide(text).includes(publishedHash(text).slice(0, 12)))
  })
  it('P10 the keyed forms of two tenants have nothing in common', () => {
    const other = keyedHash(Buffer.alloc(32, 8))
    for (const { input } of vectors) {
      assert.equal(hide(input), hide(input))
      assert.notEqual(hide(input), keyedForm(other, input))
    }
  })
})

describe('texts of diagnostics', () => {
  it('of the product may stand as they are', () => {
    for (const text of [
      'Windows 11 Enterprise',
      '10.0.19041',
      'sv-SE',
      '2027-01-31',
      '0x80070005',
      'Intel(R) Core(TM) i7-8650U CPU @ 1.90GHz',
      'SQL Server 2019 Enterprise',
      'never',
    ])
      assert.ok(isProductText(text), text)
  })
  it('that may be a name or a number of somebody may not', () => {
    for (const text of [
      'Anna',
      'DESKTOP-7Q2',
      "Anna's iPad",
      'Windows of Anna',
      '070 123 45 67',
      '46701234567',
      '19700101-1234',
      'ABC',
      'Primary Site Stockholm',
      '',
      ' ',
      'windows '.repeat(40),
    ])
      assert.ok(!isProductText(text), text)
  })
  it('that hold an identifier are recognised, wherever it stands', () => {
    for (const text of [
      'anna@example.org',
      'mail anna@example.org now',
      'EXAMPLE\\anna',
      'C:\\Users\\anna\\x.log',
      '/home/anna/x',
      '192.0.2.7',
      'at 10.0.0.5:80',
      'fe80::1',
      '2001:db8:0:0:0:0:0:1',
      '00:53:00:aa:bb:cc',
      '00-53-00-AA-BB-CC',
    ])
      assert.ok(holdsIdentifier(text) && !isProductText(text), text)
    for (const text of ['10.0.19041.1234', 'Windows 11', '2030-01-01T10:20:30Z', '5.00.9128.1000'])
      assert.ok(!holdsIdentifier(text), text)
  })
})

describe('sorting of diagnostics', () => {
  it('keeps figures, names of the product, and other names in keyed form only', () => {
    assert.deepEqual(keptOf(FIGURES, { 'sv-SE': 12, 'Project Blåbär': 3 }), {
      'sv-SE': 12,
      [hide('Project Blåbär')]: 3,
    })
    assert.deepEqual(keptOf(WORDS, ['Intel Xeon', 'Prototype of Anna']), [
      'Intel Xeon',
      hide('Prototype of Anna'),
    ])
    assert.deepEqual(keptOf(HASHES, ['windows']), [hide('windows')])
  })
  it('P12 drops unknown items, items above the level, files, identifiers and text among figures', () => {
    const sorted = sort([
      { item: 'diagnostics.basic.invented', value: 1 },
      { item: ENHANCED, value: 1 },
      { item: FILES, value: 'x' },
      { item: FIGURES, value: 'free text' },
      { item: WORDS, value: 'anna@example.org' },
      { item: HASHES, value: { 'anna@example.org': 1 } },
      { item: HASHES, value: ['again'] },
      { item: 'toString', value: 1 },
    ])
    assert.deepEqual(
      sorted.map(({ outcome, reason }) => [outcome, reason]),
      [
        ['dropped', 'unknown_item'],
        ['dropped', 'above_level'],
        ['dropped', 'never_collected'],
        ['dropped', 'not_a_figure'],
        ['dropped', 'identifier'],
        ['dropped', 'identifier'],
        ['dropped', 'repeated_item'],
        ['dropped', 'unknown_item'],
      ],
    )
    assert.ok(sorted.every(({ kept }) => kept === undefined))
    assert.ok(!JSON.stringify(sorted.map(({ values }) => values)).includes('anna'))
  })
  it('takes files in at no level, and each other item from its own level on', () => {
    for (const level of DIAGNOSTICS_LEVELS)
      for (const { id, form, level: own } of DIAGNOSTICS_ITEMS.values()) {
        const [sorted] = sort([{ item: id, value: 1 }], level)
        const taken = form !== 'files' && rankOf(own) <= rankOf(level)
        assert.equal(sorted?.kept, taken ? 1 : undefined, `${id} at ${level}`)
      }
  })
  it('P12 lets no text through that is no word of the product, wherever a report puts it', () => {
    const canary = fc.stringMatching(/^[a-z]{3,9}$/).map((text) => `cny${text}`)
    const values = fc.letrec((tie) => ({
      any: fc.oneof({ maxDepth: 4 }, canary, fc.integer(), tie('list'), tie('map')),
      list: fc.array(tie('any'), { maxLength: 4 }),
      map: fc.dictionary(canary, tie('any'), { maxKeys: 4 }),
    })).any
    const ids = fc.constantFrom(...DIAGNOSTICS_ITEMS.keys())
    // In hex, since base64 spells any three letters by chance.
    const inHex = (text: string): string => Buffer.from(hide(text)).toString('hex')
    fc.assert(
      fc.property(ids, values, fc.constantFrom(...DIAGNOSTICS_LEVELS), (item, value, level) => {
        const [sorted] = sortDiagnostics({ results: [{ item, value }] }, level, inHex)
        assert.ok(!/cny/.test(JSON.stringify(sorted?.kept ?? null)))
      }),
      { numRuns: 500 },
    )
  })
  it('a sorter that passes texts on is caught by the same canaries', () => {
    const [sorted] = sortDiagnostics(
      { results: [{ item: HASHES, value: ['cnyabc'] }] },
      'basic',
      (text) => text,
    )
    assert.match(JSON.stringify(sorted?.kept), /cny/)
  })
  it('stops at depth, at long texts, and treats __proto__ as a name', () => {
    const [deep] = sort([{ item: FIGURES, value: [[[[1]]]] }])
    assert.equal(deep?.reason, 'too_deep')
    assert.equal(sort([{ item: HASHES, value: 'x'.repeat(3_000) }])[0]?.reason, 'too_long')
    const [proto] = sort([{ item: FIGURES, value: JSON.parse('{"__proto__": 5}') }])
    assert.deepEqual(proto?.kept, { [hide('__proto__')]: 5 })
  })
})
