import type { ItemId } from '#catalog/catalog.ts'
import type { Reader } from '#database/handles.ts'

/** Devices that have the same values of some plain items; an item that is not known is the empty text. */
export interface AlikeDevices {
  readonly values: readonly string[]
  readonly count: number
}

/**
 * Counts devices by all combinations of some plain items that there are.
 *
 * @param tag the scope tag that is asked about; undefined is the whole tenant
 */
export async function countAlike(
  reader: Reader,
  items: readonly ItemId[],
  tag: string | undefined,
): Promise<readonly AlikeDevices[]> {
  const rows = await reader.rows<{ values: string[]; count: number }>(
    `select v.values, count(*)::int as count
       from records r
      cross join lateral (
        select array_agg(coalesce(r.clear ->> i.item, '') order by i.place) as values
          from unnest($2::text[]) with ordinality as i (item, place)) v
      where r.tenant_id = $1 and r.kind = 'device' and r.removed_at is null
        and ($3::text is null or $3 = any(r.scope_tags))
      group by v.values`,
    [reader.tenantId, items, tag ?? null],
  )
  return rows
}
