import { type Leaf, type Shape, array, leaf, map, object } from './shape.ts'
import { ANDROID_OBJECTS } from './flows/android-management-fields.ts'

/** Objects that hold themselves are followed this deep; Google allows no more in a managed configuration. */
const DEEPEST_NESTING = 2
const LONGEST_FREE_JSON = 262_144

/**
 * The shape of an object of Google's Android Management API, from the table of its fields.
 *
 * @throws RangeError for an object that the table does not have, or an entry that cannot be read
 */
export function androidShape(name: string): Shape {
  return objectShape(name, undefined, [])
}

function objectShape(name: string, all: string | undefined, within: readonly string[]): Shape {
  const fields = ANDROID_OBJECTS[name]
  if (!fields) throw new RangeError(`no object ${name} in the Android Management API`)
  const inside = [...within, name]
  return object(
    Object.fromEntries(
      Object.entries(fields).flatMap(([field, says]) => {
        const shape = fieldShape(field, says, all, inside)
        return shape ? [[field, shape]] : []
      }),
    ),
  )
}

/** Undefined where an object would nest deeper in itself than is followed. */
function fieldShape(
  field: string,
  says: string,
  all: string | undefined,
  within: readonly string[],
): Shape | undefined {
  const [kind = '', named = '', longest] = says.split(' ')
  const item = all ?? named
  const list = kind.endsWith('[]')
  const one = kind.replace('[]', '')
  const [, values] = /^map(?:<(\w+)>)?$/.exec(one) ?? []
  if (one.startsWith('map')) {
    const name = leaf(item)
    return map(name, values ? objectShape(values, item, within) : name)
  }
  if (one === 'json') return leaf(item, { type: 'json', maxLength: LONGEST_FREE_JSON })
  if (/^[A-Z]/.test(one)) {
    if (within.filter((outer) => outer === one).length >= DEEPEST_NESTING) return undefined
    const shape = objectShape(one, all ?? (named === '' ? undefined : named), within)
    return list ? array(shape) : shape
  }
  if (!['string', 'number', 'boolean'].includes(one) || item === '')
    throw new RangeError(`${within.at(-1)}.${field} has no type or no item`)
  const value = leaf(item, {
    type: one as Leaf['type'],
    ...(longest === undefined ? {} : { maxLength: Number(longest) }),
    ...(item === 'device.name' ? { subject: true } : {}),
  })
  return list ? array(value) : value
}
