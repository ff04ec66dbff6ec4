import assert from 'node:assert/strict'
import { describe, it, mock } from 'node:test'
import fc from 'fast-check'
import { array, leaf, map, object } from '#catalog/shape.ts'
import { compileWithClosures } from './closures.ts'
import { makePlan } from './plan.ts'
import { compileWithScanner } from './scan.ts'
import { NameTable, StrangeNames } from './scan/names.ts'
import { Scanner } from './scan/scanner.ts'
import { endOfText, skipNumber } from './scan/skip.ts'
import { documentsFor, plan, shape } from './scan/test/documents.ts'

const keys = { pseudonymKey: Buffer.alloc(32, 5) }

/** Both engines over generated shapes, plans and spoilt documents; throws at the first difference. */
function compareEngines(runs: number, perShape: number) {
  const statistics = { scanned: 0, doubted: 0 }
  let compared = 0
  fc.assert(
    fc.property(shape, plan, fc.integer(), (part, planned, seed) => {
      const judge = compileWithClosures(planned, part, keys)
      const scan = compileWithScanner(planned, part, keys, statistics)
      for (const document of documentsFor(part, seed, perShape)) {
        assert.deepEqual(scan(document), judge(document))
        compared++
      }
    }),
    { numRuns: runs, endOnFailure: true },
  )
  return { ...statistics, compared }
}

describe('the scanner', () => {
  it('P1 answers what the closures answer, over 30,000 generated and spoilt documents', () => {
    const { compared, scanned, doubted } = compareEngines(1_500, 20)
    assert.equal(compared, 30_000)
    // If nearly all went to the closures, the comparison would say nothing.
    assert.ok(scanned > 7_000, `scanned only ${scanned}`)
    assert.ok(doubted > 7_000, `doubted only ${doubted}`)
  })

  it('P1 leaves to the closures every document that JSON.parse refuses', () => {
    const part = object({ a: leaf('i.one'), b: array(leaf('i.two', { type: 'number' })) })
    const scan = compileWithScanner(planOf('i.one', 'i.two'), part, keys)
    for (const text of NOT_JSON) {
      assert.throws(() => JSON.parse(text), SyntaxError, text)
      assert.equal(scan(Buffer.from(text)).json, undefined, text)
      assert.equal(scan(text).json, undefined, text)
    }
    for (const bytes of NOT_UTF8) assert.equal(scan(Buffer.from(bytes)).json, undefined)
  })

  it('scans what clients really send: compact, spaced and printed with line breaks', () => {
    const part = object({
      devices: array(
        object({ serial_number: leaf('i.one', { subject: true }), who: leaf('i.two') }),
      ),
    })
    const statistics = { scanned: 0, doubted: 0 }
    const scan = compileWithScanner(planOf('i.one'), part, keys, statistics)
    const document = { devices: [{ serial_number: 'SYN1', who: 'Åsa', os: { v: [1, null] } }] }
    for (const text of [
      JSON.stringify(document),
      JSON.stringify(document, null, 2),
      JSON.stringify(document, null, '\t').replaceAll('\n', '\r\n'),
    ]) {
      const out = scan(Buffer.from(text))
      assert.equal(out.json, '{"devices":[{"serial_number":"SYN1"}]}')
      assert.deepEqual([out.subjects, out.unknown, out.withheld], [['SYN1'], 1, { 'i.two': 1 }])
    }
    assert.deepEqual(statistics, { scanned: 3, doubted: 0 })
  })

  it('writes members in the order of the shape, whatever the order of the document', () => {
    const part = object({ a: leaf('i.one'), b: object({ c: leaf('i.two') }), d: leaf('i.one') })
    const scan = compileWithScanner(planOf('i.one', 'i.two'), part, keys)
    assert.equal(scan('{"d":"1","b":{"c":"2"},"a":"3"}').json, '{"a":"3","b":{"c":"2"},"d":"1"}')
  })

  it('survives a million open brackets and a name of a million letters', () => {
    const part = object({ a: leaf('i.one'), b: map(leaf('i.one'), leaf('i.two')) })
    const judge = compileWithClosures(planOf('i.one', 'i.two'), part, keys)
    const scan = compileWithScanner(planOf('i.one', 'i.two'), part, keys)
    for (const text of [
      '['.repeat(1_000_000),
      `{"x":${'['.repeat(1_000_000)}${']'.repeat(1_000_000)},"a":"kept"}`,
      `{"${'y'.repeat(1_000_000)}":1,"a":"kept"}`,
      `{${Array.from({ length: 10_000 }, (_, i) => `"k${i}":${i}`).join()},"a":"kept"}`,
      `{"b":{${Array.from({ length: 10_000 }, (_, i) => `"k${i}":"${i}"`).join()}}}`,
    ])
      assert.deepEqual(scan(text), judge(text))
  })
})

function planOf(...items: readonly string[]) {
  return makePlan({
    door: 'out',
    tenantId: 'acme',
    flow: 'f/outbound',
    recipient: 'apple',
    purpose: 'p',
    manifestHash: 'h',
    items: items.map((item) => ({ item, precision: 'exact', reason: 'permitted', policies: [] })),
  })
}

const NOT_JSON = [
  '',
  ' ',
  '{',
  '{"a"',
  '{"a":',
  '{"a":"x"',
  '{"a":"x",}',
  '{,"a":"x"}',
  '{"a":"x"}}',
  '{"a":"x"} x',
  '{"a":"x"}\u0000',
  '{"a" "x"}',
  "{'a':'x'}",
  '{a:"x"}',
  '\uFEFF{"a":"x"}',
  '{"a":"x"}\u00a0',
  '{"a":"x\n"}',
  '{"a":"x\u0000"}',
  '{"z":"x\t"}',
  '{"z":"\\x"}',
  '{"z":"\\u12g4"}',
  '{"z":"\\u12"}',
  '{"z":"\\"}',
  '{"z":01}',
  '{"z":+1}',
  '{"z":-}',
  '{"z":.5}',
  '{"z":1.}',
  '{"z":1.e5}',
  '{"z":1e}',
  '{"z":1e+}',
  '{"z":0x1}',
  '{"z":NaN}',
  '{"z":Infinity}',
  '{"z":tru}',
  '{"z":truex}',
  '{"z":nul}',
  '{"z":falsy}',
  '{"z":[1,]}',
  '{"z":[,1]}',
  '{"z":[1 2]}',
  '{"z":{"y":1,}}',
  '{"z":{"y"}}',
  '{"z":{1:1}}',
  '{"b":[1,]}',
  '{"b":[1 2]}',
  '{"b":[01]}',
  '{"b":[1}',
  '{"a":"x"/**/}',
]

const NOT_UTF8 = [
  [0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d],
  [0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xc3, 0x22, 0x7d],
  [0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x7d],
]

/** The scanner's own parts, as a planted fault needs them. */
interface Inside {
  bytes: Buffer
  text: string
  output: string
  close(node: unknown, output: string, end: number): number
}

describe('the comparison catches a scanner', () => {
  const twins: [string, object, string, (this: never, ...rest: never[]) => unknown][] = [
    ['that keeps the spelling of a number', Scanner.prototype, 'scanNumber', keepSpelling],
    ['that copies escapes', Scanner.prototype, 'scanText', copyEscapes],
    ['that does not check what it drops', Scanner.prototype, 'skipUnknown', skipBlindly],
    ['that counts a name twice', StrangeNames.prototype, 'add', () => true],
    ['that takes a longer name for a shorter', NameTable.prototype, 'find', findByLength],
  ]
  for (const [what, place, method, fault] of twins) {
    it(`P1 ${what}`, () => {
      const planted = mock.method(place as Record<string, () => unknown>, method, fault as never)
      try {
        assert.throws(() => compareEngines(1_500, 20), isDifference)
      } finally {
        planted.mock.restore()
      }
    })
  }

  /** An answer that differs, and no other fault of the planted code. */
  function isDifference(failure: unknown): boolean {
    const cause = failure instanceof Error ? failure.cause : undefined
    return cause instanceof assert.AssertionError && cause.operator === 'deepStrictEqual'
  }

  function keepSpelling(this: Inside, node: never, start: number) {
    const end = skipNumber(this.bytes, start)
    return end < 0 ? end : this.close(node, this.text.slice(start, end), end)
  }

  function copyEscapes(this: Inside, node: never, start: number) {
    // Only where a text begins, as the scanner itself: past the end of an empty document nothing would stop it.
    if (this.bytes[start] !== 0x22) return -1
    const end = endOfText(this.bytes, start + 1)
    return end < 0 ? end : this.close(node, this.text.slice(start, end + 1), end + 1)
  }

  function skipBlindly(this: Inside & { tally: { unknown: number } }, start: number) {
    this.tally.unknown++
    this.output = ''
    const end = this.text.slice(start).search(/[,}\]]/)
    return end < 0 ? end : start + end
  }

  function findByLength(this: { names: readonly Buffer[] }, _: never, start: number, end: number) {
    return this.names.findIndex((name) => name.length <= end - start)
  }
})
