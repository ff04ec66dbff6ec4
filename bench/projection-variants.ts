import fastJsonStringify from 'fast-json-stringify'
import fastRedact from 'fast-redact'
import type { Shape } from '#catalog/shape.ts'
import { keyedHash } from '#foundation/hashing.ts'
import { compileWithClosures } from '#minimisation/closures.ts'
import { compileWithScanner } from '#minimisation/scan.ts'
import { NARROW, narrowPlan, shapeOf } from './projection-records.ts'

export interface Variant {
  readonly name: string
  /** From the bytes of a document to the projected JSON text. */
  readonly project: (document: Buffer) => string
}

type Members = Record<string, unknown>

/** Every way to let the narrow leaves of a record pass, the first `pseudonyms` of them as pseudonyms. */
export function variantsFor(
  record: unknown,
  pseudonyms: number,
): { readonly floor: Variant; readonly others: readonly Variant[] } {
  const keys = { pseudonymKey: Buffer.alloc(32, 9) }
  const plan = narrowPlan(pseudonyms)
  const shape = shapeOf(record, NARROW)
  const whole = shapeOf(record)
  const hash = keyedHash(keys.pseudonymKey, 18)
  const rename = renamer(NARROW.slice(0, pseudonyms), hash)
  const ours = (name: string, project: ReturnType<typeof compileWithClosures>): Variant => ({
    name,
    project: (document) => project(document).json ?? '',
  })
  const floor = {
    name: 'parse and write all',
    project: (document: Buffer) => JSON.stringify(parse(document)),
  }
  const others = [
    ours('closures', compileWithClosures(plan, shape, keys)),
    ours('scanner', compileWithScanner(plan, shape, keys)),
    ours('closures, all 93 leaves in the shape', compileWithClosures(plan, whole, keys)),
    ours('scanner, all 93 leaves in the shape', compileWithScanner(plan, whole, keys)),
    { name: 'fast-json-stringify', project: byFastJsonStringify(shape, rename) },
    { name: 'fast-redact', project: byFastRedact(record, rename) },
    { name: 'interpreted walk', project: byWalk(new Set(NARROW.slice(0, pseudonyms)), hash) },
  ]
  return { floor, others }
}

function parse(document: Buffer): Members {
  return JSON.parse(document.toString('utf8')) as Members
}

/** Puts pseudonyms in their places, for the variants that cannot make them. */
function renamer(paths: readonly string[], hash: (text: string) => string) {
  const steps = paths.map((path) => path.split('.'))
  return (record: Members): Members => {
    for (const [outer = '', inner] of steps) {
      const holder = inner === undefined ? record : (record[outer] as Members)
      const name = inner ?? outer
      holder[name] = hash(holder[name] as string)
    }
    return record
  }
}

function byFastJsonStringify(shape: Shape, rename: (record: Members) => Members) {
  const write = fastJsonStringify(schemaOf(shape) as Parameters<typeof fastJsonStringify>[0])
  return (document: Buffer) => write(rename(parse(document)))
}

function schemaOf(shape: Shape): object {
  switch (shape.kind) {
    case 'leaf':
      return { type: shape.type }
    case 'array':
      return { type: 'array', items: schemaOf(shape.of) }
    case 'map':
      return { type: 'object', additionalProperties: schemaOf(shape.value) }
    case 'object': {
      const entries = Object.entries(shape.fields).map(([name, part]) => [name, schemaOf(part)])
      return { type: 'object', properties: Object.fromEntries(entries) as object }
    }
  }
}

/** A deny list: it has to name every leaf that must not pass. */
function byFastRedact(record: unknown, rename: (record: Members) => Members) {
  const redact = fastRedact({ paths: deniedPaths(record as Members, ''), remove: true })
  return (document: Buffer) => redact(rename(parse(document))) as string
}

function deniedPaths(record: Members, prefix: string): string[] {
  return Object.entries(record).flatMap(([name, value]) => {
    const path = `${prefix}${name}`
    if ((NARROW as readonly string[]).includes(path)) return []
    const within = NARROW.some((allowed) => allowed.startsWith(`${path}.`))
    return within ? deniedPaths(value as Members, `${path}.`) : [path]
  })
}

/** Walks the parsed document and looks every place up in a set of rules. */
function byWalk(renamed: ReadonlySet<string>, hash: (text: string) => string) {
  const rules: ReadonlySet<string> = new Set(NARROW)
  const walk = (value: unknown, path: string): unknown => {
    if (Array.isArray(value)) {
      const kept = value.map((one) => walk(one, path)).filter((one) => one !== undefined)
      return kept.length > 0 ? kept : undefined
    }
    if (typeof value === 'object' && value !== null) {
      const kept: Members = {}
      let any = false
      for (const name of Object.keys(value)) {
        const inner = walk((value as Members)[name], path === '' ? name : `${path}.${name}`)
        if (inner === undefined) continue
        kept[name] = inner
        any = true
      }
      return any ? kept : undefined
    }
    if (!rules.has(path)) return undefined
    return renamed.has(path) ? hash(String(value)) : value
  }
  return (document: Buffer) => JSON.stringify(walk(parse(document), ''))
}
