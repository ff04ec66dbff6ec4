import type { Reader } from '#database/handles.ts'
import type { Keys } from '#keys/keys.ts'
import { type ScimError, isScimError, scimError } from './scim-error.ts'
import { type ScimFilter, parseFilter } from './scim-filter.ts'
import { type KeptUser, USER_COLUMNS, type UserRow, fold, openUser } from './scim-users.ts'

export const MOST_RESULTS = 200
const USUAL_RESULTS = 100

export interface ScimPage<Resource> {
  readonly totalResults: number
  readonly startIndex: number
  readonly resources: readonly Resource[]
}

export interface ScimQuery {
  readonly filter: string | undefined
  /** From 1. */
  readonly startIndex: number | undefined
  readonly count: number | undefined
}

/** How an attribute is looked up: SQL of our own, with the place of its value. */
export type Column = (value: unknown, place: (value: unknown) => string) => Promise<string> | string

/**
 * A page of users. What is sealed is looked up by equality only: any other comparison is refused with that reason, since
 * it would mean to open everybody.
 */
export async function listScimUsers(
  reader: Reader,
  keys: Keys,
  query: ScimQuery,
): Promise<ScimPage<KeptUser> | ScimError> {
  const blind = async (item: string, value: unknown) =>
    (await keys.blindIndex(reader, item))(String(value))
  const columns: Record<string, Column> = {
    id: (value, place) => `user_id::text = ${place(String(value))}`,
    username: async (value, place) =>
      `user_name_blind = ${place(await blind('scim.userName', fold(String(value))))}`,
    externalid: async (value, place) =>
      `external_id_blind = ${place(await blind('scim.externalId', value))}`,
    emails: async (value, place) =>
      `mail_blinds @> array[${place(await blind('scim.emails', fold(String(value))))}]`,
    active: (value, place) => `active = ${place(isTrue(value))}`,
  }
  columns['emails.value'] = columns.emails as Column
  const page = await pageOf<UserRow>(reader, query, columns, {
    select: USER_COLUMNS,
    from: 'scim_users where tenant_id = $1 and deleted_at is null',
    order: 'created_at, user_id',
  })
  if (isScimError(page)) return page
  await keys.loadSubjectKeys(
    reader,
    page.resources.map((row) => row.id),
  )
  const resources = await Promise.all(page.resources.map((row) => openUser(reader, keys, row)))
  return { ...page, resources }
}

const isTrue = (value: unknown): boolean => String(value).toLowerCase() === 'true'

/** Counts and reads one page by a filter over the given columns. */
export async function pageOf<Row extends object>(
  reader: Reader,
  query: ScimQuery,
  columns: Readonly<Record<string, Column>>,
  source: { readonly select: string; readonly from: string; readonly order: string },
): Promise<ScimPage<Row> | ScimError> {
  const startIndex = Math.max(1, query.startIndex ?? 1)
  const limit = Math.min(MOST_RESULTS, Math.max(0, query.count ?? USUAL_RESULTS))
  const filter = query.filter === undefined ? undefined : parseFilter(query.filter)
  if (isScimError(filter)) return filter
  const values: unknown[] = [reader.tenantId]
  const place = (value: unknown): string => `$${values.push(value)}`
  const condition = filter === undefined ? 'true' : await toSql(filter, columns, place)
  if (isScimError(condition)) return condition
  const [counted] = await reader.rows<{ count: number }>(
    `select count(*) as count from ${source.from} and ${condition}`,
    values,
  )
  const totalResults = Number(counted?.count ?? 0)
  const resources =
    limit === 0
      ? []
      : await reader.rows<Row>(
          `select ${source.select} from ${source.from} and ${condition}
            order by ${source.order} limit ${place(limit)} offset ${place(startIndex - 1)}`,
          values,
        )
  return { totalResults, startIndex, resources }
}

const SEALED = scimError(
  400,
  'what names people is sealed and is looked up by eq only, by id, userName, externalId, emails or active',
  'invalidFilter',
)

async function toSql(
  filter: ScimFilter,
  columns: Readonly<Record<string, Column>>,
  place: (value: unknown) => string,
): Promise<string | ScimError> {
  if (filter.op === 'and' || filter.op === 'or') {
    const left = await toSql(filter.of[0], columns, place)
    if (isScimError(left)) return left
    const right = await toSql(filter.of[1], columns, place)
    return isScimError(right) ? right : `(${left} ${filter.op} ${right})`
  }
  if (filter.op === 'not') {
    const inner = await toSql(filter.of, columns, place)
    // What is not there is not equal either.
    return isScimError(inner) ? inner : `(${inner}) is not true`
  }
  if (filter.op === 'has') return toSql(insideOf(filter.path, filter.of), columns, place)
  if (filter.op !== 'eq' && filter.op !== 'ne') return SEALED
  const column = columns[filter.path]
  if (!column || filter.value === null) return SEALED
  const equal = await column(filter.value, place)
  return filter.op === 'eq' ? `(${equal})` : `((${equal}) is not true)`
}

/** `emails[value eq "…"]` asks of `emails.value`. The kind of an address is not looked up: `emails.type` is no column. */
function insideOf(path: string, filter: ScimFilter): ScimFilter {
  if (filter.op === 'and' || filter.op === 'or')
    return { ...filter, of: [insideOf(path, filter.of[0]), insideOf(path, filter.of[1])] }
  return 'path' in filter && filter.op !== 'has'
    ? { ...filter, path: `${path}.${filter.path}` }
    : filter
}
