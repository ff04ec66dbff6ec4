import {
  type Filter,
  type ListQuery,
  type Page,
  type Scalar,
  UnknownField,
} from '#database/list.ts'

type Row = Readonly<Record<string, unknown>>

/**
 * Lists rows that are at hand already (the catalog's) as `listPage` lists rows of a table: the same filters with the
 * same treatment of null, the same order, the same pages.
 *
 * @param key the unique field that ends every order
 * @throws UnknownField for a value that is not of the field's type
 */
export function listInMemory<Item extends object>(
  items: readonly Item[],
  key: string & keyof Item,
  query: ListQuery,
): Page<Item> {
  const order = query.orderBy.some(({ field }) => field === key)
    ? query.orderBy
    : [...query.orderBy, { field: key, descending: query.orderBy[0]?.descending ?? false }]
  const { filter, after } = query
  const wanted = items.filter((item) => !filter || matches(filter, item as Row) === true)
  const keyOf = (item: Item): readonly Scalar[] =>
    order.map(({ field }) => scalar((item as Row)[field]))
  const compare = (a: readonly Scalar[], b: readonly Scalar[]): number => {
    for (const [i, { descending }] of order.entries()) {
      const found = compareScalars(a[i] ?? null, b[i] ?? null, descending)
      if (found !== 0) return found
    }
    return 0
  }
  const sorted = wanted
    .map((item) => ({ item, at: keyOf(item) }))
    .toSorted((a, b) => compare(a.at, b.at))
  const rest = after ? sorted.filter(({ at }) => compare(at, after) > 0) : sorted.slice(query.skip)
  const page = rest.slice(0, query.top)
  return {
    rows: page.map(({ item }) => item),
    next: rest.length > query.top ? page.at(-1)?.at : undefined,
    count: query.count ? wanted.length : undefined,
  }
}

/** Whether the row fits, as SQL says it: null where that cannot be known because the field is null. */
export function matches(filter: Filter, row: Row): boolean | null {
  if (filter.op === 'not') {
    const inner = matches(filter.of, row)
    return inner === null ? null : !inner
  }
  if ('field' in filter) return condition(filter, scalar(row[filter.field]))
  const decisive = filter.op === 'or'
  const parts = filter.of.map((part) => matches(part, row))
  if (parts.includes(decisive)) return decisive
  return parts.includes(null) ? null : !decisive
}

function condition(
  filter: Exclude<Filter, { op: 'and' | 'or' | 'not' }>,
  value: Scalar,
): boolean | null {
  if (filter.op === 'in') {
    if (value === null) return null
    return filter.values.some((one) => compareChecked(filter.field, value, one) === 0)
  }
  if (filter.op === 'startswith' || filter.op === 'endswith' || filter.op === 'contains') {
    if (value === null) return null
    if (typeof value !== 'string') throw new UnknownField(filter.field)
    if (filter.op === 'startswith') return value.startsWith(filter.value)
    return filter.op === 'endswith' ? value.endsWith(filter.value) : value.includes(filter.value)
  }
  if (filter.value === null) return (value === null) === (filter.op === 'eq')
  if (value === null) return filter.op === 'ne' ? true : null
  const order = compareChecked(filter.field, value, filter.value)
  switch (filter.op) {
    case 'eq':
      return order === 0
    case 'ne':
      return order !== 0
    case 'gt':
      return order > 0
    case 'ge':
      return order >= 0
    case 'lt':
      return order < 0
    case 'le':
      return order <= 0
  }
}

function compareChecked(field: string, a: Scalar, b: Scalar): number {
  if (typeof a !== typeof b) throw new UnknownField(field)
  return compareScalars(a, b, false)
}

/** Nulls come last in either direction. */
function compareScalars(a: Scalar, b: Scalar, descending: boolean): number {
  if (a === b) return 0
  if (a === null || b === null) return a === null ? 1 : -1
  return a < b === descending ? 1 : -1
}

function scalar(value: unknown): Scalar {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? value
    : null
}
