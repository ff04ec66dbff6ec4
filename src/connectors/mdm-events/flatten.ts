import { isKeepable } from '#foundation/json.ts'
import { countDropped } from '../dropped.ts'
import { COUNTED, LISTED, type MessageKind } from './keys.ts'
import type { PlistValue } from './plist/value.ts'

/** Longest text of a list: what the projection lets through at most. */
const LONGEST_LIST = 16_384

/** A flat record: kept values by path, a 1 for each dropped one, and a member of its own for each unknown one. */
export type FlatRecord = Record<string, string | number | boolean | number[]>

/** Makes the flat record of one message. Of what is dropped or unknown, neither value nor name goes into it. */
export function flatten(message: PlistValue, kind: MessageKind): FlatRecord {
  const walk = new Walk(kind)
  if (message instanceof Map) walk.dict(message, '')
  else walk.unknown()
  return walk.finished()
}

class Walk {
  readonly #kind: MessageKind
  readonly #record: FlatRecord = Object.create(null)
  readonly #listed: string[] = []
  #listedLength = 0
  #unknown = 0

  constructor(kind: MessageKind) {
    this.#kind = kind
  }

  finished(): FlatRecord {
    if (this.#listed.length > 0) this.#record[LISTED] = this.#listed.sort().join('\n')
    return this.#record
  }

  unknown(): void {
    this.#record[`? ${this.#unknown++}`] = 1
  }

  dict(dict: ReadonlyMap<string, PlistValue>, parent: string): void {
    for (const [key, value] of dict) {
      const path = this.#pathTo(key, parent)
      if (path === undefined) this.unknown()
      else this.#value(value, path)
    }
  }

  #value(value: PlistValue, path: string): void {
    const key = this.#kind.keys.get(path)
    if (!key) return this.unknown()
    if (key.kind === 'never') return countDropped(this.#record, key.item)
    if (key.kind === 'structure') return this.#structure(value, path)
    if (COUNTED.has(path)) return this.#count(value, path)
    if (path === LISTED) return this.#list(value)
    // oxlint-disable-next-line valid-typeof -- the type is one of three words
    if (typeof value === key.type && (typeof value !== 'string' || isKeepable(value)))
      this.#record[path] = value as string | number | boolean
    else this.unknown()
  }

  #structure(value: PlistValue, path: string): void {
    if (value instanceof Map) this.dict(value, path)
    else if (Array.isArray(value)) this.#elements(value as readonly PlistValue[], path)
    else this.unknown()
  }

  #elements(list: readonly PlistValue[], path: string): void {
    const [only, ...more] = this.#kind.children.get(path) ?? []
    const element = only === undefined || more.length > 0 ? path : only
    for (const value of list) {
      if (element !== path) this.#value(value, element)
      else if (value instanceof Map) this.dict(value, path)
      else this.unknown()
    }
  }

  #count(value: PlistValue, path: string): void {
    if (value instanceof Map) this.#record[path] = value.size
    else if (Array.isArray(value)) this.#record[path] = value.length
    else return this.unknown()
    this.#structure(value, path)
  }

  #list(value: PlistValue): void {
    if (typeof value !== 'string' || !isKeepable(value)) return this.unknown()
    this.#listedLength += value.length + 1
    if (this.#listedLength > LONGEST_LIST) this.unknown()
    else this.#listed.push(value)
  }

  /** The path under which a key is classified: by its own name, or by the one that stands for any name. */
  #pathTo(key: string, parent: string): string | undefined {
    // A key with a point in it could pretend to be a path.
    const own = parent === '' ? key : `${parent}.${key}`
    if (!key.includes('.') && this.#kind.keys.has(own)) return own
    return this.#kind.children.get(parent)?.find((path) => path.startsWith(`${parent}.ANY`))
  }
}

/** Text at the top of a message, for what is needed before anything is kept. */
export function topText(message: PlistValue, key: string): string | undefined {
  if (!(message instanceof Map)) return undefined
  const value: unknown = message.get(key)
  return typeof value === 'string' ? value : undefined
}
