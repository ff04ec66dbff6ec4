import type { Database, Reader, Transaction } from '#database/handles.ts'
import type { Entry } from './entry.ts'
import { unpackEntries } from './verify/bundle.ts'

/** Kinds of entries that tell of something that was sent to a party. */
const KINDS = ['disclosure']

/** Segments that are read in one go. */
const STEP = 100

/**
 * How many disclosures to each party the tenant's log holds, those that still wait for their place among them; a party
 * that got none is not there. Counted in one pass from the entries themselves: up to where `advanceDisclosureCounts`
 * came, from what it wrote down then.
 */
export async function countDisclosures(reader: Reader): Promise<ReadonlyMap<string, number>> {
  // One statement: what was written down, and up to where, are of one state.
  const kept = await reader.rows<{
    counted_to: number
    party_id: string | null
    disclosures: number | null
  }>(
    `select c.counted_to, p.party_id, p.disclosures from ledger_counted c
       left join ledger_party_counts p on p.tenant_id = c.tenant_id
      where c.tenant_id = $1`,
    [reader.tenantId],
  )
  const counts = new Map<string, number>()
  for (const { party_id, disclosures } of kept)
    if (party_id !== null) counts.set(party_id, Number(disclosures ?? 0))
  await addPlaced(counts, reader, Number(kept[0]?.counted_to ?? 0))
  for (const entry of await waitingDisclosures(reader)) addOne(counts, entry)
  return counts
}

/** The same of one party. */
export async function countDisclosuresTo(reader: Reader, partyId: string): Promise<number> {
  return (await countDisclosures(reader)).get(partyId) ?? 0
}

/** The same over the logs of many tenants, each read by itself. */
export async function countDisclosuresOver(
  database: Database,
  tenantIds: readonly string[],
  partyId: string,
): Promise<number> {
  let count = 0
  for (const tenantId of tenantIds)
    count += await database.read(tenantId, (reader) => countDisclosuresTo(reader, partyId))
  return count
}

/**
 * Writes the counts down as far as the log goes, so that the next count reads only what came after.
 *
 * @returns up to which index of the log
 */
export async function advanceDisclosureCounts(tx: Transaction): Promise<number> {
  await tx.change(
    'insert into ledger_counted (tenant_id, counted_to) values ($1, 0) on conflict do nothing',
    [tx.tenantId],
  )
  const [row] = await tx.rows<{ counted_to: number }>(
    'select counted_to from ledger_counted where tenant_id = $1 for update',
    [tx.tenantId],
  )
  const [head] = await tx.rows<{ size: number }>(
    'select size from ledger_heads where tenant_id = $1',
    [tx.tenantId],
  )
  const from = Number(row?.counted_to ?? 0)
  const to = Number(head?.size ?? 0)
  const counts = new Map<string, number>()
  await addPlaced(counts, tx, from, to)
  for (const [party, count] of counts) {
    await tx.change(
      `insert into ledger_party_counts (tenant_id, party_id, disclosures) values ($1, $2, $3)
       on conflict (tenant_id, party_id) do update set disclosures = ledger_party_counts.disclosures + $3`,
      [tx.tenantId, party, count],
    )
  }
  await tx.change('update ledger_counted set counted_to = $2 where tenant_id = $1', [
    tx.tenantId,
    to,
  ])
  return to
}

/** Adds what has a place in the log from `from` on, and before `to` where it is given. */
async function addPlaced(
  counts: Map<string, number>,
  reader: Reader,
  from: number,
  to?: number,
): Promise<void> {
  for await (const entry of placedDisclosures(reader, from, to)) addOne(counts, entry)
}

function addOne(counts: Map<string, number>, { data }: Entry): void {
  if (typeof data.party === 'string') counts.set(data.party, (counts.get(data.party) ?? 0) + 1)
}

/** Entries that have a place, a step of the log at a time. */
async function* placedDisclosures(
  reader: Reader,
  from: number,
  to = Number.MAX_SAFE_INTEGER,
): AsyncGenerator<Entry> {
  let next = from
  for (;;) {
    const rows = await reader.rows<{ first_index: number; width: number; entries: Buffer | null }>(
      `select first_index, cardinality(entry_ids) as width, case when kinds && $4 then entries end as entries
         from ledger_segments
        where tenant_id = $1 and first_index >= $2 and first_index < $3 order by first_index limit $5`,
      [reader.tenantId, next, to, KINDS, STEP],
    )
    for (const row of rows) if (row.entries) yield* disclosuresIn(row.entries)
    const last = rows.at(-1)
    if (!last || rows.length < STEP) return
    next = last.first_index + last.width
  }
}

async function waitingDisclosures(reader: Reader): Promise<readonly Entry[]> {
  const rows = await reader.rows<{ entries: Buffer }>(
    'select entries from ledger_segments where tenant_id = $1 and first_index is null and kinds && $2',
    [reader.tenantId, KINDS],
  )
  return rows.flatMap((row) => disclosuresIn(row.entries))
}

function disclosuresIn(entries: Buffer): readonly Entry[] {
  return unpackEntries(entries)
    .map((bytes) => JSON.parse(bytes.toString()) as Entry)
    .filter((entry) => KINDS.includes(entry.kind))
}
