import { androidShape } from '#catalog/android-shapes.ts'
import type { ItemId } from '#catalog/catalog.ts'
import { type Leaf, type ObjectShape, type Shape, array, leaf, object } from '#catalog/shape.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { type Json, canonicalJson } from '#foundation/canonical-json.ts'
import { isKeepable } from '#foundation/json.ts'
import { countDropped, dropped } from '../dropped.ts'

/** Values by item, a list of ones for what is dropped, and a member of its own for what nobody classified. */
export type FlatRecord = Readonly<Record<string, string | number | boolean | readonly number[]>>

/** How an object of Google's becomes a record of items. */
export interface FlatKind {
  readonly shape: ObjectShape
  flatten(value: unknown): FlatRecord
}

const USAGE: ReadonlySet<ItemId> = new Set([
  'device.usageLog',
  'device.appReports',
  'device.powerEvents',
  'device.hardwareSamples',
  'device.defaultApps',
  'device.lostModeLocation',
  'device.carrier',
  'device.networkOperator',
  'person.devicePhoneNumber',
  'person.primaryLanguage',
])
const FREE_TEXT: ReadonlySet<ItemId> = new Set([
  'app.managedConfiguration',
  'device.appStateData',
  'device.disabledReason',
  'device.enrolmentData',
  'device.nonCompliantValue',
  'device.systemProperties',
  'person.lostModeContact',
  'policy.wipeReason',
  'protocol.errorText',
])
/** Items of which one part says it all, so that it can be filtered by; the others are details. */
const MAIN: ReadonlyMap<ItemId, string> = new Map([
  ['device.complianceStates', 'policyCompliant'],
  ['device.deviceState', 'state'],
  ['policy.androidName', 'policyName'],
])
const LONGEST = 65_536
/** More than so many unknown members are no more to know. */
const MOST_UNKNOWN = 1_000
/** Of several times the latest is the one that says something. */
const TIMES: ItemId = 'device.androidTimes'

/** Under which item a value is dropped, though its own may be kept elsewhere: what comes in is kept for management only. */
export function droppedAs(item: ItemId): ItemId | undefined {
  if (shippedCatalog.items.get(item)?.secret) return 'never.androidSecret'
  if (USAGE.has(item)) return 'never.androidUsage'
  return FREE_TEXT.has(item) ? 'never.androidDetails' : undefined
}

function droppedAt(item: ItemId, path: string): ItemId | undefined {
  const main = MAIN.get(item)
  return main !== undefined && main !== path ? 'never.androidDetails' : droppedAs(item)
}

/** An object of the Android Management API as a record. Of an item with several parts, the parts by their path, as JSON. */
export function flatKind(
  name: string,
  more: Readonly<Record<string, Shape>> = {},
  all?: ItemId,
): FlatKind {
  const nested = object({ ...(androidShape(name) as ObjectShape).fields, ...more })
  const places = placesOf(nested)
  const fields: Record<string, Shape> = {}
  for (const [item, at] of places) {
    const gone = all && item !== 'device.name' ? all : droppedAs(item)
    if (gone || at.some(({ path }) => droppedAt(item, path))) {
      const under = gone ?? 'never.androidDetails'
      fields[dropped(under)] = array(leaf(under, { type: 'number' }))
    }
    if (!gone) fields[item] = leaf(item, leafOf(item, at))
  }
  return {
    shape: object(fields),
    flatten: (value) => {
      const walk = new Walk(all)
      walk.value(value, nested, '')
      return walk.finished(places)
    },
  }
}

interface Place {
  readonly leaf: Leaf
  readonly path: string
  readonly repeated: boolean
}

function leafOf(item: ItemId, places: readonly Place[]): Partial<Omit<Leaf, 'kind' | 'item'>> {
  const only = mainOf(item, places) ?? places[0]
  const subject = item === 'device.name' ? { subject: true } : {}
  const isOne = places.length === 1 || MAIN.has(item)
  const type = isOne && only && !only.repeated ? only.leaf.type : 'string'
  return { type: type === 'json' ? 'string' : type, maxLength: LONGEST, ...subject }
}

function mainOf(item: ItemId, places: readonly Place[]): Place | undefined {
  return places.find(({ path }) => path === MAIN.get(item))
}

/** Every item of a shape with each place at which it stands. */
function placesOf(shape: Shape): ReadonlyMap<ItemId, readonly Place[]> {
  const places = new Map<ItemId, Place[]>()
  const walk = (part: Shape, path: string, repeated: boolean): void => {
    switch (part.kind) {
      case 'leaf':
        places.set(part.item, [...(places.get(part.item) ?? []), { leaf: part, path, repeated }])
        return
      case 'array':
        walk(part.of, path, true)
        return
      case 'map':
        walk(part.key, path, true)
        walk(part.value, path, true)
        return
      case 'object':
        for (const [name, field] of Object.entries(part.fields))
          walk(field, path === '' ? name : `${path}.${name}`, repeated)
    }
  }
  walk(shape, '', false)
  return places
}

/** One walk through what came. Of what is dropped or unknown, neither value nor name is kept. */
class Walk {
  readonly #all: ItemId | undefined
  readonly #found = new Map<ItemId, [path: string, value: Json][]>()
  readonly #record: Record<string, string | number | boolean | number[]> = Object.create(null)
  #unknown = 0

  constructor(all: ItemId | undefined) {
    this.#all = all
  }

  value(value: unknown, shape: Shape, path: string): void {
    if (value === undefined || value === null) return
    if (shape.kind === 'leaf') return this.#leaf(value, shape, path)
    if (shape.kind === 'array') {
      if (!Array.isArray(value)) return this.#isUnknown()
      for (const one of value) this.value(one, shape.of, path)
      return
    }
    if (typeof value !== 'object' || Array.isArray(value)) return this.#isUnknown()
    for (const [name, member] of Object.entries(value)) {
      if (shape.kind === 'map') {
        this.#leaf(name, shape.key, path)
        this.value(member, shape.value, path)
      } else if (Object.hasOwn(shape.fields, name))
        this.value(member, shape.fields[name] as Shape, path === '' ? name : `${path}.${name}`)
      else this.#isUnknown()
    }
  }

  #leaf(value: unknown, { item, type }: Leaf, path: string): void {
    const gone = this.#all && item !== 'device.name' ? this.#all : droppedAt(item, path)
    if (gone) return countDropped(this.#record, gone)
    // oxlint-disable-next-line valid-typeof -- the type is one of three words
    if (typeof value !== type || (typeof value === 'string' && !isKeepable(value)))
      return this.#isUnknown()
    const found = this.#found.get(item)
    if (found) found.push([path, value as Json])
    else this.#found.set(item, [[path, value as Json]])
  }

  #isUnknown(): void {
    if (this.#unknown < MOST_UNKNOWN) this.#record[`? ${this.#unknown++}`] = 1
  }

  finished(places: ReadonlyMap<ItemId, readonly Place[]>): FlatRecord {
    for (const [item, found] of this.#found)
      this.#record[item] = printed(item, found, places.get(item) ?? [])
    return this.#record
  }
}

function printed(
  item: ItemId,
  found: readonly (readonly [string, Json])[],
  places: readonly Place[],
): string | number | boolean {
  const values = found.map(([, value]) => value)
  if (item === TIMES) return values.map(String).sort().at(-1) ?? ''
  const [only] = places
  if (MAIN.has(item)) return values.at(-1) as string | number | boolean
  if (places.length === 1 && only)
    return only.repeated
      ? values.map(String).join('\n')
      : (values.at(-1) as string | number | boolean)
  const byPath: Record<string, Json> = {}
  for (const [path, all] of Map.groupBy(found, ([at]) => at)) {
    const [first] = all
    byPath[path] = all.length === 1 && first ? first[1] : all.map(([, value]) => value)
  }
  return canonicalJson(byPath)
}
