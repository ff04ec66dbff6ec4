import type { ItemId } from './catalog.ts'
import type { JamfFields } from './jamf-fields.ts'
import { type Leaf, type ObjectShape, type Shape, array, leaf, object } from './shape.ts'

const LONGEST = 2_000

/** The leaf that stands at a path of a table of fields. */
export function jamfLeaf(what: string, subject = false): Leaf {
  const [type = '', item = ''] = what.split(' ')
  return leaf(item, {
    type: type as Leaf['type'],
    ...(type === 'string' ? { maxLength: LONGEST } : {}),
    ...(subject ? { subject: true } : {}),
  })
}

/** The item that a table of fields has at each of its paths. */
export function jamfItemOf(what: string): ItemId {
  return what.slice(what.indexOf(' ') + 1)
}

/**
 * The fields as the nested object that Jamf Pro answers with, or only those of `items`. What is left out is unknown to
 * the shape, so it cannot pass.
 */
export function jamfShape(
  fields: JamfFields,
  items: ReadonlySet<ItemId>,
  subject: ItemId = 'device.serialNumber',
): ObjectShape {
  const root: Branch = new Map()
  for (const [path, what] of Object.entries(fields)) {
    const item = jamfItemOf(what)
    if (items.has(item)) plant(root, path.split('.'), jamfLeaf(what, item === subject))
  }
  return grown(root)
}

type Branch = Map<string, Leaf | Branch>

function plant(branch: Branch, [name = '', ...rest]: readonly string[], value: Leaf): void {
  if (rest.length === 0) {
    branch.set(name, value)
    return
  }
  const below = branch.get(name)
  const next: Branch = below instanceof Map ? below : new Map()
  branch.set(name, next)
  plant(next, rest, value)
}

function grown(branch: Branch): ObjectShape {
  const fields: Record<string, Shape> = {}
  for (const [name, below] of branch) {
    const shape = below instanceof Map ? grown(below) : below
    if (name.endsWith('[]')) fields[name.slice(0, -2)] = array(shape)
    else fields[name] = shape
  }
  return object(fields)
}
