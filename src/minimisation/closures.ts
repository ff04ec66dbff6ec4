import { isUtf8 } from 'node:buffer'
import type { ArrayShape, Leaf, MapShape, ObjectShape, Shape } from '#catalog/shape.ts'
import { isObject } from '#foundation/json.ts'
import type { Value } from './coarsen.ts'
import type { Plan } from './plan.ts'
import type { Projection, ProjectionKeys } from './projection.ts'
import { type LeafRule, type Rules, letsPass, membersOf, rulesOf } from './rules.ts'
import { type Tally, addSubject, clear, newTally, projected } from './tally.ts'

/** Builds the output for one place of the document; ABSENT where nothing of it may pass. */
type Build = (value: unknown, tally: Tally) => unknown

/** JSON cannot say `undefined`, so no output of a place can be mistaken for it. */
const ABSENT = undefined

/**
 * The judge of the two engines: parses the document, walks it by closures composed once from plan and shape,
 * and writes what they built. Promises as for `compileProjection`.
 */
export function compileWithClosures(plan: Plan, shape: Shape, keys: ProjectionKeys): Projection {
  const rules = rulesOf(plan, shape, keys)
  const build = compileShape(shape, rules, rules.ruleFor)
  const tally = newTally(rules.items)
  return (document) => {
    clear(tally)
    const output = build(parse(document), tally)
    const json = output === ABSENT ? undefined : JSON.stringify(output)
    return projected(json, tally, rules.items)
  }
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

type RuleFor = (leaf: Leaf) => LeafRule

function compileShape(shape: Shape, rules: Rules, ruleFor: RuleFor): Build {
  switch (shape.kind) {
    case 'leaf':
      return compileLeaf(ruleFor(shape))
    case 'object':
      return compileObject(shape, rules, ruleFor)
    case 'map':
      return compileMap(shape, rules, ruleFor)
    case 'array':
      return compileArray(shape, rules, ruleFor)
  }
}

function compileArray(shape: ArrayShape, rules: Rules, ruleFor: RuleFor): Build {
  const element = compileShape(shape.of, rules, ruleFor)
  const kept = letsPass(shape.of, ruleFor)
  return (value, tally) => {
    if (!Array.isArray(value)) return unknown(tally)
    const built: unknown[] = []
    for (const one of value) {
      const output = element(one, tally)
      if (kept && output !== ABSENT) built.push(output)
    }
    return built
  }
}

function compileObject(shape: ObjectShape, rules: Rules, ruleFor: RuleFor): Build {
  const fields = membersOf(shape.fields).map(([name, part]) => ({
    name,
    build: compileShape(part, rules, ruleFor),
    kept: letsPass(part, ruleFor),
  }))
  return (value, tally) => {
    if (!isObject(value)) return unknown(tally)
    const built: Record<string, unknown> = {}
    let recognised = 0
    for (const { name, build, kept } of fields) {
      const member = value[name]
      if (member === undefined) continue
      recognised++
      const output = build(member, tally)
      if (kept && output !== ABSENT) built[name] = output
    }
    tally.unknown += Object.keys(value).length - recognised
    return built
  }
}

/**
 * A member passes only whole. Where its name or its value is kept back, so is the other, and where a name
 * made less exact meets one that is there already, the later member is kept back.
 */
function compileMap(shape: MapShape, rules: Rules, ruleFor: RuleFor): Build {
  const key = ruleFor(shape.key)
  const build = compileShape(shape.value, rules, ruleFor)
  const kept = letsPass(shape.value, ruleFor)
  const withhold = compileShape(shape.value, rules, rules.ruleToWithhold)
  return (value, tally) => {
    if (!isObject(value)) return unknown(tally)
    // Without a prototype, so that a member named __proto__ is a member like any other.
    const built: Record<string, unknown> = Object.create(null)
    for (const name of Object.keys(value)) {
      if (!fits(key, name)) {
        tally.unknown++
        continue
      }
      if (key.subject) addSubject(tally, name)
      const outputName = nameOf(key.coarsen(name))
      const passes = kept && outputName !== undefined && !(outputName in built)
      const output = (passes ? build : withhold)(value[name], tally)
      if (passes && output !== ABSENT) {
        built[outputName] = output
        count(tally.passed, key)
      } else count(tally.withheld, key)
    }
    return built
  }
}

function nameOf(value: Value | undefined): string | undefined {
  return value === undefined ? undefined : String(value)
}

function compileLeaf(rule: LeafRule): Build {
  const { coarsen, subject } = rule
  const exact = rule.precision === 'exact'
  return (value, tally) => {
    if (!fits(rule, value)) return unknown(tally)
    if (subject) addSubject(tally, String(value))
    const output = exact ? value : rule.type === 'json' ? ABSENT : coarsen(value)
    count(output === undefined ? tally.withheld : tally.passed, rule)
    return output
  }
}

function fits(rule: LeafRule, value: unknown): value is Value {
  if (rule.type === 'json') return JSON.stringify(value).length <= rule.maxLength
  // oxlint-disable-next-line valid-typeof -- the type is one of three words
  if (typeof value !== rule.type) return false
  if (typeof value === 'string')
    return value.length <= rule.maxLength && (rule.words === undefined || rule.words.has(value))
  return typeof value !== 'number' || Number.isFinite(value)
}

function count(counts: Uint32Array, rule: LeafRule): void {
  counts[rule.item] = (counts[rule.item] as number) + 1
}

function unknown(tally: Tally): typeof ABSENT {
  tally.unknown++
  return ABSENT
}
