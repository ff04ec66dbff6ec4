import type { ItemId } from '#catalog/catalog.ts'
import { type Leaf, type Shape, itemsOf } from '#catalog/shape.ts'
import { type KeyedHash, keyedHash } from '#foundation/hashing.ts'
import { type Coarsen, coarsener } from './coarsen.ts'
import type { Plan } from './plan.ts'
import type { Precision } from '#catalog/precision.ts'
import type { ProjectionKeys } from './projection.ts'

/** Longest text of a leaf that declares no limit, in UTF-16 code units. */
const DEFAULT_MAX_LENGTH = 16_384
const PSEUDONYM_BYTES = 18

/** Names as the precision `pseudonym` makes them under a recipient's key. */
export const pseudonymiser = (key: Buffer): KeyedHash => keyedHash(key, PSEUDONYM_BYTES)

/** What a plan says about one leaf of a shape: the same for both engines. */
export interface LeafRule {
  readonly type: Leaf['type']
  /** The number of the item in `Rules.items`. */
  readonly item: number
  readonly precision: Precision
  readonly coarsen: Coarsen
  readonly maxLength: number
  readonly words: ReadonlySet<string> | undefined
  readonly subject: boolean
}

export interface Rules {
  /** Every item of the shape, in order of first appearance. */
  readonly items: readonly ItemId[]
  ruleFor(leaf: Leaf): LeafRule
  /** The same leaf with its value kept back, whatever the plan says. */
  ruleToWithhold(leaf: Leaf): LeafRule
}

/** Reads a plan against a shape. An item that the plan does not name, or does not permit, is withheld. */
export function rulesOf(plan: Plan, shape: Shape, keys: ProjectionKeys): Rules {
  const items = itemsOf(shape)
  const numbers = new Map(items.map((item, i) => [item, i]))
  const pseudonymise = pseudonymiser(keys.pseudonymKey)
  const precisions = new Map(
    plan.items.map(({ item, reason, precision }) => [
      item,
      reason === 'permitted' ? precision : 'withheld',
    ]),
  )
  const rule = (leaf: Leaf, precision: Precision): LeafRule => ({
    type: leaf.type,
    item: numbers.get(leaf.item) as number,
    precision,
    coarsen: coarsener(precision, pseudonymise),
    maxLength: leaf.maxLength ?? DEFAULT_MAX_LENGTH,
    words: leaf.oneOf && new Set(leaf.oneOf),
    subject: leaf.subject ?? false,
  })
  return {
    items,
    ruleFor: (leaf) => rule(leaf, precisions.get(leaf.item) ?? 'withheld'),
    ruleToWithhold: (leaf) => rule(leaf, 'withheld'),
  }
}

/** Whether anything at all may pass somewhere in this part of the shape. */
export function letsPass(shape: Shape, ruleFor: (leaf: Leaf) => LeafRule): boolean {
  switch (shape.kind) {
    case 'leaf':
      return ruleFor(shape).precision !== 'withheld'
    case 'object':
      return Object.values(shape.fields).some((part) => letsPass(part, ruleFor))
    case 'array':
      return letsPass(shape.of, ruleFor)
    case 'map':
      return letsPass(shape.key, ruleFor) && letsPass(shape.value, ruleFor)
  }
}

/**
 * The members of an object shape. Those that every JavaScript object seems to have, such as `constructor`,
 * are no members of a party's protocol, and telling them from inherited ones would cost every look-up.
 *
 * @throws RangeError for such a name
 */
export function membersOf(fields: Readonly<Record<string, Shape>>): readonly [string, Shape][] {
  const members = Object.entries(fields)
  const bad = members.find(([name]) => name in Object.prototype)
  if (bad) throw new RangeError(`a shape cannot have a member named ${bad[0]}`)
  return members
}
