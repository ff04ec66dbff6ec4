import type { Catalog, DataItem, ItemId } from '#catalog/catalog.ts'
import {
  type Column,
  type Filter,
  type ListQuery,
  type ListSource,
  type Page,
  type Scalar,
  listPage,
} from '#database/list.ts'
import type { Reader } from '#database/handles.ts'
import { isUuid } from '#foundation/ids.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import type { Keys } from '#keys/keys.ts'
import type { RecordKind } from './keep.ts'
import { MOST_FOUND, findRecords, isLookedUp } from './record-index.ts'
import { contextOf, isSealed } from './sealed.ts'

/** A record whose sealed part is not opened yet. */
export interface SealedRecord {
  readonly recordId: string
  readonly subjectId: string
  readonly connectionId: string
  /** Which items it holds, plain and sealed. */
  readonly itemIds: readonly ItemId[]
  readonly row: Row
}

/** A record with its sealed part opened. */
export interface OpenedRecord {
  readonly recordId: string
  readonly subjectId: string
  readonly kind: RecordKind
  readonly connectionId: string
  readonly scopeTags: readonly string[]
  /** Milliseconds since 1970. */
  readonly firstSeen: number
  readonly lastSeen: number
  readonly items: Readonly<Record<ItemId, string | number | boolean>>
}

/** Which records can appear at all, whatever the query asks for. */
export interface RecordBounds {
  readonly kind: RecordKind
  /** Scope tags of which a record must carry one. */
  readonly tags: 'all' | ReadonlySet<string>
  /** The only records, where a grant names them. */
  readonly recordIds?: readonly string[]
  /** Items by which the asker may choose and order records; by no other. */
  mayFilter(item: DataItem): boolean
}

/** Fields of every record that a query may name beside the ids of items. */
const FIXED: Readonly<Record<string, Column>> = {
  id: { sql: 'records.record_id', type: 'uuid' },
  connection: { sql: 'records.connection_id', type: 'text' },
  firstSeen: { sql: 'records.first_seen', type: 'timestamptz' },
  lastSeen: { sql: 'records.last_seen', type: 'timestamptz' },
}

interface Row {
  record_id: string
  subject_id: string
  kind: RecordKind
  connection_id: string
  scope_tags: string[]
  first_seen: Date
  last_seen: Date
  clear: OpenedRecord['items']
  sealed: Buffer
  sealed_items: string[] | null
}

const COLUMNS =
  'records.record_id, records.subject_id, records.kind, records.connection_id, records.scope_tags, records.first_seen, records.last_seen, records.clear, records.sealed, records.sealed_items'

/**
 * One page of the records within bounds. Conditions on plain items run in SQL; a sealed item is found by equality
 * through its keyed index, and what else is asked of one is refused.
 *
 * @returns `filter_unserved` naming the item and why: `sealed`, `notForViewer`, `tooMany`
 * @throws UnknownField for a field that is neither fixed nor an item, or a value that is not of its type
 */
export async function listSealedRecords(
  reader: Reader,
  parts: { keys: Keys; catalog: Catalog },
  bounds: RecordBounds,
  query: ListQuery,
): Promise<Page<SealedRecord> | Refusal> {
  const columns: Record<string, Column> = { ...FIXED }
  const served = query.filter && (await serve(reader, parts, bounds, columns, query.filter, true))
  if (isRefusal(served)) return served
  const orderBy = []
  for (const order of query.orderBy) {
    const field = orderField(parts.catalog, bounds, columns, order.field)
    if (isRefusal(field)) return field
    orderBy.push({ ...order, field })
  }
  const page = await listPage<Row>(reader, source(reader, bounds, columns), {
    ...query,
    orderBy,
    ...(served ? { filter: served } : {}),
  })
  return { ...page, rows: await toSealed(reader, parts.keys, page.rows) }
}

/** The same page, opened. */
export async function listRecords(
  reader: Reader,
  parts: { keys: Keys; catalog: Catalog },
  bounds: RecordBounds,
  query: ListQuery,
): Promise<Page<OpenedRecord> | Refusal> {
  const page = await listSealedRecords(reader, parts, bounds, query)
  if (isRefusal(page)) return page
  return { ...page, rows: await openRecords(reader, parts.keys, page.rows) }
}

/** The records of these ids that are within bounds, in no particular order. */
export async function readRecordsByIds(
  reader: Reader,
  keys: Keys,
  bounds: Pick<RecordBounds, 'tags'> & Partial<Pick<RecordBounds, 'kind'>>,
  recordIds: readonly string[],
): Promise<readonly SealedRecord[]> {
  const rows = await reader.rows<Row>(
    `select ${COLUMNS} from records
      where tenant_id = $1 and removed_at is null and record_id = any($2::uuid[])
        and ($3::text is null or kind = $3) and ($4::text[] is null or scope_tags && $4)`,
    [
      reader.tenantId,
      recordIds.filter(isUuid),
      bounds.kind ?? null,
      bounds.tags === 'all' ? null : [...bounds.tags],
    ],
  )
  return toSealed(reader, keys, rows)
}

/** Whose records these are, opened or not, removed or not. */
export async function recordsWithSubjects(
  reader: Reader,
  recordIds: readonly string[],
): Promise<
  readonly { recordId: string; subjectId: string; kind: RecordKind; connectionId: string }[]
> {
  const rows = await reader.rows<Row>(
    'select record_id, subject_id, kind, connection_id from records where tenant_id = $1 and record_id = any($2::uuid[])',
    [reader.tenantId, recordIds.filter(isUuid)],
  )
  return rows.map((row) => ({
    recordId: row.record_id,
    subjectId: row.subject_id,
    kind: row.kind,
    connectionId: row.connection_id,
  }))
}

function source(
  reader: Reader,
  bounds: RecordBounds,
  columns: Readonly<Record<string, Column>>,
): ListSource {
  const values: unknown[] = [reader.tenantId, bounds.kind]
  let from =
    'records where records.tenant_id = $1 and records.kind = $2 and records.removed_at is null'
  if (bounds.tags !== 'all')
    from += ` and records.scope_tags && $${values.push([...bounds.tags])}::text[]`
  if (bounds.recordIds) {
    const ids = bounds.recordIds.filter(isUuid)
    from += ` and records.record_id = any($${values.push(ids)}::uuid[])`
  }
  return { select: COLUMNS, from, values, columns, key: 'id' }
}

/**
 * Opens records whose keys were fetched with them: in memory, without the database, so that it can go on while their
 * transaction ends.
 *
 * @throws KeyDestroyed when a subject was erased meanwhile
 */
export function openRecords(
  reader: Reader,
  keys: Keys,
  records: readonly SealedRecord[],
): Promise<readonly OpenedRecord[]> {
  return Promise.all(records.map(({ row }) => open(reader, keys, row)))
}

/** The keys of all are fetched in one statement. A record kept before its items were named is opened to name them. */
async function toSealed(
  reader: Reader,
  keys: Keys,
  rows: readonly Row[],
): Promise<readonly SealedRecord[]> {
  if (rows.length === 0) return []
  await keys.loadSubjectKeys(
    reader,
    rows.map((row) => row.subject_id),
  )
  return Promise.all(
    rows.map(async (row) => ({
      recordId: row.record_id,
      subjectId: row.subject_id,
      connectionId: row.connection_id,
      itemIds: row.sealed_items
        ? [...Object.keys(row.clear), ...row.sealed_items]
        : Object.keys((await open(reader, keys, row)).items),
      row,
    })),
  )
}

async function open(reader: Reader, keys: Keys, row: Row): Promise<OpenedRecord> {
  const context = contextOf(row.kind, row.connection_id)
  const sealed = await keys.openFor(reader, row.subject_id, context, row.sealed)
  return {
    recordId: row.record_id,
    subjectId: row.subject_id,
    kind: row.kind,
    connectionId: row.connection_id,
    scopeTags: row.scope_tags,
    firstSeen: row.first_seen.getTime(),
    lastSeen: row.last_seen.getTime(),
    items: { ...row.clear, ...(JSON.parse(sealed.toString()) as OpenedRecord['items']) },
  }
}

const unserved = (item: ItemId, why: 'sealed' | 'notForViewer' | 'tooMany'): Refusal =>
  refuse('filter_unserved', { item, why })

/**
 * The same condition over what SQL can see: an item becomes its place in the plain part, and equality of a sealed
 * one becomes the ids it leads to. `plainly` is false below a `not`, where "all but these" would be asked.
 */
async function serve(
  reader: Reader,
  parts: { keys: Keys; catalog: Catalog },
  bounds: RecordBounds,
  columns: Record<string, Column>,
  filter: Filter,
  plainly: boolean,
): Promise<Filter | Refusal> {
  if ('of' in filter) {
    if (filter.op === 'not') {
      const of = await serve(reader, parts, bounds, columns, filter.of, false)
      return isRefusal(of) ? of : { op: 'not', of }
    }
    const of: Filter[] = []
    for (const part of filter.of) {
      const served = await serve(reader, parts, bounds, columns, part, plainly)
      if (isRefusal(served)) return served
      of.push(served)
    }
    return { op: filter.op, of }
  }
  const item = Object.hasOwn(FIXED, filter.field)
    ? undefined
    : parts.catalog.items.get(filter.field)
  if (!item) return filter
  if (!bounds.mayFilter(item)) return unserved(item.id, 'notForViewer')
  if (!isSealed(item)) return { ...filter, field: clearColumn(columns, item, sampleOf(filter)) }
  const values = equalTo(filter)
  if (!plainly || !values || !isLookedUp(item)) return unserved(item.id, 'sealed')
  const found = await findRecords(reader, parts.keys, item.id, values)
  if (found.length > MOST_FOUND) return unserved(item.id, 'tooMany')
  return { op: 'in', field: 'id', values: found }
}

/** The texts that an `eq` or `in` asks for. */
function equalTo(filter: Filter): readonly string[] | undefined {
  if (filter.op === 'eq' && filter.value !== null) return [String(filter.value)]
  if (filter.op !== 'in' || filter.values.includes(null)) return undefined
  return filter.values.map(String)
}

function sampleOf(filter: Filter): Scalar {
  if (filter.op === 'in') return filter.values[0] ?? null
  return 'value' in filter ? filter.value : null
}

/** The item in the plain part, read as the type of what it is compared with; another type there is no value. */
function clearColumn(columns: Record<string, Column>, item: DataItem, sample: Scalar): string {
  const type =
    typeof sample === 'number' ? 'bigint' : typeof sample === 'boolean' ? 'boolean' : 'text'
  const name = `${item.id}:${type}`
  const place = `records.clear -> '${item.id.replaceAll("'", "''")}'`
  const text = `(records.clear ->> '${item.id.replaceAll("'", "''")}')`
  columns[name] = {
    type,
    sql: {
      text,
      bigint: `(case when jsonb_typeof(${place}) = 'number' then floor(${text}::numeric)::bigint end)`,
      boolean: `(case when jsonb_typeof(${place}) = 'boolean' then ${text}::boolean end)`,
    }[type],
  }
  return name
}

function orderField(
  catalog: Catalog,
  bounds: RecordBounds,
  columns: Record<string, Column>,
  field: string,
): string | Refusal {
  const item = Object.hasOwn(FIXED, field) ? undefined : catalog.items.get(field)
  if (!item) return field
  if (isSealed(item)) return unserved(item.id, 'sealed')
  if (!bounds.mayFilter(item)) return unserved(item.id, 'notForViewer')
  const isCount = item.precisions.some((precision) => precision.startsWith('round:'))
  return clearColumn(columns, item, isCount ? 0 : '')
}
