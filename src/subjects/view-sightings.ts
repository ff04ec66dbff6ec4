import type { Reader, Transaction } from '#database/handles.ts'
import type { Json } from '#foundation/canonical-json.ts'
import { type PlacedEntry, entriesAt } from '#ledger/list-entries.ts'
import { readEntries, readHead } from '#ledger/read.ts'
import type { RightsParts } from './parts.ts'

/** Entries that are taken in one transaction. */
const STEP = 1_024

/**
 * Reads the tenant's log on from where it was left and notes which subjects its entries name. The cursor moves in the
 * same commit and is locked meanwhile: nodes that follow at once, or die, neither skip nor double.
 */
export async function followSightings(
  { database, settled }: Pick<RightsParts, 'database' | 'settled'>,
  tenantId: string,
): Promise<number> {
  await settled?.()
  for (;;) {
    const { to, done } = await database.write(tenantId, step)
    if (done) return to
  }
}

async function step(tx: Transaction): Promise<{ readonly to: number; readonly done: boolean }> {
  await tx.change(
    'insert into rights_cursors (tenant_id, indexed_to) values ($1, 0) on conflict do nothing',
    [tx.tenantId],
  )
  const [cursor] = await tx.rows<{ indexed_to: number }>(
    'select indexed_to from rights_cursors where tenant_id = $1 for update',
    [tx.tenantId],
  )
  const from = cursor?.indexed_to ?? 0
  const size = (await readHead(tx))?.size ?? 0
  const to = Math.min(from + STEP, size)
  if (to <= from) return { to: from, done: true }
  await take(tx, await readEntries(tx, from, to))
  await tx.change('update rights_cursors set indexed_to = $2 where tenant_id = $1', [
    tx.tenantId,
    to,
  ])
  return { to, done: to >= size }
}

async function take(tx: Transaction, entries: readonly PlacedEntry[]): Promise<void> {
  const rows = entries.flatMap((entry) =>
    subjectsIn(entry).map((subject) => ({ subject, index: entry.index, id: entry.id })),
  )
  if (rows.length > 0)
    await tx.change(
      `insert into rights_sightings (tenant_id, subject, entry_index, entry_id)
       select $1, n.* from unnest($2::text[], $3::bigint[], $4::uuid[]) as n (subject, entry_index, entry_id)
       on conflict do nothing`,
      [
        tx.tenantId,
        rows.map((row) => row.subject),
        rows.map((row) => row.index),
        rows.map((row) => row.id),
      ],
    )
  const outcomes = entries.filter((entry) => entry.kind === 'outcome')
  if (outcomes.length > 0)
    await tx.change(
      `update rights_sightings s set outcome = n.outcome from unnest($2::text[], $3::text[]) as n (id, outcome)
        where s.tenant_id = $1 and s.entry_id = n.id::uuid`,
      [
        tx.tenantId,
        outcomes.map((entry) => String(entry.data.of)),
        outcomes.map((entry) => String(entry.data.outcome)),
      ],
    )
}

/** Kinds of entries that tell whose data was sent or seen; the many others do not. */
type TellingKind = 'disclosure' | 'notice.disclosure' | 'read' | 'reveal' | 'account.read'

/** Whom an entry names as those whose data was sent or seen. An account is named by its id. */
export function subjectsIn({ kind, data }: PlacedEntry): readonly string[] {
  switch (kind as TellingKind) {
    case 'disclosure':
      return unique(strings(data.subjects))
    case 'read':
    case 'reveal':
      return unique(
        (Array.isArray(data.records) ? data.records : []).flatMap((one) =>
          strings((one as { readonly [key: string]: Json }).subjects),
        ),
      )
    case 'account.read':
      return unique(strings(data.accounts))
    case 'notice.disclosure':
      return typeof data.recipient === 'string' ? [data.recipient] : []
    default:
      return []
  }
}

const unique = (names: readonly string[]): readonly string[] => [...new Set(names)]

function strings(value: Json | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : []
}

/** An entry that names a subject, and what became of it where it was a sending. */
export interface Sighting {
  readonly subject: string
  readonly entry: PlacedEntry
  readonly outcome: string | undefined
}

/** One page of what the log tells of one subject, in its order. @param after the last index of the page before */
export async function readSightings(
  reader: Reader,
  subject: string,
  page: { readonly after?: number | undefined; readonly limit: number },
): Promise<readonly Sighting[]> {
  const rows = await reader.rows<{ entry_index: number; outcome: string | null }>(
    `select entry_index, outcome from rights_sightings
      where tenant_id = $1 and subject = $2 and entry_index > $3 order by entry_index limit $4`,
    [reader.tenantId, subject, page.after ?? -1, page.limit],
  )
  const entries = await entriesAt(
    reader,
    rows.map((row) => row.entry_index),
  )
  return rows.flatMap((row, i) => {
    const entry = entries[i]
    return entry ? [{ subject, entry, outcome: row.outcome ?? undefined }] : []
  })
}

/** Which parties really got the item of one of these subjects, by what the log says; not those whom nothing reached. */
export async function recipientsOf(
  reader: Reader,
  subject: string,
  item: string,
  isTheirs: (time: number) => boolean,
): Promise<ReadonlySet<string>> {
  const parties = new Set<string>()
  let after: number | undefined
  for (;;) {
    const page = await readSightings(reader, subject, { after, limit: STEP })
    for (const { entry, outcome } of page) {
      const { items, party } = entry.data
      const sent = typeof items === 'object' && items !== null && Object.hasOwn(items, item)
      if (
        entry.kind === 'disclosure' &&
        sent &&
        outcome !== 'unsent' &&
        isTheirs(Date.parse(entry.at))
      )
        if (typeof party === 'string') parties.add(party)
    }
    const last = page.at(-1)
    if (!last || page.length < STEP) return parties
    after = last.entry.index
  }
}
