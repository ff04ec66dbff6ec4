import { ANSWER_KEYS, CHECK_IN_KEYS, type MdmKeys, WITHHELD_BY_APPLE } from '#catalog/apple-mdm.ts'
import type { ItemId } from '#catalog/catalog.ts'
import { type ObjectShape, type Shape, array, leaf, object } from '#catalog/shape.ts'
import { dropped } from '../dropped.ts'

/** Where an answer lists apps, only their number is a fact of its own. */
export const COUNTED: ReadonlySet<string> = new Set([
  'InstalledApplicationList',
  'ManagedApplicationList',
])
/** Texts of a list that become one text, a line each. */
export const LISTED = 'InstalledApplicationList.InstalledApplicationListItem.Identifier'

/** How the device is enrolled: Apple gives a personal one an id of its own, and withholds what identifies it. */
export type Enrolment = 'device' | 'personal'

export interface MessageKind {
  readonly keys: MdmKeys
  readonly enrolment: Enrolment
  /** The key and item that identify the device of this enrolment. */
  readonly subjectKey: 'UDID' | 'EnrollmentID'
  readonly subjectItem: ItemId
  /** Paths to what lies in a structure: an exact key, or the one name that stands for any. */
  readonly children: ReadonlyMap<string, readonly string[]>
  readonly shape: ObjectShape
}

/** Kinds of messages by name, for either enrolment. `Connect` is every answer to a command. */
export const MESSAGE_KINDS: ReadonlyMap<string, Readonly<Record<Enrolment, MessageKind>>> = new Map(
  [...CHECK_IN_KEYS, ['Connect', ANSWER_KEYS] as const].map(([name, keys]) => [
    name,
    { device: kindOf(keys, 'device'), personal: kindOf(keys, 'personal') },
  ]),
)

function kindOf(keys: MdmKeys, enrolment: Enrolment): MessageKind {
  const subjectKey = enrolment === 'device' ? 'UDID' : 'EnrollmentID'
  const allowed: MdmKeys = enrolment === 'device' ? keys : new Map([...keys].map(withhold))
  return {
    keys: allowed,
    enrolment,
    subjectKey,
    subjectItem: enrolment === 'device' ? 'device.udid' : 'device.enrollmentId',
    children: childrenOf(allowed),
    shape: shapeOf(allowed, subjectKey),
  }
}

function withhold([path, key]: [string, MdmKeys extends ReadonlyMap<string, infer K> ? K : never]) {
  return key.kind === 'item' && WITHHELD_BY_APPLE.has(key.item)
    ? ([path, { kind: 'never', item: 'never.mdmWithheldByApple' }] as const)
    : ([path, key] as const)
}

/**
 * Records are flat: a member for each path that is kept, and one list for each item under which things are dropped,
 * which holds a 1 for each of them and never a value.
 */
function shapeOf(keys: MdmKeys, subjectKey: string): ObjectShape {
  const fields: Record<string, Shape> = {}
  for (const [path, key] of keys) {
    if (key.kind === 'item')
      fields[path] = leaf(key.item, {
        type: key.type,
        ...(path === subjectKey ? { subject: true } : {}),
      })
    if (key.kind === 'never') fields[dropped(key.item)] = array(leaf(key.item, { type: 'number' }))
  }
  return object(fields)
}

function childrenOf(keys: MdmKeys): ReadonlyMap<string, readonly string[]> {
  const children = new Map<string, string[]>()
  for (const path of keys.keys()) {
    const end = path.lastIndexOf('.')
    const parent = end < 0 ? '' : path.slice(0, end)
    const known = children.get(parent)
    if (known) known.push(path)
    else children.set(parent, [path])
  }
  return children
}
