import type { Tally } from '../tally.ts'
import {
  type LeafOutput,
  NOTHING,
  UNFIT,
  UNSURE,
  outputOfBoolean,
  outputOfNumber,
  outputOfText,
} from './leaves.ts'
import { NOT_FOUND, StrangeNames, hashName } from './names.ts'
import type { ArrayNode, LeafNode, MapNode, Node, ObjectNode } from './node.ts'
import {
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  DEEPEST,
  DOUBT,
  LETTER_F,
  LETTER_T,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
  endOfPlainText,
  endOfText,
  skipFalse,
  skipNumber,
  skipSpace,
  skipTrue,
  skipValue,
} from './skip.ts'

const NO_BYTES = Buffer.alloc(1)

/**
 * Reads one document at a time: finds the places of the shape, copies or changes what passes, and checks all
 * else without reading it. Every method answers the position behind its value, with the value's output in
 * `output`; or DOUBT, after which nothing of this run counts.
 */
export class Scanner {
  private bytes: Buffer = NO_BYTES
  private text = ''
  private output = NOTHING
  /** Outputs of the members of all objects that are open, by field; `undefined` until the member is met. */
  private readonly slots: (string | undefined)[] = []
  private slotsUsed = 0
  private readonly strange = new StrangeNames()
  private readonly tally: Tally

  constructor(tally: Tally) {
    this.tally = tally
  }

  /**
   * The output as UTF-8 seen as latin1; NOTHING where the outermost value does not fit; `undefined` in doubt.
   *
   * @param bytes the document in valid UTF-8, and a zero behind it
   */
  scan(node: Node, bytes: Buffer): string | undefined {
    this.bytes = bytes
    this.text = bytes.toString('latin1', 0, bytes.length - 1)
    this.slots.length = 0
    this.slotsUsed = 0
    this.strange.size = 0
    let at = this.scanValue(node, skipSpace(bytes, 0), 0)
    if (at >= 0) at = skipSpace(bytes, at)
    const { output } = this
    this.bytes = NO_BYTES
    this.text = ''
    this.output = NOTHING
    return at === bytes.length - 1 ? output : undefined
  }

  private scanValue(node: Node, at: number, depth: number): number {
    switch (node.kind) {
      case 'string':
        return this.scanText(node, at, depth)
      case 'number':
        return this.scanNumber(node, at, depth)
      case 'boolean':
        return this.scanBoolean(node, at, depth)
      case 'object':
        return this.scanObject(node, at, depth)
      case 'array':
        return this.scanArray(node, at, depth)
      case 'map':
        return this.scanMap(node, at, depth)
    }
  }

  private scanObject(node: ObjectNode, start: number, depth: number): number {
    const { bytes, slots, strange } = this
    if (bytes[start] !== OPEN_OBJECT) return this.skipUnknown(start, depth)
    if (depth >= DEEPEST) return DOUBT
    const base = this.slotsUsed
    const strangeBase = strange.size
    for (let i = 0; i < node.fields.length; i++) slots[base + i] = undefined
    this.slotsUsed = base + node.fields.length
    let lastSubject = 0
    let at = skipSpace(bytes, start + 1)
    if (bytes[at] === CLOSE_OBJECT) return this.closeObject(node, base, strangeBase, at)
    for (;;) {
      if (bytes[at] !== QUOTE) return DOUBT
      const from = at + 1
      const to = endOfPlainText(bytes, from)
      if (to < 0) return DOUBT
      at = skipSpace(bytes, to + 1)
      if (bytes[at] !== COLON) return DOUBT
      at = skipSpace(bytes, at + 1)
      const hash = hashName(bytes, from, to)
      const field = node.names.find(bytes, from, to, hash)
      if (field === NOT_FOUND) {
        if (!strange.add(bytes, from, to, hash, strangeBase)) return DOUBT
        at = this.skipUnknown(at, depth + 1)
      } else {
        if (slots[base + field] !== undefined) return DOUBT
        if (node.bearsSubject[field]) {
          if (field < lastSubject) return DOUBT
          lastSubject = field
        }
        at = this.scanValue(node.fields[field] as Node, at, depth + 1)
        slots[base + field] = node.kept[field] ? this.output : NOTHING
      }
      if (at < 0) return DOUBT
      at = skipSpace(bytes, at)
      if (bytes[at] === CLOSE_OBJECT) return this.closeObject(node, base, strangeBase, at)
      if (bytes[at] !== COMMA) return DOUBT
      at = skipSpace(bytes, at + 1)
    }
  }

  /** Writes the members that passed, in the shape's order. */
  private closeObject(node: ObjectNode, base: number, strangeBase: number, at: number): number {
    const { slots } = this
    let text = '{'
    let heads = node.heads
    for (let i = 0; i < node.fields.length; i++) {
      const output = slots[base + i]
      if (output === undefined || output === NOTHING) continue
      text += (heads[i] as string) + output
      heads = node.laterHeads
    }
    this.output = `${text}}`
    this.slotsUsed = base
    this.strange.size = strangeBase
    return at + 1
  }

  private scanArray(node: ArrayNode, start: number, depth: number): number {
    const { bytes } = this
    if (bytes[start] !== OPEN_ARRAY) return this.skipUnknown(start, depth)
    if (depth >= DEEPEST) return DOUBT
    let text = ''
    let at = skipSpace(bytes, start + 1)
    if (bytes[at] === CLOSE_ARRAY) return this.leave('[]', at)
    for (;;) {
      at = this.scanValue(node.of, at, depth + 1)
      if (at < 0) return DOUBT
      if (node.kept && this.output !== NOTHING)
        text += text === '' ? this.output : `,${this.output}`
      at = skipSpace(bytes, at)
      if (bytes[at] === CLOSE_ARRAY) return this.leave(`[${text}]`, at)
      if (bytes[at] !== COMMA) return DOUBT
      at = skipSpace(bytes, at + 1)
    }
  }

  private scanMap(node: MapNode, start: number, depth: number): number {
    const { bytes } = this
    if (bytes[start] !== OPEN_OBJECT) return this.skipUnknown(start, depth)
    if (depth >= DEEPEST) return DOUBT
    const names = new Set<string>()
    let text = ''
    let at = skipSpace(bytes, start + 1)
    if (bytes[at] === CLOSE_OBJECT) return this.leave('{}', at)
    for (;;) {
      if (bytes[at] !== QUOTE) return DOUBT
      const from = at + 1
      const to = endOfPlainText(bytes, from)
      if (to < 0) return DOUBT
      const name = this.text.slice(from, to)
      // Numbers come first in the order of an object's members, wherever they stand in the text.
      if (names.has(name) || /^\d+$/.test(name)) return DOUBT
      names.add(name)
      at = skipSpace(bytes, to + 1)
      if (bytes[at] !== COLON) return DOUBT
      at = this.scanMember(node, from, to, skipSpace(bytes, at + 1), depth + 1)
      if (at < 0) return DOUBT
      if (this.output !== NOTHING) text += text === '' ? this.output : `,${this.output}`
      at = skipSpace(bytes, at)
      if (bytes[at] === CLOSE_OBJECT) return this.leave(`{${text}}`, at)
      if (bytes[at] !== COMMA) return DOUBT
      at = skipSpace(bytes, at + 1)
    }
  }

  private leave(output: string, at: number): number {
    this.output = output
    return at + 1
  }

  /** One member of a map: passes whole, or not at all. */
  private scanMember(node: MapNode, from: number, to: number, at: number, depth: number): number {
    const name = outputOfText(node.key, this.bytes, this.text, from, to, this.tally)
    if (name === UNSURE) return DOUBT
    if (name === UNFIT) return this.skipUnknown(at, depth)
    const held = name === NOTHING || !node.kept
    const end = this.scanValue(held ? node.withheldValue : node.value, at, depth)
    const passes = !held && this.output !== NOTHING
    return this.close(node.key, passes ? `${name}:${this.output}` : NOTHING, end)
  }

  private scanText(node: LeafNode, start: number, depth: number): number {
    const { bytes } = this
    if (bytes[start] !== QUOTE) return this.skipUnknown(start, depth)
    const to = node.unread ? endOfText(bytes, start + 1) : endOfPlainText(bytes, start + 1)
    if (to < 0) return DOUBT
    const output = outputOfText(node, bytes, this.text, start + 1, to, this.tally)
    return this.close(node, output, to + 1)
  }

  private scanNumber(node: LeafNode, start: number, depth: number): number {
    const c = this.bytes[start] as number
    if (c !== 0x2d && (c < 0x30 || c > 0x39)) return this.skipUnknown(start, depth)
    const end = skipNumber(this.bytes, start)
    if (end < 0) return DOUBT
    return this.close(node, outputOfNumber(node, this.text.slice(start, end), this.tally), end)
  }

  private scanBoolean(node: LeafNode, start: number, depth: number): number {
    const c = this.bytes[start]
    if (c !== LETTER_T && c !== LETTER_F) return this.skipUnknown(start, depth)
    const end = c === LETTER_T ? skipTrue(this.bytes, start) : skipFalse(this.bytes, start)
    if (end < 0) return DOUBT
    return this.close(node, outputOfBoolean(node, c === LETTER_T, this.tally), end)
  }

  /** Counts a leaf and leaves its output. */
  private close(node: LeafNode, output: LeafOutput, end: number): number {
    if (output === UNSURE) return DOUBT
    if (output === UNFIT) {
      this.tally.unknown++
      this.output = NOTHING
      return end
    }
    const counts = output === NOTHING ? this.tally.withheld : this.tally.passed
    counts[node.rule.item] = (counts[node.rule.item] as number) + 1
    this.output = output
    return end
  }

  private skipUnknown(at: number, depth: number): number {
    this.tally.unknown++
    this.output = NOTHING
    return skipValue(this.bytes, at, depth)
  }
}
