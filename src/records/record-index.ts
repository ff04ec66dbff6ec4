import type { Catalog, DataItem, ItemId } from '#catalog/catalog.ts'
import type { Reader, Transaction } from '#database/handles.ts'
import type { Keys } from '#keys/keys.ts'
import type { MinimisedRecord } from './keep.ts'
import { isSealed } from './sealed.ts'

/**
 * Whether records can be looked up by equality of this item: sealed ones that identify (names, mail addresses, serial
 * numbers), as their pseudonym says. Not free text, and never a secret.
 */
export function isLookedUp(item: DataItem): boolean {
  return isSealed(item) && !item.secret && item.precisions.includes('pseudonym')
}

/** Brings the index of these records up to what they hold now, in two statements. */
export async function indexRecords(
  tx: Transaction,
  keys: Keys,
  catalog: Catalog,
  records: readonly { readonly recordId: string; readonly items: MinimisedRecord }[],
): Promise<void> {
  if (records.length === 0) return
  const hashes = new Map<ItemId, (value: string) => string>()
  const rows: { item: ItemId; blind: string; recordId: string }[] = []
  for (const { recordId, items } of records) {
    for (const [id, value] of Object.entries(items)) {
      const item = catalog.items.get(id)
      if (!item || !isLookedUp(item) || typeof value === 'boolean') continue
      let hash = hashes.get(id)
      if (!hash) {
        hash = await keys.blindIndex(tx, id)
        hashes.set(id, hash)
      }
      rows.push({ item: id, blind: hash(String(value)), recordId })
    }
  }
  await tx.change('delete from record_index where tenant_id = $1 and record_id = any($2::uuid[])', [
    tx.tenantId,
    records.map((record) => record.recordId),
  ])
  await tx.change(
    `insert into record_index (tenant_id, item_id, blind, record_id)
     select $1, n.item, n.blind, n.record from unnest($2::text[], $3::text[], $4::uuid[]) as n (item, blind, record)
     on conflict do nothing`,
    [
      tx.tenantId,
      rows.map((row) => row.item),
      rows.map((row) => row.blind),
      rows.map((row) => row.recordId),
    ],
  )
}

/** Most records that one identifying value may belong to and still be looked up by. */
export const MOST_FOUND = 1_000

/**
 * Ids of the records of which the item has one of the values. Records kept before there was an index of them are
 * found by the item that names their subject.
 *
 * @returns at most `MOST_FOUND` + 1 of them
 */
export async function findRecords(
  reader: Reader,
  keys: Keys,
  item: ItemId,
  values: readonly string[],
): Promise<readonly string[]> {
  const hash = await keys.blindIndex(reader, item)
  const rows = await reader.rows<{ record_id: string }>(
    `select i.record_id from record_index i
      where i.tenant_id = $1 and i.item_id = $2 and i.blind = any($3::text[])
     union
     select r.record_id from subject_index s join records r on r.tenant_id = s.tenant_id and r.subject_id = s.subject_id
      where s.tenant_id = $1 and s.item_id = $2 and s.blind = any($3::text[])
        and not exists (select from record_index i where i.tenant_id = $1 and i.record_id = r.record_id)
     limit $4`,
    [reader.tenantId, item, values.map((value) => hash(value)), MOST_FOUND + 1],
  )
  return rows.map((row) => row.record_id)
}
