import type { ItemId } from '#catalog/catalog.ts'
import type { Leaf, Shape } from '#catalog/shape.ts'
import type { Canaries, Place } from './canaries.ts'
import type { Random } from './random.ts'

/** What the run knows while it fills a document: where each item may be seen at this moment. */
export interface Filling {
  readonly canaries: Canaries
  readonly random: Random
  readonly places: (item: ItemId) => readonly Place[]
  /** How many elements a list gets at the most. */
  readonly most?: number
  /** How often something is of a wrong type, unknown or renamed. */
  readonly strange: number
}

/**
 * A document for a shape with a canary in every place, some of them of the wrong type, and members that nobody knows at
 * every level. The judge is this function: what it writes where the shape has an item may be seen where the item may,
 * all else nowhere.
 */
export function fill(shape: Shape, filling: Filling): unknown {
  const { canaries, random, strange, most = 4 } = filling
  switch (shape.kind) {
    case 'leaf':
      // Free content is of any type: none is wrong.
      return shape.type !== 'json' && random.chance(strange / 8)
        ? wrong(filling)
        : fillLeaf(shape, filling)
    case 'array':
      if (random.chance(strange / 20)) return canaries.make()
      return Array.from({ length: 1 + random.below(most) }, () => fill(shape.of, filling))
    case 'map': {
      const made: Record<string, unknown> = {}
      for (let i = 1 + random.below(most); i > 0; i--)
        made[canaries.make(...filling.places(shape.key.item))] = fill(shape.value, filling)
      return made
    }
    case 'object': {
      const made: Record<string, unknown> = {}
      for (const [name, inner] of Object.entries(shape.fields))
        if (!random.chance(0.1)) made[name] = fill(inner, filling)
      return spoil(made, Object.keys(shape.fields), filling)
    }
  }
}

function fillLeaf(leaf: Leaf, { canaries, random, places, strange }: Filling): unknown {
  switch (leaf.type) {
    case 'string':
      // A word that is none of the words is unknown, and so is a text that is too long.
      if (leaf.oneOf)
        return !random.chance(strange / 2)
          ? leaf.oneOf[random.below(leaf.oneOf.length)]
          : canaries.make()
      if (random.chance(strange / 50))
        return canaries
          .make(...((leaf.maxLength ?? 16_384) < 22_000 ? [] : places(leaf.item)))
          .repeat(2_000)
      return canaries.make(...((leaf.maxLength ?? 99) < 11 ? [] : places(leaf.item)))
    case 'number':
      return !random.chance(strange / 4) ? random.below(1_000) : canaries.make()
    case 'boolean':
      return !random.chance(strange / 4) ? random.chance(0.5) : canaries.make()
    case 'json':
      return { [canaries.make(...places(leaf.item))]: [canaries.make(...places(leaf.item))] }
  }
}

function wrong({ canaries, random }: Filling): unknown {
  const one = canaries.make()
  return [{ value: one }, [[one]], [one], { [one]: 1 }][random.below(4)]
}

/** Members beside the known ones: unknown, renamed, or a known name in another spelling. */
function spoil(
  made: Record<string, unknown>,
  known: readonly string[],
  { canaries, random, strange }: Filling,
): Record<string, unknown> {
  if (!random.chance(strange)) return made
  made[canaries.make()] = canaries.make()
  made[`x_${random.below(50)}`] = { owner: canaries.make(), list: [canaries.make()] }
  const name = known[random.below(known.length)]
  if (name !== undefined) {
    const renamed = name.toUpperCase() === name ? name.toLowerCase() : name.toUpperCase()
    if (!known.includes(renamed)) made[renamed] = canaries.make()
    if (!known.includes(`${name} `)) made[`${name} `] = canaries.make()
  }
  return made
}
