import { z } from 'zod'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import type { Detail } from '../problem.ts'

/** What was sent cannot be accepted: the refusal, and each field with what was expected of it. */
export interface Invalid {
  readonly refusal: Refusal
  readonly details: readonly Detail[]
}

const MOST_DETAILS = 20

/**
 * Checks what came against its schema. An answer names the field, what was expected and the type of what came; the
 * value itself is never said again.
 */
export function validate<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
): { readonly value: z.output<Schema> } | Invalid {
  const parsed = schema.safeParse(value)
  if (parsed.success) return { value: parsed.data }
  const details = parsed.error.issues
    .flatMap((issue) => detailsOf(issue, value))
    .slice(0, MOST_DETAILS)
  return { refusal: refuse('body_malformed'), details }
}

/** Reads a JSON body. An empty one stands for an empty object, as actions without parameters are called. */
export function readJson(body: Buffer): { readonly value: unknown } | Invalid {
  if (body.length === 0) return { value: {} }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body)
    return { value: JSON.parse(text) as unknown }
  } catch {
    return malformed('body', 'JSON in UTF-8 is expected')
  }
}

export function malformed(target: string, message: string): Invalid {
  return {
    refusal: refuse('body_malformed'),
    details: [{ code: 'invalid', target, message }],
  }
}

function detailsOf(issue: z.core.$ZodIssue, root: unknown): readonly Detail[] {
  const path = issue.path.map(String)
  if (issue.code === 'invalid_union' && issue.errors.length > 0) return detailsOfUnion(issue, root)
  if (issue.code === 'unrecognized_keys')
    return issue.keys
      .slice(0, MOST_DETAILS)
      .map((key) => detail([...path, key], 'unknown', 'there is no such field'))
  const came = at(root, issue.path)
  return [
    came === undefined
      ? detail(path, 'missing', `${expectedBy(issue)} is expected, and nothing came`)
      : detail(path, 'invalid', `${expectedBy(issue)} is expected; what came is ${typeName(came)}`),
  ]
}

/** Of several forms, the one that what came is nearest to. */
function detailsOfUnion(issue: z.core.$ZodIssueInvalidUnion, root: unknown): readonly Detail[] {
  const nearest = issue.errors.toSorted((a, b) => a.length - b.length)[0] ?? []
  return nearest.flatMap((inner) =>
    detailsOf({ ...inner, path: [...issue.path, ...inner.path] }, root),
  )
}

function detail(path: readonly string[], code: string, message: string): Detail {
  return { code, target: path.length === 0 ? 'body' : path.join('.').slice(0, 200), message }
}

function expectedBy(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return withArticle(issue.expected)
    case 'invalid_value':
      return `one of ${issue.values.map(String).join(', ')}`
    case 'invalid_format':
      return `text of the form ${issue.format}`
    case 'too_small':
      return `${unit(issue.origin)} of at least ${issue.minimum}`
    case 'too_big':
      return `${unit(issue.origin)} of at most ${issue.maximum}`
    case 'not_multiple_of':
      return `a multiple of ${issue.divisor}`
    case 'custom':
      return issue.message === 'Invalid input' ? 'a fitting value' : issue.message
    case 'invalid_element':
    case 'invalid_key':
    case 'invalid_union':
    case 'unrecognized_keys':
      return 'a fitting value'
  }
}

const unit = (origin: string): string =>
  origin === 'string' ? 'text' : origin === 'array' ? 'a list' : withArticle(origin)

const withArticle = (type: string): string => (/^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`)

function at(root: unknown, path: readonly PropertyKey[]): unknown {
  let here: unknown = root
  for (const key of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, key)) return undefined
    here = (here as Record<PropertyKey, unknown>)[key]
  }
  return here
}

function typeName(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'an array' : withArticle(typeof value)
}
