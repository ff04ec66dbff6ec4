import fc from 'fast-check'
import type { Precision } from '#catalog/precision.ts'
import { type Leaf, type Shape, array, leaf, map, object } from '#catalog/shape.ts'
import { makePlan } from '../../plan.ts'
import { seededRandom } from './seeded-random.ts'

const ITEMS = ['i.one', 'i.two', 'i.three', 'i.four', 'i.five']
const PRECISIONS: readonly Precision[] = [
  'exact',
  'exact',
  'pseudonym',
  'truncate:3',
  'round:10',
  'bucket:0,10,100',
  'threshold:5',
  'domain',
  'day',
  'network',
  'withheld',
]
const NAMES = ['a', 'ab', 'abc', 'serial_number', 'serial_numbers', 'å', 'x-y', '7', '']

const anyLeaf: fc.Arbitrary<Leaf> = fc
  .record({
    item: fc.constantFrom(...ITEMS),
    type: fc.constantFrom(
      'string' as const,
      'string' as const,
      'number' as const,
      'boolean' as const,
    ),
    subject: fc.boolean(),
    maxLength: fc.constantFrom(undefined, undefined, 6),
    words: fc.constantFrom(undefined, undefined, undefined, ['SUCCESS', 'å']),
  })
  .map(({ item, type, subject, maxLength, words }) =>
    leaf(item, {
      type,
      subject,
      ...(maxLength === undefined ? {} : { maxLength }),
      ...(words === undefined ? {} : { oneOf: words }),
    }),
  )

/** Shapes of all kinds, a few levels deep. */
export const { shape } = fc.letrec<{ shape: Shape }>((tie) => ({
  shape: fc.oneof(
    { maxDepth: 4 },
    { arbitrary: anyLeaf, weight: 2 },
    {
      arbitrary: fc
        .dictionary(fc.constantFrom(...NAMES), tie('shape'), { maxKeys: 5, noNullPrototype: true })
        .map(object),
      weight: 4,
    },
    { arbitrary: tie('shape').map(array), weight: 1 },
    {
      arbitrary: fc
        .tuple(anyLeaf, tie('shape'))
        .map(([key, value]) => map({ ...key, type: 'string' }, value)),
      weight: 1,
    },
  ),
}))

/** A precision for each item, or none: an item that is in no plan. */
export const plan = fc
  .tuple(...ITEMS.map(() => fc.option(fc.constantFrom(...PRECISIONS), { nil: undefined })))
  .map((precisions) =>
    makePlan({
      door: 'out',
      tenantId: 'acme',
      flow: 'f/outbound',
      recipient: 'apple',
      purpose: 'p',
      manifestHash: 'h',
      items: precisions.flatMap((precision, i) =>
        precision === undefined
          ? []
          : [{ item: ITEMS[i] as string, precision, reason: 'permitted' as const, policies: [] }],
      ),
    }),
  )

/** Documents that nearly fit the shape, in many spellings; about a third of them spoilt. */
export function documentsFor(part: Shape, seed: number, count: number): readonly Buffer[] {
  const random = seededRandom(seed)
  return Array.from({ length: count }, () => {
    const writer = new Writer(random)
    const bytes = Buffer.from(writer.space() + writer.fitting(part, 0) + writer.space(), 'utf8')
    return random() < 0.35 ? spoil(bytes, random) : bytes
  })
}

type Random = () => number

/** Writes JSON as its own text, so that spellings occur that JSON.stringify never prints. */
class Writer {
  private readonly random: Random
  /** How odd this document is: most are as clients write them, or else nothing would be scanned. */
  private readonly oddity: number
  private readonly spaced: boolean

  constructor(random: Random) {
    this.random = random
    this.oddity = random() < 0.6 ? 0 : random() * 0.2
    this.spaced = random() < 0.3
  }

  fitting(part: Shape, depth: number): string {
    if (this.odd()) return this.anything(depth)
    switch (part.kind) {
      case 'leaf':
        return this.leaf(part)
      case 'array':
        return this.list(() => this.fitting(part.of, depth + 1), '[', ']')
      case 'map':
        return this.members(() => [this.content(part.key), this.fitting(part.value, depth + 1)])
      case 'object':
        return this.object(part.fields, depth)
    }
  }

  space(): string {
    return this.spaced && this.random() < 0.5 ? this.pick([' ', '\n', '\t', '\r\n', '  ']) : ''
  }

  private object(fields: Readonly<Record<string, Shape>>, depth: number): string {
    const known = Object.entries(fields).filter(() => this.random() < 0.8)
    const inOrder = known.map(([name, part]): [string, string] => [
      name,
      this.fitting(part, depth + 1),
    ])
    const strange = Array.from({ length: this.below(3) }, (): [string, string] => [
      this.odd() ? this.pick(NAMES) : `z${this.below(40)}`,
      this.anything(depth + 1),
    ])
    const members = [...inOrder, ...strange]
    if (this.random() < 0.3) members.sort(() => this.random() - 0.5)
    if (this.odd() && members[0]) members.push([members[0][0], this.anything(depth + 1)])
    let next = 0
    return this.list(() => this.member(members[next++] ?? ['', '1']), '{', '}', members.length)
  }

  private members(make: () => [string, string]): string {
    return this.list(() => this.member(make()), '{', '}')
  }

  private member([name, value]: [string, string]): string {
    return `${this.text(name)}${this.space()}:${this.space()}${value}`
  }

  private list(make: () => string, open: string, close: string, length = this.below(4)): string {
    const parts = Array.from({ length }, () => this.space() + make() + this.space())
    return open + this.space() + parts.join(',') + close
  }

  private leaf(part: Leaf): string {
    if (part.type === 'boolean') return this.pick(['true', 'false'])
    if (part.type === 'number') return this.number()
    return this.text(this.content(part))
  }

  private content(part: Leaf): string {
    if (part.oneOf && this.random() < 0.8) return this.pick(part.oneOf)
    return this.odd()
      ? this.pick(ODD_TEXTS)
      : this.pick(TEXTS) + this.pick(['', '', this.below(99)])
  }

  private number(): string {
    return this.odd()
      ? this.pick(ODD_NUMBERS)
      : this.pick([String(this.below(200)), `-${this.below(50)}`, `${this.below(9)}.5`, '0'])
  }

  private text(content: string): string {
    const plain = JSON.stringify(content).slice(1, -1)
    const spelt = this.odd() ? [...plain].map((c) => this.escape(c)).join('') : plain
    return `"${spelt}"`
  }

  private escape(character: string): string {
    if (character === '\\' || this.random() < 0.6) return character
    if (character === '/') return '\\/'
    const code = character.charCodeAt(0)
    return character.length === 1 && /[\p{L}\p{N}_]/u.test(character)
      ? `\\u${code.toString(16).padStart(4, '0')}`
      : character
  }

  private anything(depth: number): string {
    const kind = this.below(depth > 5 ? 4 : 7)
    if (kind === 0) return this.number()
    if (kind === 1) return this.pick(['true', 'false', 'null'])
    if (kind < 4) return this.text(this.pick(TEXTS))
    if (kind === 4) return this.list(() => this.anything(depth + 1), '[', ']')
    if (this.odd()) return '['.repeat(80) + ']'.repeat(this.pick([80, 80, 79]))
    return this.members(() => [this.pick(NAMES), this.anything(depth + 1)])
  }

  private odd(): boolean {
    return this.random() < this.oddity
  }

  private below(limit: number): number {
    return Math.floor(this.random() * limit)
  }

  private pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T
  }
}

const TEXTS = [
  'SYN',
  'Åsa Exempel',
  'anna@example.org',
  '2030-05-17T10:00:00Z',
  '192.0.2.7',
  '😀é漢',
  '',
  'x/y',
  'constructor',
  '__proto__',
]
const ODD_TEXTS = ['"', '\\', 'a\nb', '\u0000', '\u007f', '\u2028', '\ud83d', '12', '007', 'toJSON']
const ODD_NUMBERS = [
  '-0',
  '-0.0',
  '1.0',
  '1e2',
  '1E+2',
  '1e999',
  '-1e-999',
  '0.1e1',
  '12345678901234567890',
  '9007199254740993',
  '0.30000000000000004',
  `1${'0'.repeat(400)}`,
]

/** One fault as a wire or a careless program makes it. */
function spoil(bytes: Buffer, random: Random): Buffer {
  const at = Math.floor(random() * (bytes.length + 1))
  const before = bytes.subarray(0, at)
  const after = bytes.subarray(at)
  const insert = SPOILS[Math.floor(random() * SPOILS.length)] ?? ''
  switch (Math.floor(random() * 5)) {
    case 0:
      return before
    case 1:
      return Buffer.concat([before, after.subarray(1)])
    case 2:
      return Buffer.concat([before, Buffer.from(insert, 'latin1'), after])
    case 3:
      return Buffer.concat([before, Buffer.from(insert, 'latin1'), after.subarray(1)])
    default: {
      const flipped = Buffer.from(bytes)
      if (at < flipped.length)
        flipped[at] = (flipped[at] as number) ^ (1 << Math.floor(random() * 8))
      return flipped
    }
  }
}

const SPOILS = [
  ...'{}[]:,"\\0-1.eE+ \n\t',
  '\u0000',
  '\u00ff',
  '\u00c3',
  '\\u00',
  'null',
  '""',
  '\f',
]
