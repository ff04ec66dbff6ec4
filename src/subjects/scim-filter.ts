import { type ScimError, isScimError, scimError } from './scim-error.ts'

const SCIM_OPERATORS = ['eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le'] as const
export type ScimOperator = (typeof SCIM_OPERATORS)[number]
export type ScimValue = string | number | boolean | null

/** A filter of RFC 7644 section 3.4.2.2. Names of attributes are in lower case, without the URN of the core schemas. */
export type ScimFilter =
  | { readonly op: 'and' | 'or'; readonly of: readonly [ScimFilter, ScimFilter] }
  | { readonly op: 'not'; readonly of: ScimFilter }
  | { readonly op: 'pr'; readonly path: string }
  | { readonly op: ScimOperator; readonly path: string; readonly value: ScimValue }
  /** `emails[type eq "work"]`: one value of the attribute fits all of it. */
  | { readonly op: 'has'; readonly path: string; readonly of: ScimFilter }

/** A path of a PATCH: an attribute, which of its values, and what of them. */
export interface ScimPath {
  readonly attribute: string
  readonly where: ScimFilter | undefined
  readonly sub: string | undefined
}

const LONGEST = 2_000
const DEEPEST = 20
const TOKEN =
  /\s*(?:([()[\]])|("(?:[^"\\]|\\.)*")|(\.?[A-Za-z][\w$:.-]*)|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(\S))/y
const CORE = /^urn:ietf:params:scim:schemas:core:2\.0:(?:user|group):/i

/** Reads a filter. Keywords and names of attributes in any case, as the RFC asks. */
export function parseFilter(text: string): ScimFilter | ScimError {
  const tokens = tokensOf(text)
  if (isScimError(tokens)) return tokens
  const parser = createParser(tokens)
  const filter = parser.either(0)
  if (isScimError(filter)) return filter
  return parser.atEnd() ? filter : unreadable()
}

/** Reads the path of a PATCH operation: `active`, `emails[type eq "work"].value`, `members[value eq "…"]`. */
export function parsePath(text: string): ScimPath | ScimError {
  const found = /^([^[\]]+)(?:\[(.*)\])?(?:\.([A-Za-z$][\w$-]*))?$/s.exec(text.trim())
  const attribute = found?.[1] === undefined ? '' : nameOf(found[1].trim())
  if (!/^[a-z$][\w$:.-]*$/.test(attribute))
    return scimError(400, 'the path is not one of RFC 7644', 'invalidPath')
  const filter = found?.[2]
  const where = filter === undefined ? undefined : parseFilter(filter)
  if (isScimError(where)) return scimError(400, where.detail, 'invalidPath')
  const dot = attribute.startsWith('urn:') ? -1 : attribute.indexOf('.')
  const sub = found?.[3]?.toLowerCase() ?? (dot > 0 ? attribute.slice(dot + 1) : undefined)
  return { attribute: dot > 0 ? attribute.slice(0, dot) : attribute, where, sub }
}

const unreadable = (): ScimError =>
  scimError(400, 'the filter is not one of RFC 7644', 'invalidFilter')

function tokensOf(text: string): readonly string[] | ScimError {
  if (text.length > LONGEST) return scimError(400, 'the filter is too long', 'invalidFilter')
  const tokens: string[] = []
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const found = TOKEN.exec(text)
    if (!found || found[5] !== undefined) return unreadable()
    tokens.push(found[0].trim())
  }
  return tokens
}

function nameOf(text: string): string {
  return text.replace(CORE, '').toLowerCase()
}

function createParser(tokens: readonly string[]) {
  let at = 0
  const peek = (): string => tokens[at] ?? ''
  const word = (): string => peek().toLowerCase()
  const take = (): string => tokens[at++] ?? ''
  const joined =
    (op: 'and' | 'or', next: (depth: number) => ScimFilter | ScimError) =>
    (depth: number): ScimFilter | ScimError => {
      let left = next(depth)
      while (!isScimError(left) && word() === op) {
        take()
        const right = next(depth)
        if (isScimError(right)) return right
        left = { op, of: [left, right] }
      }
      return left
    }
  const enclosed = (close: string, depth: number): ScimFilter | ScimError => {
    take()
    const inner = either(depth + 1)
    if (isScimError(inner)) return inner
    return take() === close ? inner : unreadable()
  }
  const one = (depth: number): ScimFilter | ScimError => {
    if (depth > DEEPEST) return scimError(400, 'the filter is too deep', 'invalidFilter')
    if (peek() === '(') return enclosed(')', depth)
    if (word() === 'not' && tokens[at + 1] === '(') {
      take()
      const inner = enclosed(')', depth)
      return isScimError(inner) ? inner : { op: 'not', of: inner }
    }
    if (!/^[A-Za-z]/.test(peek())) return unreadable()
    const path = nameOf(take())
    if (peek() === '[') {
      const inner = enclosed(']', depth)
      return isScimError(inner) ? inner : afterValues(path, inner)
    }
    return compared(path)
  }
  /** `emails[type eq "work"].value eq "…"` is what Entra ID asks: one value that fits both. */
  const afterValues = (path: string, inner: ScimFilter): ScimFilter | ScimError => {
    if (!peek().startsWith('.')) return { op: 'has', path, of: inner }
    const further = compared(nameOf(take().slice(1)))
    return isScimError(further)
      ? further
      : { op: 'has', path, of: { op: 'and', of: [inner, further] } }
  }
  const compared = (path: string): ScimFilter | ScimError => {
    const op = take().toLowerCase()
    if (op === 'pr') return { op, path }
    if (!SCIM_OPERATORS.includes(op as ScimOperator)) return unreadable()
    const value = literal(take())
    return value === undefined ? unreadable() : { op: op as ScimOperator, path, value }
  }
  const either = joined('or', joined('and', one))
  return { either, atEnd: () => at === tokens.length }
}

function literal(token: string): ScimValue | undefined {
  try {
    const value: unknown = JSON.parse(
      /^(?:true|false|null)$/i.test(token) ? token.toLowerCase() : token,
    )
    return value === null || ['string', 'number', 'boolean'].includes(typeof value)
      ? (value as ScimValue)
      : undefined
  } catch {
    return undefined
  }
}
