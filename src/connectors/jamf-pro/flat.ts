import type { ItemId } from '#catalog/catalog.ts'
import type { JamfFields } from '#catalog/jamf-fields.ts'
import { jamfItemOf, jamfLeaf } from '#catalog/jamf-shapes.ts'
import { type Leaf, type ObjectShape, object } from '#catalog/shape.ts'
import { isObject } from '#foundation/json.ts'

/** A flat record: values by their path, and a member of its own for each field that nobody classified. */
export type FlatRecord = Record<string, unknown>

/** How nested records of one kind become flat ones, and what stands where in those. */
export interface FlatKind {
  readonly shape: ObjectShape
  /** Of a list, the first element that has a field speaks for it. What is unknown is counted, not named. */
  flatten(record: unknown): FlatRecord
}

/** The record's own number at the party: calls name it, and nothing is kept by it unless a profile says so. */
const ADDRESS: ItemId = 'device.jamfId'
const MOST_UNKNOWN = 1_000

/**
 * @param keepsAddress whether the record's own number is a fact to keep; else it is left out before anything is decided
 * @param texts        for forms in which everything is a text (XML): reads numbers and truth values out of texts
 */
export function flatKind(fields: JamfFields, keepsAddress: boolean, texts = false): FlatKind {
  const leaves = new Map<string, Leaf>()
  for (const [path, what] of Object.entries(fields))
    if (jamfItemOf(what) !== ADDRESS || keepsAddress)
      leaves.set(path, jamfLeaf(what, jamfItemOf(what) === 'device.serialNumber'))
  const addresses = new Set(
    Object.keys(fields).filter((path) => jamfItemOf(fields[path] ?? '') === ADDRESS),
  )
  const inner = new Set(Object.keys(fields).flatMap(prefixesOf))
  return {
    shape: object(Object.fromEntries(leaves)),
    flatten: (record) => {
      const flat: FlatRecord = Object.create(null) as FlatRecord
      let unknown = 0
      const walk = (value: unknown, path: string): void => {
        const known = leaves.get(path)
        if (known) flat[path] ??= texts ? read(value, known.type) : value
        else if (addresses.has(path)) return
        else if (Array.isArray(value) && inner.has(`${path}[]`))
          for (const element of value) walk(element, `${path}[]`)
        else if (isObject(value) && (path === '' || inner.has(path)))
          for (const [name, below] of Object.entries(value)) {
            // A name with a point in it could pretend to be a path.
            if (/^\w+$/.test(name)) walk(below, path === '' ? name : `${path}.${name}`)
            else unknown++
          }
        else if (value !== null && value !== undefined) unknown++
      }
      walk(record, '')
      for (let i = 0; i < Math.min(unknown, MOST_UNKNOWN); i++) flat[`? ${i}`] = 1
      return flat
    },
  }
}

function prefixesOf(path: string): readonly string[] {
  const parts = path.split('.')
  return parts.flatMap((part, i) => {
    const before = parts.slice(0, i).join('.')
    const at = before === '' ? part : `${before}.${part}`
    return at.endsWith('[]') ? [at, at.slice(0, -2)] : [at]
  })
}

function read(value: unknown, type: Leaf['type']): unknown {
  if (typeof value !== 'string') return value
  if (type === 'number') return /^-?\d{1,15}(?:\.\d{1,6})?$/.test(value) ? Number(value) : value
  if (type === 'boolean') return value === 'true' ? true : value === 'false' ? false : value
  return value
}
