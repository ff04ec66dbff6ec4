import { DatabaseFault } from './fault.ts'
import type { Reader } from './handles.ts'
import { isUuid } from '#foundation/ids.ts'

export type Scalar = string | number | boolean | null

/** A condition over fields, as OData's `$filter` says it; values are data and never become SQL text. */
export type Filter =
  | { readonly op: 'and' | 'or'; readonly of: readonly Filter[] }
  | { readonly op: 'not'; readonly of: Filter }
  | {
      readonly op: 'eq' | 'ne' | 'gt' | 'ge' | 'lt' | 'le'
      readonly field: string
      readonly value: Scalar
    }
  | { readonly op: 'in'; readonly field: string; readonly values: readonly Scalar[] }
  | {
      readonly op: 'startswith' | 'endswith' | 'contains'
      readonly field: string
      readonly value: string
    }

export interface Order {
  readonly field: string
  readonly descending: boolean
}

/** One page of a list: what is wanted, and where the last page ended. */
export interface ListQuery {
  readonly filter?: Filter
  readonly orderBy: readonly Order[]
  /** Rows of the page. */
  readonly top: number
  readonly skip: number
  /** Values of the ordering fields of the last row seen, as `Page.next` gave them. */
  readonly after?: readonly Scalar[]
  readonly count: boolean
}

export interface Page<Row> {
  readonly rows: readonly Row[]
  /** Hand back as `after`, with the same filter and order, for the next page; undefined on the last. */
  readonly next: readonly Scalar[] | undefined
  /** How many rows there are in all, when asked. */
  readonly count: number | undefined
}

/** A field that may be filtered and ordered by: SQL of our own, and its type. */
export interface Column {
  readonly sql: string
  readonly type: 'text' | 'bigint' | 'boolean' | 'timestamptz' | 'uuid'
}

export interface ListSource {
  /** What follows `select`: our own SQL, with the aliases of the row type. */
  readonly select: string
  /** What follows `from`, up to and with a `where` of our own; its `$1 …` are `values`. */
  readonly from: string
  readonly values: readonly unknown[]
  readonly columns: Readonly<Record<string, Column>>
  /** The unique field that ends every order, so that pages neither repeat nor miss a row. */
  readonly key: string
}

/** A field that this list cannot be filtered or ordered by. */
export class UnknownField extends Error {
  readonly field: string
  constructor(field: string) {
    super('the list has no such field to filter or order by')
    this.name = 'UnknownField'
    this.field = field
  }
}

/**
 * Reads one page by keyset, so that the thousandth page costs what the first does.
 *
 * @throws UnknownField for a field that is not among the columns, or a value that is not of its type
 */
export async function listPage<Row extends object>(
  reader: Reader,
  source: ListSource,
  query: ListQuery,
): Promise<Page<Row>> {
  const values: unknown[] = [...source.values]
  const bind = (value: unknown, type: Column['type']): string => {
    values.push(value)
    return `$${values.length}::${type}`
  }
  const filter = query.filter ? ` and (${condition(source, query.filter, bind)})` : ''
  const counted = query.count
    ? (
        await reader.rows<{ count: number }>(
          `select count(*)::int as count from ${source.from}${filter}`,
          values.slice(),
        )
      )[0]?.count
    : undefined
  const order = fullOrder(source, query.orderBy)
  const after = query.after ? ` and (${beyond(source, order, query.after, bind)})` : ''
  const keys = order.map(({ field }, i) => `${outgoing(column(source, field))} as page_key_${i}`)
  const rows = await reader.rows<Row & Record<string, Scalar>>(
    `select ${source.select}, ${keys.join(', ')} from ${source.from}${filter}${after}
      order by ${order.map(ordering(source)).join(', ')}
      limit ${bind(query.top + 1, 'bigint')} offset ${bind(query.after ? 0 : query.skip, 'bigint')}`,
    values,
  )
  const page = rows.slice(0, query.top)
  const last = rows.length > query.top ? page.at(-1) : undefined
  return {
    rows: page.map((row) => withoutKeys(row, order.length)),
    next: last && order.map((_, i) => last[`page_key_${i}`] ?? null),
    count: counted,
  }
}

type Bind = (value: unknown, type: Column['type']) => string

function column(source: ListSource, field: string): Column {
  const found = Object.hasOwn(source.columns, field) ? source.columns[field] : undefined
  if (!found) throw new UnknownField(field)
  return found
}

function condition(source: ListSource, filter: Filter, bind: Bind): string {
  switch (filter.op) {
    case 'and':
    case 'or':
      return filter.of.map((part) => `(${condition(source, part, bind)})`).join(` ${filter.op} `)
    case 'not':
      return `not (${condition(source, filter.of, bind)})`
    case 'in': {
      const { sql, type } = column(source, filter.field)
      const list = filter.values.map((value) => bind(checked(filter.field, type, value), type))
      return list.length === 0 ? 'false' : `${sql} in (${list.join(', ')})`
    }
    case 'startswith':
    case 'endswith':
    case 'contains': {
      const { sql, type } = column(source, filter.field)
      if (type !== 'text') throw new UnknownField(filter.field)
      const text = bind(filter.value, 'text')
      if (filter.op === 'startswith') return `starts_with(${sql}, ${text})`
      if (filter.op === 'contains') return `strpos(${sql}, ${text}) > 0`
      return `right(${sql}, length(${text})) = ${text}`
    }
    case 'eq':
    case 'ne':
    case 'gt':
    case 'ge':
    case 'lt':
    case 'le':
      return comparison(source, filter, bind)
  }
}

const OPERATORS = { eq: '=', ne: '<>', gt: '>', ge: '>=', lt: '<', le: '<=' } as const

function comparison(
  source: ListSource,
  { op, field, value }: Extract<Filter, { op: keyof typeof OPERATORS }>,
  bind: Bind,
): string {
  const { sql, type } = column(source, field)
  if (value === null) {
    if (op === 'eq') return `${sql} is null`
    if (op === 'ne') return `${sql} is not null`
    throw new UnknownField(field)
  }
  const bound = bind(checked(field, type, value), type)
  // OData: what is null is not equal to any value.
  return op === 'ne' ? `${sql} is distinct from ${bound}` : `${sql} ${OPERATORS[op]} ${bound}`
}

function checked(field: string, type: Column['type'], value: Scalar): Scalar {
  const fits =
    value === null ||
    (type === 'text' && typeof value === 'string' && !value.includes('\0')) ||
    (type === 'bigint' && Number.isSafeInteger(value)) ||
    (type === 'boolean' && typeof value === 'boolean') ||
    (type === 'uuid' && typeof value === 'string' && isUuid(value)) ||
    (type === 'timestamptz' && typeof value === 'string' && !Number.isNaN(Date.parse(value)))
  if (!fits) throw new UnknownField(field)
  return value
}

function fullOrder(source: ListSource, orderBy: readonly Order[]): readonly Order[] {
  return orderBy.some((order) => order.field === source.key)
    ? orderBy
    : [...orderBy, { field: source.key, descending: orderBy[0]?.descending ?? false }]
}

/**
 * Nulls come last in either direction, and `beyond` counts on that. The key is never null, and an index serves it
 * only where nothing is said about nulls.
 */
const ordering =
  (source: ListSource) =>
  ({ field, descending }: Order): string =>
    `${column(source, field).sql} ${descending ? 'desc' : 'asc'}${field === source.key ? '' : ' nulls last'}`

function beyond(
  source: ListSource,
  order: readonly Order[],
  after: readonly Scalar[],
  bind: Bind,
): string {
  if (after.length !== order.length) throw new DatabaseFault('page_token')
  const parts = order.map(({ field, descending }, i) => {
    const equal = order
      .slice(0, i)
      .map((earlier, j) =>
        same(column(source, earlier.field), after[j] ?? null, earlier.field, bind),
      )
    const { sql, type } = column(source, field)
    const value = after[i] ?? null
    const orNull = field === source.key ? '' : ` or ${sql} is null`
    const past =
      value === null
        ? 'false'
        : `(${sql} ${descending ? '<' : '>'} ${bind(checked(field, type, value), type)}${orNull})`
    return [...equal, past].join(' and ')
  })
  return parts.map((part) => `(${part})`).join(' or ')
}

function same({ sql, type }: Column, value: Scalar, field: string, bind: Bind): string {
  return value === null ? `${sql} is null` : `${sql} = ${bind(checked(field, type, value), type)}`
}

/** As text where JSON and the driver would lose precision. */
function outgoing({ sql, type }: Column): string {
  return type === 'timestamptz'
    ? `to_char(${sql} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`
    : sql
}

function withoutKeys<Row extends object>(row: Row & Record<string, Scalar>, keys: number): Row {
  const kept: Record<string, unknown> = { ...row }
  for (let i = 0; i < keys; i++) delete kept[`page_key_${i}`]
  return kept as Row
}
