import { type Filter, type ListQuery, type Page, type Scalar, listPage } from '#database/list.ts'
import type { Reader } from '#database/handles.ts'
import { isUuid } from '#foundation/ids.ts'
import type { Entry } from './entry.ts'
import { findEntries, readEntries, readHead } from './read.ts'
import { TILE_WIDTH } from './verify/tile.ts'

/** An entry and its place in the tenant's log. */
export type PlacedEntry = Entry & { readonly index: number }

/** Places that lie this close together are read in one go. */
const NEAR = 2 * TILE_WIDTH

/** Entries among which a page is looked for first; then among sixteen times as many. */
const NARROW = 4_096
const WIDER = 16

/**
 * One page of the log by what entries say on their outside: `id`, `index`, `at`, `kind`, `actor`. What was committed
 * a moment ago and has no place yet is not among them. In the order of the log, a page near its beginning in the log
 * costs little however long the log is.
 *
 * @throws UnknownField for another field, or a value that is not of its type
 */
export async function listEntries(reader: Reader, query: ListQuery): Promise<Page<PlacedEntry>> {
  const size = (await readHead(reader))?.size ?? 0
  for (let width = NARROW; ; width *= WIDER) {
    const part = partOf(query, size, width)
    const page = await listPart(reader, query, part)
    if (!page.next && !part.last) continue
    const places = page.rows.map((row) => row.entry_index)
    return { ...page, rows: await entriesAt(reader, places) }
  }
}

interface Part {
  readonly from: number
  readonly to: number
  /** Nothing lies beyond it in the order that is asked for. */
  readonly last: boolean
}

/** The next `width` places from where the page begins, if the log's own order is asked for; else the whole log. */
function partOf(query: ListQuery, size: number, width: number): Part {
  const [first = { field: 'index', descending: false }] = query.orderBy
  if (first.field !== 'index' || query.count) return { from: 0, to: size, last: true }
  const after = query.after?.[0]
  const begin = typeof after === 'number' ? after : first.descending ? size : 0
  const from = first.descending ? Math.max(0, begin - width) : begin
  const to = first.descending ? begin : Math.min(size, begin + width)
  return { from, to, last: first.descending ? from === 0 : to === size }
}

function listPart(
  reader: Reader,
  query: ListQuery,
  { from, to }: Part,
): Promise<Page<{ entry_index: number }>> {
  const values: unknown[] = [reader.tenantId, from, to]
  const held = query.filter && mayHold(query.filter)?.((value) => `$${values.push(value)}`)
  const labels = labelsOf(query)
  const arrays = labels.map((label) => LABELS[label].array).join(', ')
  return listPage<{ entry_index: number }>(
    reader,
    {
      select: 'p.entry_index',
      from: `(select s.first_index + n.place - 1 as entry_index, ${labels.map((label) => `n.${label}`).join(', ')}
                from ledger_segments s
               cross join unnest(${arrays}) with ordinality as n (${labels.join(', ')}, place)
               where s.tenant_id = $1 and s.first_index < $3
                 and s.first_index >= (select coalesce(max(first_index), 0) from ledger_segments
                                        where tenant_id = $1 and first_index <= $2)
                 and ${held ?? 'true'}) p
             where p.entry_index >= $2 and p.entry_index < $3`,
      values,
      columns: {
        id: { sql: 'p.id', type: 'uuid' },
        index: { sql: 'p.entry_index', type: 'bigint' },
        at: { sql: 'p.at', type: 'timestamptz' },
        kind: { sql: 'p.kind', type: 'text' },
        actor: { sql: 'p.actor', type: 'text' },
      },
      key: 'index',
    },
    query,
  )
}

/** Where a segment keeps what its entries say on their outside. */
const LABELS = {
  id: { array: 's.entry_ids', type: 'uuid' },
  at: { array: 's.ats', type: 'timestamptz' },
  kind: { array: 's.kinds', type: 'text' },
  actor: { array: 's.actors', type: 'text' },
} as const
type Label = keyof typeof LABELS

const isLabel = (field: string): field is Label => Object.hasOwn(LABELS, field)

/** The labels that the query looks at, and one at least: taking all of them out of every segment would cost most. */
function labelsOf(query: ListQuery): readonly Label[] {
  const fields = [
    ...(query.filter ? fieldsOf(query.filter) : []),
    ...query.orderBy.map((one) => one.field),
  ]
  const labels = new Set(fields.filter(isLabel))
  return labels.size === 0 ? ['at'] : [...labels]
}

function fieldsOf(filter: Filter): readonly string[] {
  if ('field' in filter) return [filter.field]
  return filter.op === 'not' ? fieldsOf(filter.of) : filter.of.flatMap(fieldsOf)
}

/** The other way round, since the array of a segment stands on the right. */
const MIRRORED = { eq: '=', gt: '<', ge: '<=', lt: '>', le: '>=' } as const

const isMirrored = (op: string): op is keyof typeof MIRRORED => Object.hasOwn(MIRRORED, op)

/** SQL about one segment; `bind` takes a value and answers how it is called. */
type Condition = (bind: (value: Scalar) => string) => string

/**
 * A condition over whole segments that holds for each that has an entry which fits the filter; undefined where none
 * can be told. A segment without one is not taken apart.
 */
function mayHold(filter: Filter): Condition | undefined {
  if (filter.op === 'and' || filter.op === 'or') {
    const parts = filter.of.map(mayHold)
    const known = parts.filter((part) => part !== undefined)
    if (known.length === 0 || (filter.op === 'or' && known.length < parts.length)) return undefined
    return (bind) => `(${known.map((part) => part(bind)).join(` ${filter.op} `)})`
  }
  if (!('value' in filter) || !isMirrored(filter.op) || !isLabel(filter.field)) return undefined
  const { value } = filter
  const { array, type } = LABELS[filter.field]
  if (typeof value !== 'string' || !fits(type, value)) return undefined
  const operator = MIRRORED[filter.op]
  return (bind) => `${bind(value)}::${type} ${operator} any(${array})`
}

/** What does not is told by the list itself. */
function fits(type: 'uuid' | 'timestamptz' | 'text', value: string): boolean {
  if (type === 'uuid') return isUuid(value)
  return type === 'text' ? !value.includes('\0') : !Number.isNaN(Date.parse(value))
}

/** The entries of these ids that have a place, in the order of the log. */
export async function readEntriesById(
  reader: Reader,
  ids: readonly string[],
): Promise<readonly PlacedEntry[]> {
  return entriesAt(reader, await findEntries(reader, ids))
}

/** Reads the segments that hold the places, and takes the entries out in the order asked. */
export async function entriesAt(
  reader: Reader,
  places: readonly number[],
): Promise<readonly PlacedEntry[]> {
  const found = new Map<number, PlacedEntry>()
  for (const [from, to] of runsOf(places)) {
    for (const entry of await readEntries(reader, from, to + 1)) found.set(entry.index, entry)
  }
  return places.map((place) => {
    const entry = found.get(place)
    if (!entry) throw new Error('a place of the log has no entry')
    return entry
  })
}

function runsOf(places: readonly number[]): [number, number][] {
  const runs: [number, number][] = []
  for (const place of places.toSorted((a, b) => a - b)) {
    const last = runs.at(-1)
    if (last && place - last[1] <= NEAR) last[1] = place
    else runs.push([place, place])
  }
  return runs
}
