import type { Leaf, MapShape, ObjectShape, Shape } from '#catalog/shape.ts'
import { type LeafRule, type Rules, letsPass, membersOf } from '../rules.ts'
import { NameTable } from './names.ts'

/** A shape made ready for the scanner. Text in it is UTF-8 seen as latin1, as the scanner sees documents. */
export type Node = LeafNode | ObjectNode | ArrayNode | MapNode

export interface LeafNode {
  readonly kind: 'string' | 'number' | 'boolean'
  readonly rule: LeafRule
  /** What is done with a value: passed as it is, kept back, or changed. */
  readonly treatment: 'exact' | 'withheld' | 'changed'
  readonly words: ReadonlySet<string> | undefined
  /** Its text is not looked at but for its length: escapes in it leave no doubt. */
  readonly unread: boolean
}

export interface ObjectNode {
  readonly kind: 'object'
  readonly names: NameTable
  readonly fields: readonly Node[]
  /** Whether anything may pass in the field: if not, not even its braces stay. */
  readonly kept: readonly boolean[]
  /** `"name":` by field, and the same behind a comma. */
  readonly heads: readonly string[]
  readonly laterHeads: readonly string[]
  /** Whether a subject can stand in the field. Subjects are listed in the shape's order. */
  readonly bearsSubject: readonly boolean[]
}

export interface ArrayNode {
  readonly kind: 'array'
  readonly of: Node
  readonly kept: boolean
}

export interface MapNode {
  readonly kind: 'map'
  readonly key: LeafNode
  readonly value: Node
  readonly kept: boolean
  /** The value's node for members whose name is kept back. */
  readonly withheldValue: Node
}

export function latin1Of(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}

/** Undefined for a shape that this engine leaves to the closures: a map whose names can meet when changed, free JSON. */
export function nodeOf(
  shape: Shape,
  rules: Rules,
  ruleFor: (leaf: Leaf) => LeafRule = rules.ruleFor,
): Node | undefined {
  switch (shape.kind) {
    case 'leaf':
      return leafNode(ruleFor(shape))
    case 'object':
      return objectNode(shape, rules, ruleFor)
    case 'map':
      return mapNode(shape, rules, ruleFor)
    case 'array': {
      const of = nodeOf(shape.of, rules, ruleFor)
      return of && { kind: 'array', of, kept: letsPass(shape.of, ruleFor) }
    }
  }
}

function leafNode(rule: LeafRule): LeafNode | undefined {
  const { precision, type } = rule
  if (type === 'json') return undefined
  return {
    kind: type,
    rule,
    treatment: precision === 'exact' || precision === 'withheld' ? precision : 'changed',
    words: rule.words && new Set([...rule.words].map(latin1Of)),
    unread: precision === 'withheld' && !rule.words && !rule.subject,
  }
}

function objectNode(
  shape: ObjectShape,
  rules: Rules,
  ruleFor: (leaf: Leaf) => LeafRule,
): ObjectNode | undefined {
  const members = membersOf(shape.fields)
  const fields = members.map(([, part]) => nodeOf(part, rules, ruleFor))
  if (!fields.every((field) => field !== undefined)) return undefined
  const heads = members.map(([name]) => `${latin1Of(JSON.stringify(name))}:`)
  return {
    kind: 'object',
    names: new NameTable(members.map(([name]) => Buffer.from(name, 'utf8'))),
    fields,
    kept: members.map(([, part]) => letsPass(part, ruleFor)),
    heads,
    laterHeads: heads.map((head) => `,${head}`),
    bearsSubject: members.map(([, part]) => bearsSubject(part)),
  }
}

function mapNode(
  shape: MapShape,
  rules: Rules,
  ruleFor: (leaf: Leaf) => LeafRule,
): MapNode | undefined {
  const rule = ruleFor(shape.key)
  const apart = ['exact', 'pseudonym', 'withheld'].includes(rule.precision)
  const value = nodeOf(shape.value, rules, ruleFor)
  const withheldValue = nodeOf(shape.value, rules, rules.ruleToWithhold)
  const key = leafNode(rule)
  if (!apart || key?.kind !== 'string' || !value || !withheldValue) return undefined
  return {
    kind: 'map',
    key,
    value,
    kept: letsPass(shape.value, ruleFor),
    withheldValue,
  }
}

function bearsSubject(shape: Shape): boolean {
  switch (shape.kind) {
    case 'leaf':
      return shape.subject ?? false
    case 'object':
      return Object.values(shape.fields).some(bearsSubject)
    case 'array':
      return bearsSubject(shape.of)
    case 'map':
      return bearsSubject(shape.key) || bearsSubject(shape.value)
  }
}
