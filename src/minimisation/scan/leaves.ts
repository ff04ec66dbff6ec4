import { type Tally, addSubject } from '../tally.ts'
import { type LeafNode, latin1Of } from './node.ts'

/** Output of a place of which nothing passes. No JSON text is empty. */
export const NOTHING = ''

/** The value is not what the leaf declares: it is unknown, and counted by whoever asked. */
export const UNFIT = Symbol('unfit')

/** This engine cannot say; the closures can. */
export const UNSURE = Symbol('unsure')

export type LeafOutput = string | typeof UNFIT | typeof UNSURE

/**
 * What passes of the text between two quotes, which holds no escape: JSON as UTF-8 seen as latin1.
 * `text` is the document, seen the same way.
 */
export function outputOfText(
  node: LeafNode,
  bytes: Buffer,
  text: string,
  from: number,
  to: number,
  tally: Tally,
): LeafOutput {
  const { rule, words } = node
  // No text has more UTF-16 code units than bytes in UTF-8, but it may have fewer.
  if (to - from > rule.maxLength) return UNSURE
  if (words && !words.has(text.slice(from, to))) return UNFIT
  if (rule.subject) addSubject(tally, bytes.toString('utf8', from, to))
  switch (node.treatment) {
    case 'exact':
      return text.slice(from - 1, to + 1)
    case 'withheld':
      return NOTHING
    case 'changed':
      return jsonOf(rule.coarsen(textBetween(bytes, text, from, to)))
  }
}

/** What passes of a number, whose grammar has been checked. */
export function outputOfNumber(node: LeafNode, spelling: string, tally: Tally): LeafOutput {
  const { rule } = node
  if (node.treatment === 'exact' && !rule.subject && isPlainInteger(spelling)) return spelling
  const value = Number(spelling)
  if (!Number.isFinite(value)) return UNFIT
  if (rule.subject) addSubject(tally, String(value))
  return jsonOf(rule.coarsen(value))
}

export function outputOfBoolean(node: LeafNode, value: boolean, tally: Tally): LeafOutput {
  if (node.rule.subject) addSubject(tally, String(value))
  return jsonOf(node.rule.coarsen(value))
}

/** Whether `JSON.stringify` would print it just so: whole, safe, no minus zero. */
function isPlainInteger(spelling: string): boolean {
  if (spelling.length > 15 || spelling === '-0') return false
  for (let i = 0; i < spelling.length; i++) {
    const c = spelling.charCodeAt(i)
    if (c > 0x39 || (c < 0x30 && c !== 0x2d)) return false
  }
  return true
}

/** Short plain text is by far the most frequent, and needs neither decoding nor escaping. */
function textBetween(bytes: Buffer, text: string, from: number, to: number): string {
  const same = text.slice(from, to)
  return isPlain(same) ? same : bytes.toString('utf8', from, to)
}

function jsonOf(value: string | number | boolean | undefined): string {
  if (value === undefined) return NOTHING
  if (typeof value !== 'string') return String(value)
  return isPlain(value) ? `"${value}"` : latin1Of(JSON.stringify(value))
}

/** Printable ASCII without quote and backslash: the same as text, as JSON, in UTF-8 and in latin1. */
function isPlain(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c < 0x20 || c > 0x7e || c === 0x22 || c === 0x5c) return false
  }
  return true
}
