import type { ItemId } from './catalog.ts'

/**
 * Which item stands at which place of a JSON document. Connectors describe their exchanges with it and
 * `minimisation/compile.ts` turns it, with a plan, into a projection. What a shape does not name is unknown
 * and cannot pass.
 */
export type Shape = Leaf | ObjectShape | ArrayShape | MapShape

/** A value of one item. A value of another JSON type than `type` is treated as unknown and does not pass. */
export interface Leaf {
  readonly kind: 'leaf'
  readonly item: ItemId
  /** `json`: free content of any JSON type, which passes whole or not at all. */
  readonly type: 'string' | 'number' | 'boolean' | 'json'
  /** Longest text in characters, or undefined for the compiler's own limit (16,384). Of `json`, as it is printed. */
  readonly maxLength?: number
  /** The only texts that can stand here (status words and the like). Others are unknown. */
  readonly oneOf?: readonly string[]
  /** True where the value identifies the data subject of the record (serial number, device id). */
  readonly subject?: boolean
}

export interface ObjectShape {
  readonly kind: 'object'
  readonly fields: Readonly<Record<string, Shape>>
}

export interface ArrayShape {
  readonly kind: 'array'
  readonly of: Shape
}

/** An object whose member names are values of an item themselves (Apple answers serial number to status). */
export interface MapShape {
  readonly kind: 'map'
  readonly key: Leaf
  readonly value: Shape
}

export const leaf = (item: ItemId, rest: Partial<Omit<Leaf, 'kind' | 'item'>> = {}): Leaf => ({
  kind: 'leaf',
  item,
  type: 'string',
  ...rest,
})
export const object = (fields: Readonly<Record<string, Shape>>): ObjectShape => ({
  kind: 'object',
  fields,
})
export const array = (of: Shape): ArrayShape => ({ kind: 'array', of })
export const map = (key: Leaf, value: Shape): MapShape => ({ kind: 'map', key, value })

/** Every item a shape can carry, each once, in the order they first appear. */
export function itemsOf(shape: Shape): readonly ItemId[] {
  const found = new Set<ItemId>()
  const walk = (part: Shape): void => {
    switch (part.kind) {
      case 'leaf':
        found.add(part.item)
        return
      case 'array':
        walk(part.of)
        return
      case 'map':
        found.add(part.key.item)
        walk(part.value)
        return
      case 'object':
        Object.values(part.fields).forEach(walk)
    }
  }
  walk(shape)
  return [...found]
}
