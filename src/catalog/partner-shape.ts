import { z } from 'zod'
import { type Leaf, type ObjectShape, type Shape, array, leaf, object } from './shape.ts'

/**
 * How a description writes a body down: an object of members; a list as a list of one; a value as the id of the item
 * that stands there, or as `{"item": …}` where more is to be said of it. A member that is called `item` itself is
 * written with its own `{"item": …}` as value.
 */
export type WrittenShape =
  | string
  | WrittenLeaf
  | readonly [WrittenShape]
  | { readonly [member: string]: WrittenShape }

const ITEM = z.string().regex(/^[a-z][A-Za-z0-9]*\.[A-Za-z][A-Za-z0-9]*$/, 'the id of an item')
/** Not one that every object seems to have, such as `constructor`: no projection can be made with it. */
export const memberName = (form: RegExp) =>
  z
    .string()
    .min(1)
    .max(100)
    .regex(form)
    .refine((name) => !(name in Object.prototype), 'the name of a member')
const MEMBER = memberName(/^[\w.:@$-]+$/)
const LONGEST_LIST_OF_WORDS = 200
const DEEPEST = 8
const MOST_PLACES = 400

export const writtenLeaf = z.strictObject({
  item: ITEM,
  type: z.enum(['string', 'number', 'boolean']).optional(),
  maxLength: z.int().min(1).max(16_384).optional(),
  oneOf: z.array(z.string().min(1).max(100)).min(1).max(LONGEST_LIST_OF_WORDS).optional(),
  subject: z.literal(true).optional(),
})
export type WrittenLeaf = z.output<typeof writtenLeaf>

export const writtenValue = z.union([ITEM, writtenLeaf])

export const writtenShape: z.ZodType<WrittenShape> = z.lazy(() =>
  z.union([ITEM, writtenLeaf, z.tuple([writtenShape]), z.record(MEMBER, writtenShape)]),
)
export const writtenObject = z.record(MEMBER, writtenShape)
export type WrittenObject = z.output<typeof writtenObject>

/** @throws RangeError for a body that is nested or large beyond reason */
export function readShape(written: WrittenShape): Shape {
  let places = 0
  const read = (part: WrittenShape, depth: number): Shape => {
    if (depth > DEEPEST) throw new RangeError('a body is nested too deeply')
    if (++places > MOST_PLACES) throw new RangeError('a body has too many places')
    if (typeof part === 'string' || isLeaf(part)) return readLeaf(part)
    if (Array.isArray(part)) return array(read(part[0] as WrittenShape, depth + 1))
    const members = Object.entries(part as { readonly [member: string]: WrittenShape })
    return object(
      Object.fromEntries(members.map(([name, value]) => [name, read(value, depth + 1)])),
    )
  }
  return read(written, 0)
}

export function readObject(written: WrittenObject): ObjectShape {
  const shape = readShape(written)
  // `{"item": "device.model"}` reads as a value where a body is expected: then it is a body of that one member.
  return shape.kind === 'object' ? shape : object({ item: leaf((shape as Leaf).item) })
}

export function readLeaf(written: string | WrittenLeaf): Leaf {
  if (typeof written === 'string') return leaf(written)
  const { item, type, maxLength, oneOf, subject } = written
  return leaf(item, {
    ...(type === undefined ? {} : { type }),
    ...(maxLength === undefined ? {} : { maxLength }),
    ...(oneOf === undefined ? {} : { oneOf }),
    ...(subject === undefined ? {} : { subject }),
  })
}

function isLeaf(part: WrittenShape): part is WrittenLeaf {
  return writtenLeaf.safeParse(part).success
}
