import type { ScimFilter, ScimOperator, ScimValue } from './scim-filter.ts'

/** Whether a resource fits a filter, by reading it: the judge of what the database answers, and for values of lists. */
export function matchesScim(
  filter: ScimFilter,
  resource: Readonly<Record<string, unknown>>,
): boolean {
  if (filter.op === 'and' || filter.op === 'or') {
    const [left, right] = filter.of.map((one) => matchesScim(one, resource))
    return filter.op === 'and' ? left === true && right === true : left === true || right === true
  }
  if (filter.op === 'not') return !matchesScim(filter.of, resource)
  if (filter.op === 'pr')
    return valuesAt(resource, filter.path).some((value) => value !== null && value !== '')
  if (filter.op === 'has')
    return listAt(resource, filter.path).some(
      (one) =>
        typeof one === 'object' &&
        one !== null &&
        matchesScim(filter.of, one as Record<string, unknown>),
    )
  if (!('value' in filter)) return false
  const { op, path, value } = filter
  return valuesAt(resource, path).some((one) => compare(op, one, value, isExact(path)))
}

/** Compared as they are written; all else without regard to case (RFC 7643 section 4.1 `caseExact`). */
function isExact(path: string): boolean {
  return path === 'id' || path === 'externalid' || path === 'members.value'
}

function compare(op: ScimOperator, one: unknown, value: ScimValue, exact: boolean): boolean {
  const fold = (text: unknown): unknown =>
    typeof text === 'string' && !exact ? text.toLowerCase() : text
  const left = fold(one)
  const right = fold(value)
  if (op === 'eq') return left === right
  if (op === 'ne') return left !== right
  if (typeof left !== 'string' || typeof right !== 'string') return false
  if (op === 'co') return left.includes(right)
  if (op === 'sw') return left.startsWith(right)
  if (op === 'ew') return left.endsWith(right)
  const difference = left < right ? -1 : left > right ? 1 : 0
  if (op === 'gt') return difference > 0
  if (op === 'ge') return difference >= 0
  return op === 'lt' ? difference < 0 : difference <= 0
}

function listAt(resource: Readonly<Record<string, unknown>>, path: string): readonly unknown[] {
  const found = Object.entries(resource).find(([name]) => name.toLowerCase() === path)?.[1]
  return Array.isArray(found) ? found : found === undefined ? [] : [found]
}

/** `emails` means the values of its members; `emails.type` says which part of them. */
function valuesAt(resource: Readonly<Record<string, unknown>>, path: string): readonly unknown[] {
  const [first = '', second = 'value'] = path.split('.')
  return listAt(resource, first).map((one) =>
    typeof one === 'object' && one !== null
      ? listAt(one as Record<string, unknown>, second)[0]
      : one,
  )
}
