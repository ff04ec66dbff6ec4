import type { ItemId } from '#catalog/catalog.ts'
import type { Reader, Transaction } from '#database/handles.ts'
import { newId } from '#foundation/ids.ts'
import type { Keys } from '#keys/keys.ts'

/**
 * The subjects that these values of an identifying item belong to, in the order of the values. A device that no
 * person is known for is its own subject. What is not known yet is made, with its key, in two statements.
 */
export async function ensureSubjects(
  tx: Transaction,
  keys: Keys,
  item: ItemId,
  values: readonly string[],
): Promise<readonly string[]> {
  if (values.length === 0) return []
  const hash = await keys.blindIndex(tx, item)
  const blinds = values.map((value) => hash(value))
  const known = await findByBlind(tx, item, blinds)
  const missing = [...new Set(blinds)].filter((blind) => !known.has(blind))
  if (missing.length > 0) {
    const ids = missing.map(newId)
    await tx.change(
      `insert into subject_index (tenant_id, item_id, blind, subject_id)
       select $1, $2, n.blind, n.subject_id from unnest($3::text[], $4::uuid[]) as n (blind, subject_id)
       on conflict do nothing`,
      [tx.tenantId, item, missing, ids],
    )
    // Another transaction may have been first with some of them: what stands in the table counts.
    const made = await findByBlind(tx, item, missing)
    await keys.createSubjectKeys(tx, [...made.values()])
    for (const [blind, id] of made) known.set(blind, id)
  }
  return blinds.map((blind) => known.get(blind) ?? '')
}

/** The subject of one value, if there is one. */
export async function findSubject(
  reader: Reader,
  keys: Keys,
  item: ItemId,
  value: string,
): Promise<string | undefined> {
  const blind = (await keys.blindIndex(reader, item))(value)
  return (await findByBlind(reader, item, [blind])).get(blind)
}

async function findByBlind(
  reader: Reader,
  item: ItemId,
  blinds: readonly string[],
): Promise<Map<string, string>> {
  const rows = await reader.rows<{ blind: string; subject_id: string }>(
    'select blind, subject_id from subject_index where tenant_id = $1 and item_id = $2 and blind = any($3::text[])',
    [reader.tenantId, item, blinds],
  )
  return new Map(rows.map((row) => [row.blind, row.subject_id]))
}
