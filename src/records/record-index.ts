import type { DataItem, ItemId } from '#catalog/catalog.ts'
import type { Reader } from '#database/handles.ts'
import type { Keys } from '#keys/keys.ts'
import { isSealed } from './sealed.ts'

/**
 * Whether records can be looked up by equality of this item: sealed ones that identify (names, mail addresses, serial
 * numbers), as their pseudonym says. Not free text, and never a secret.
 */
export function isLookedUp(item: DataItem | undefined): boolean {
  return (
    item !== undefined && isSealed(item) && !item.secret && item.precisions.includes('pseudonym')
  )
}

/** The keyed hash under which a value of an item is looked up. */
export type Blind = (item: ItemId, value: string) => Promise<string>

/** Hashes with a key for each item, which is fetched once. */
export function createBlinds(reader: Reader, keys: Keys): Blind {
  const hashes = new Map<ItemId, (value: string) => string>()
  return async (item, value) => {
    let hash = hashes.get(item)
    if (!hash) {
      hash = await keys.blindIndex(reader, item)
      hashes.set(item, hash)
    }
    return hash(value)
  }
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
