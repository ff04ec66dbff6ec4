import type { ItemId } from '#catalog/catalog.ts'
import type { Shape } from '#catalog/shape.ts'

/** Texts of one item in a document of the shape. What does not fit the shape is passed over. */
export function valuesOf(shape: Shape, document: unknown, item: ItemId): ReadonlySet<string> {
  const found = new Set<string>()
  rewriteValues(shape, document, item, (text) => {
    found.add(text)
    return text
  })
  return found
}

/** A copy of the document with the texts of one item rewritten; all else as it is. */
export function rewriteValues(
  shape: Shape,
  document: unknown,
  item: ItemId,
  rewrite: (text: string) => string,
): unknown {
  switch (shape.kind) {
    case 'leaf':
      return shape.item === item && typeof document === 'string' ? rewrite(document) : document
    case 'array':
      return Array.isArray(document)
        ? document.map((one) => rewriteValues(shape.of, one, item, rewrite))
        : document
    case 'map':
    case 'object': {
      if (typeof document !== 'object' || document === null || Array.isArray(document))
        return document
      // Without a prototype, so that a member named __proto__ stays a member like any other.
      const copy: Record<string, unknown> = Object.create(null)
      for (const [name, value] of Object.entries(document)) {
        const part =
          shape.kind === 'map'
            ? shape.value
            : Object.hasOwn(shape.fields, name)
              ? shape.fields[name]
              : undefined
        copy[name] = part ? rewriteValues(part, value, item, rewrite) : value
      }
      return copy
    }
  }
}
