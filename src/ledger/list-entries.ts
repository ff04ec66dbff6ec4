import { type ListQuery, type Page, listPage } from '#database/list.ts'
import type { Reader } from '#database/handles.ts'
import type { Entry } from './entry.ts'
import { readEntries } from './read.ts'
import { TILE_WIDTH } from './verify/tile.ts'

/** An entry and its place in the tenant's log. */
export type PlacedEntry = Entry & { readonly index: number }

/** Bundles that lie this close together are read in one go. */
const NEAR = 2 * TILE_WIDTH

/**
 * One page of the log by what entries say on their outside: `id`, `index`, `at`, `kind`, `actor`. What was committed
 * a moment ago and has no place yet is not among them.
 *
 * @throws UnknownField for another field, or a value that is not of its type
 */
export async function listEntries(reader: Reader, query: ListQuery): Promise<Page<PlacedEntry>> {
  const page = await listPage<{ entry_index: number }>(
    reader,
    {
      select: 'p.entry_index',
      from: 'ledger_places p where p.tenant_id = $1',
      values: [reader.tenantId],
      columns: {
        id: { sql: 'p.entry_id', type: 'uuid' },
        index: { sql: 'p.entry_index', type: 'bigint' },
        at: { sql: 'p.at', type: 'timestamptz' },
        kind: { sql: 'p.kind', type: 'text' },
        actor: { sql: 'p.actor', type: 'text' },
      },
      key: 'index',
    },
    query,
  )
  return {
    ...page,
    rows: await entriesAt(
      reader,
      page.rows.map((row) => row.entry_index),
    ),
  }
}

/** The entries of these ids that have a place, in the order of the log. */
export async function readEntriesById(
  reader: Reader,
  ids: readonly string[],
): Promise<readonly PlacedEntry[]> {
  const rows = await reader.rows<{ entry_index: number }>(
    'select entry_index from ledger_places where tenant_id = $1 and entry_id = any($2::uuid[]) order by entry_index',
    [reader.tenantId, ids],
  )
  return entriesAt(
    reader,
    rows.map((row) => row.entry_index),
  )
}

/** Reads the bundles that hold the places, and takes the entries out in the order asked. */
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
