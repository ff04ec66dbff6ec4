import type { ItemId } from '#catalog/catalog.ts'
import type { Reader, Transaction } from '#database/handles.ts'
import type { Keys } from '#keys/keys.ts'
import { createBlinds } from './record-index.ts'

/** A value that an identifying item of a person may have. */
export interface IdentifyingValue {
  readonly item: ItemId
  readonly value: string
}

/**
 * The subjects of records that carry one of the values, and those that one of them names: a person, and the devices that
 * are theirs now. Found by keyed hashes; nothing is opened.
 */
export async function subjectsWith(
  reader: Reader,
  keys: Keys,
  values: readonly IdentifyingValue[],
): Promise<readonly string[]> {
  const blind = createBlinds(reader, keys)
  const blinds: string[] = []
  for (const { item, value } of values) blinds.push(await blind(item, value))
  const rows = await reader.rows<{ subject_id: string }>(
    `select s.subject_id from subject_index s
       join unnest($2::text[], $3::text[]) as n (item, blind) on s.item_id = n.item and s.blind = n.blind
      where s.tenant_id = $1
     union
     select r.subject_id from record_index i
       join unnest($2::text[], $3::text[]) as n (item, blind) on i.item_id = n.item and i.blind = n.blind
       join records r on r.tenant_id = i.tenant_id and r.record_id = i.record_id
      where i.tenant_id = $1
      order by subject_id`,
    [reader.tenantId, values.map(({ item }) => item), blinds],
  )
  return rows.map((row) => row.subject_id)
}

/** The subjects of these records, in no order. */
export async function subjectsOfRecords(
  reader: Reader,
  recordIds: readonly string[],
): Promise<readonly string[]> {
  const rows = await reader.rows<{ subject_id: string }>(
    'select distinct subject_id from records where tenant_id = $1 and record_id = any($2::uuid[])',
    [reader.tenantId, recordIds],
  )
  return rows.map((row) => row.subject_id)
}

/** Removes all that this room has of the subjects, in three statements however many they are. Answers how many records. */
export async function eraseSubjects(
  tx: Transaction,
  subjectIds: readonly string[],
): Promise<number> {
  const records = await tx.rows<{ id: string }>(
    'delete from records where tenant_id = $1 and subject_id = any($2::uuid[]) returning record_id as id',
    [tx.tenantId, subjectIds],
  )
  // After the records: of one that is still there it would be kept whom it named before.
  await tx.change('delete from record_index where tenant_id = $1 and record_id = any($2::uuid[])', [
    tx.tenantId,
    records.map((row) => row.id),
  ])
  await tx.change(
    'delete from subject_index where tenant_id = $1 and subject_id = any($2::uuid[])',
    [tx.tenantId, subjectIds],
  )
  return records.length
}

/** Those of the subjects of whom there is no record: only a name by which one of them was spoken of. */
export async function withoutRecords(
  reader: Reader,
  subjectIds: readonly string[],
): Promise<readonly string[]> {
  const rows = await reader.rows<{ id: string }>(
    `select n.id from unnest($2::uuid[]) as n (id)
      where not exists (select from records r where r.tenant_id = $1 and r.subject_id = n.id)`,
    [reader.tenantId, subjectIds],
  )
  return rows.map((row) => row.id)
}

/** Subjects of whom every record was removed by its party, the last one by `before`; the longest gone first. */
export async function subjectsRemovedBy(
  reader: Reader,
  before: number,
  { except, limit }: { readonly except: readonly string[]; readonly limit: number },
): Promise<readonly string[]> {
  const rows = await reader.rows<{ id: string }>(
    `select r.subject_id as id from records r where r.tenant_id = $1 and r.removed_at <= $2 and r.subject_id <> all($4::uuid[])
        and not exists (select from records o where o.tenant_id = $1 and o.subject_id = r.subject_id
                           and (o.removed_at is null or o.removed_at > $2))
      group by r.subject_id order by max(r.removed_at), r.subject_id limit $3`,
    [reader.tenantId, new Date(before), limit, except],
  )
  return rows.map((row) => row.id)
}

/** How many subjects have only removed records, by the day (UTC) on which the last of them was removed. */
export async function countRemovedByDay(
  reader: Reader,
): Promise<readonly { readonly day: string; readonly subjects: number }[]> {
  const rows = await reader.rows<{ day: string; subjects: number }>(
    `select to_char(s.last at time zone 'UTC', 'YYYY-MM-DD') as day, count(*) as subjects
       from (select max(r.removed_at) as last from records r where r.tenant_id = $1
              group by r.subject_id having count(*) = count(r.removed_at)) s
      group by 1 order by 1`,
    [reader.tenantId],
  )
  return rows.map((row) => ({ day: row.day, subjects: Number(row.subjects) }))
}
