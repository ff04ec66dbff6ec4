import { isUtf8 } from 'node:buffer'
import type { ItemId } from '#catalog/catalog.ts'
import { type Leaf, type MapShape, type ObjectShape, type Shape, itemsOf } from '#catalog/shape.ts'
import { type KeyedHash, keyedHash } from '#foundation/hashing.ts'
import type { Plan } from './plan.ts'
import { type Coarsen, coarsener } from './precision.ts'
import type { Projected, Projection, ProjectionKeys } from './projection.ts'

const DEFAULT_MAX_LENGTH = 16_384
const PSEUDONYM_BYTES = 16

/** What one run counts, by the item's number. */
interface Run {
  readonly withheld: Uint32Array
  readonly passed: Uint32Array
  unknown: number
  readonly subjects: Set<string>
}

/** Builds the output for one place; ABSENT where nothing of it may pass. */
type Build = (value: unknown, run: Run) => unknown

const ABSENT = Symbol('absent')

/**
 * Turns a plan and a shape into a projection: closures composed once, run for every document.
 *
 * The output holds the shape's members in the shape's order, and of those only what the plan lets pass, at
 * its precision. An item that the plan does not name is withheld. What the shape does not name, or what is
 * not of the declared JSON type, is dropped and counted as unknown, with all that is in it. An object or
 * array of the shape stays, even when nothing in it may pass, so that the document keeps its form.
 *
 * Text that is not JSON in valid UTF-8, or whose outermost value is not what the shape says, gives no output.
 */
export function compileProjection(plan: Plan, shape: Shape, keys: ProjectionKeys): Projection {
  const items = itemsOf(shape)
  const pseudonymise = keyedHash(keys.pseudonymKey, PSEUDONYM_BYTES)
  const build = compileShape(shape, { plan: byItem(plan), items, pseudonymise })
  return (document) => {
    const run: Run = {
      withheld: new Uint32Array(items.length),
      passed: new Uint32Array(items.length),
      unknown: 0,
      subjects: new Set(),
    }
    const output = build(parse(document), run)
    return {
      json: output === ABSENT ? undefined : JSON.stringify(output),
      withheld: tally(items, run.withheld),
      passed: tally(items, run.passed),
      unknown: run.unknown,
      subjects: [...run.subjects],
    }
  }
}

interface Context {
  readonly plan: ReadonlyMap<ItemId, Plan['items'][number]>
  readonly items: readonly ItemId[]
  readonly pseudonymise: KeyedHash
}

function byItem(plan: Plan): Context['plan'] {
  return new Map(plan.items.map((planned) => [planned.item, planned]))
}

function parse(document: Buffer | string): unknown {
  try {
    if (typeof document === 'string') return JSON.parse(document)
    return isUtf8(document) ? JSON.parse(document.toString('utf8')) : undefined
  } catch {
    // Not JSON: the caller refuses the document. What was wrong with it may quote it, so it goes no further.
    return undefined
  }
}

function compileShape(shape: Shape, context: Context): Build {
  switch (shape.kind) {
    case 'leaf':
      return compileLeaf(shape, context)
    case 'object':
      return compileObject(shape, context)
    case 'map':
      return compileMap(shape, context)
    case 'array': {
      const element = compileShape(shape.of, context)
      return (value, run) => {
        if (!Array.isArray(value)) return unknown(run)
        const built: unknown[] = []
        for (const one of value) {
          const output = element(one, run)
          if (output !== ABSENT) built.push(output)
        }
        return built
      }
    }
  }
}

function compileObject(shape: ObjectShape, context: Context): Build {
  const fields = Object.entries(shape.fields).map(([name, part]) => {
    if (name in Object.prototype) throw new RangeError(`a shape cannot have a member named ${name}`)
    return { name, build: compileShape(part, context) }
  })
  return (value, run) => {
    if (!isObject(value)) return unknown(run)
    const built: Record<string, unknown> = {}
    let recognised = 0
    for (const { name, build } of fields) {
      const member = value[name]
      if (member === undefined) continue
      recognised++
      const output = build(member, run)
      if (output !== ABSENT) built[name] = output
    }
    run.unknown += Object.keys(value).length - recognised
    return built
  }
}

function compileMap(shape: MapShape, context: Context): Build {
  const key = compileLeaf(shape.key, context)
  const member = compileShape(shape.value, context)
  return (value, run) => {
    if (!isObject(value)) return unknown(run)
    // Without a prototype, so that a member named __proto__ is a member like any other.
    const built: Record<string, unknown> = Object.create(null)
    for (const name of Object.keys(value)) {
      const outputName = key(name, run)
      const output = member(value[name], run)
      if (outputName !== ABSENT && output !== ABSENT) built[String(outputName)] = output
    }
    return built
  }
}

function compileLeaf(leaf: Leaf, context: Context): Build {
  const planned = context.plan.get(leaf.item)
  const number = context.items.indexOf(leaf.item)
  const precision = planned?.reason === 'permitted' ? planned.precision : 'withheld'
  const coarsen: Coarsen = coarsener(precision, context.pseudonymise)
  const known = checkLeaf(leaf)
  const exact = precision === 'exact'
  return (value, run) => {
    if (!known(value)) return unknown(run)
    if (leaf.subject) run.subjects.add(String(value))
    const output = exact ? value : coarsen(value)
    if (output === undefined) {
      run.withheld[number] = (run.withheld[number] ?? 0) + 1
      return ABSENT
    }
    run.passed[number] = (run.passed[number] ?? 0) + 1
    return output
  }
}

function checkLeaf(leaf: Leaf): (value: unknown) => value is string | number | boolean {
  const longest = leaf.maxLength ?? DEFAULT_MAX_LENGTH
  const words = leaf.oneOf && new Set(leaf.oneOf)
  switch (leaf.type) {
    case 'string':
      return (value): value is string =>
        typeof value === 'string' &&
        value.length <= longest &&
        (words === undefined || words.has(value))
    case 'number':
      return (value): value is number => typeof value === 'number' && Number.isFinite(value)
    case 'boolean':
      return (value): value is boolean => typeof value === 'boolean'
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function unknown(run: Run): typeof ABSENT {
  run.unknown++
  return ABSENT
}

function tally(items: readonly ItemId[], counts: Uint32Array): Projected['withheld'] {
  const found: Record<ItemId, number> = {}
  for (let i = 0; i < counts.length; i++) {
    const count = counts[i] ?? 0
    if (count > 0) found[items[i] ?? ''] = count
  }
  return found
}
