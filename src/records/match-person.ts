import type { Catalog, ItemId } from '#catalog/catalog.ts'
import type { Reader } from '#database/handles.ts'
import type { Keys } from '#keys/keys.ts'
import { createBlinds, isLookedUp } from './record-index.ts'
import { type NamedUntil, type Window, windowsOf } from './name-windows.ts'

/** A name or address of a person; of one item, or of whichever has it. */
export interface PersonName {
  readonly item?: ItemId | undefined
  readonly value: string
}

/** Ids of the records of one subject. */
export async function recordIdsOf(reader: Reader, subjectId: string): Promise<readonly string[]> {
  const rows = await reader.rows<{ record_id: string }>(
    'select record_id from records where tenant_id = $1 and subject_id = $2 order by record_id',
    [reader.tenantId, subjectId],
  )
  return rows.map((row) => row.record_id)
}

/** A subject whose records name the person, and in which times they do or did. */
export interface NamedSubject {
  readonly recordId: string
  readonly subjectId: string
  readonly windows: readonly Window[]
}

export interface MatchParts {
  readonly keys: Keys
  readonly catalog: Catalog
}

/**
 * One page of the records that name the person now or did before, in the order of their ids. Each is found by keyed
 * hash: as the value was given, and in lower case. Removed records count as long as they are kept.
 *
 * @param after the last record id of the page before
 */
export async function matchPerson(
  reader: Reader,
  parts: MatchParts,
  names: readonly PersonName[],
  page: { readonly after?: string | undefined; readonly limit: number },
): Promise<readonly NamedSubject[]> {
  const { items, blinds } = await blindsOf(reader, parts, names)
  const rows = await reader.rows<{ record_id: string; subject_id: string }>(
    `with n as (select * from unnest($2::text[], $3::text[]) as n (item_id, blind)),
      found as (
       select i.record_id from n join record_index i
           on i.tenant_id = $1 and i.item_id = n.item_id and i.blind = n.blind
       union select p.record_id from n join record_past_names p
           on p.tenant_id = $1 and p.item_id = n.item_id and p.blind = n.blind
       union select r.record_id from n join subject_index s
           on s.tenant_id = $1 and s.item_id = n.item_id and s.blind = n.blind
         join records r on r.tenant_id = $1 and r.subject_id = s.subject_id)
     select r.record_id, r.subject_id from found f
       join records r on r.tenant_id = $1 and r.record_id = f.record_id
      where r.record_id > $4 order by r.record_id limit $5`,
    [reader.tenantId, items, blinds, page.after ?? NONE, page.limit],
  )
  if (rows.length === 0) return []
  const named = await namesOfRecords(
    reader,
    rows.map((row) => row.record_id),
  )
  const mine = new Set(items.map((item, i) => `${item} ${blinds[i]}`))
  return rows.map((row) => ({
    recordId: row.record_id,
    subjectId: row.subject_id,
    windows: windowsOf(
      (named.get(row.record_id) ?? []).map(({ item, blind, until }) => ({
        item,
        mine: mine.has(`${item} ${blind}`),
        until,
      })),
    ),
  }))
}

const NONE = '00000000-0000-0000-0000-000000000000'

async function blindsOf(
  reader: Reader,
  { keys, catalog }: MatchParts,
  names: readonly PersonName[],
) {
  const anywhere = [...catalog.items.values()]
    .filter((item) => item.class === 'person' && isLookedUp(item))
    .map((item) => item.id)
  const items: ItemId[] = []
  const blinds: string[] = []
  const blind = createBlinds(reader, keys)
  for (const item of new Set([...anywhere, ...names.flatMap((name) => name.item ?? [])])) {
    for (const name of names) {
      if (name.item !== undefined && name.item !== item) continue
      for (const value of new Set([name.value, name.value.toLowerCase()])) {
        items.push(item)
        blinds.push(await blind(item, value))
      }
    }
  }
  return { items, blinds }
}

interface Named extends Omit<NamedUntil, 'mine'> {
  readonly blind: string
}

async function namesOfRecords(
  reader: Reader,
  recordIds: readonly string[],
): Promise<ReadonlyMap<string, readonly Named[]>> {
  const rows = await reader.rows<{
    record_id: string
    item_id: string
    blind: string
    until_at: Date | null
  }>(
    `select record_id, item_id, blind, until_at from (
       select i.record_id, i.item_id, i.blind, null::timestamptz as until_at, null::bigint as past_no from record_index i
        where i.tenant_id = $1 and i.record_id = any($2::uuid[])
       union all select p.record_id, p.item_id, p.blind, p.until_at, p.past_no from record_past_names p
        where p.tenant_id = $1 and p.record_id = any($2::uuid[]) and p.until_at is not null) n
      order by n.until_at nulls last, n.past_no`,
    [reader.tenantId, recordIds],
  )
  const named = new Map<string, Named[]>()
  for (const { record_id, item_id, blind, until_at } of rows) {
    const of = named.get(record_id) ?? []
    named.set(record_id, of)
    of.push({ item: item_id, blind, until: until_at?.getTime() ?? null })
  }
  return named
}
