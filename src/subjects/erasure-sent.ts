import type { PartyId } from '#catalog/catalog.ts'
import type { Database, Reader, Transaction } from '#database/handles.ts'
import type { Entry } from '#ledger/entry.ts'
import { readEntries, readHead } from '#ledger/read.ts'

/** Entries that are taken in one transaction. */
const STEP = 2_048

export interface Recipient {
  readonly partyId: PartyId
  readonly connectionId: string
}

/**
 * Reads the tenant's log on from where it was left, and keeps who got something of whom. The cursor moves in the same
 * commit and is locked meanwhile, so that nothing is skipped by a crash or taken twice by two nodes.
 */
export async function followDisclosures(database: Database, tenantId: string): Promise<void> {
  while (!(await database.write(tenantId, step)));
}

async function step(tx: Transaction): Promise<boolean> {
  await tx.change(
    'insert into erasure_cursors (tenant_id, indexed_to) values ($1, 0) on conflict do nothing',
    [tx.tenantId],
  )
  const [cursor] = await tx.rows<{ indexed_to: number }>(
    'select indexed_to from erasure_cursors where tenant_id = $1 for update',
    [tx.tenantId],
  )
  const from = cursor?.indexed_to ?? 0
  const size = (await readHead(tx))?.size ?? 0
  const to = Math.min(from + STEP, size)
  if (to <= from) return true
  await takeDisclosures(tx, await readEntries(tx, from, to))
  await tx.change('update erasure_cursors set indexed_to = $2 where tenant_id = $1', [
    tx.tenantId,
    to,
  ])
  return to >= size
}

interface Sent {
  readonly party: string
  readonly connection: string
  readonly subjects: readonly string[]
}

/** A disclosure counts until its outcome says that nothing left. What nobody saw the end of was perhaps sent: it counts. */
async function takeDisclosures(
  tx: Transaction,
  entries: readonly Pick<Entry, 'id' | 'kind' | 'data'>[],
): Promise<void> {
  const open = new Map<string, Sent>()
  const sent: Sent[] = []
  const closed: { id: string; unsent: boolean }[] = []
  for (const { id, kind, data } of entries) {
    if (kind === 'disclosure') {
      const subjects = strings(data.subjects)
      if (subjects.length > 0 && typeof data.party === 'string')
        open.set(id, { party: data.party, connection: String(data.connection ?? ''), subjects })
    } else if (kind === 'outcome' && typeof data.of === 'string') {
      const unsent = data.outcome === 'unsent'
      const own = open.get(data.of)
      if (own && !unsent) sent.push(own)
      if (own) open.delete(data.of)
      else closed.push({ id: data.of, unsent })
    }
  }
  sent.push(...(await takeClosed(tx, closed)))
  await insertSent(tx, sent)
  for (const [id, one] of open)
    await tx.change(
      `insert into erasure_unsettled (tenant_id, entry_id, party_id, connection_id, subjects)
       values ($1, $2, $3, $4, $5) on conflict do nothing`,
      [tx.tenantId, id, one.party, one.connection, one.subjects],
    )
}

/** Disclosures of earlier steps whose outcomes came now. */
async function takeClosed(
  tx: Transaction,
  closed: readonly { id: string; unsent: boolean }[],
): Promise<readonly Sent[]> {
  if (closed.length === 0) return []
  const rows = await tx.rows<Sent & { id: string }>(
    `delete from erasure_unsettled where tenant_id = $1 and entry_id = any($2::uuid[])
     returning entry_id as id, party_id as party, connection_id as connection, subjects`,
    [tx.tenantId, closed.map(({ id }) => id)],
  )
  const unsent = new Set(closed.filter((one) => one.unsent).map(({ id }) => id))
  return rows.filter(({ id }) => !unsent.has(id))
}

async function insertSent(tx: Transaction, sent: readonly Sent[]): Promise<void> {
  const rows = sent.flatMap(({ party, connection, subjects }) =>
    subjects.map((subject) => [subject, party, connection] as const),
  )
  if (rows.length === 0) return
  await tx.change(
    `insert into erasure_sent (tenant_id, subject, party_id, connection_id)
     select distinct $1::text, n.subject, n.party, n.connection
       from unnest($2::text[], $3::text[], $4::text[]) as n (subject, party, connection)
     on conflict do nothing`,
    [tx.tenantId, rows.map((one) => one[0]), rows.map((one) => one[1]), rows.map((one) => one[2])],
  )
}

/** Every party that got something of one of the subjects, as the ledger names them. Call after `followDisclosures`. */
export function recipientsOf(
  reader: Reader,
  commitments: readonly string[],
): Promise<readonly Recipient[]> {
  return reader.rows<Recipient>(
    `select party_id as "partyId", connection_id as "connectionId" from erasure_sent
      where tenant_id = $1 and subject = any($2::text[])
     union
     select party_id, connection_id from erasure_unsettled
      where tenant_id = $1 and subjects && $2::text[]
      order by 1, 2`,
    [reader.tenantId, commitments],
  )
}

/** The names of erased subjects in the log lead nowhere any more; nor do these rows. */
export async function forgetSent(tx: Transaction, commitments: readonly string[]): Promise<void> {
  await tx.change('delete from erasure_sent where tenant_id = $1 and subject = any($2::text[])', [
    tx.tenantId,
    commitments,
  ])
}

function strings(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string' && one !== '') : []
}
