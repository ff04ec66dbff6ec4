import type { ItemId } from '#catalog/catalog.ts'
import type { Reader, Transaction } from '#database/handles.ts'
import type { HeldRecord, PersonalDataHolder } from '#foundation/personal-data-holder.ts'
import type { Keys } from '#keys/keys.ts'
import { eraseSubjects } from './people.ts'
import { contextOf } from './sealed.ts'

interface Row {
  record_id: string
  subject_id: string
  connection_id: string
  kind: string
  clear: Record<string, unknown>
  sealed: Buffer
  first_seen: Date
  last_seen: Date
  removed_at: Date | null
  merged: { readonly precisions?: Record<string, string> }
}

const COLUMNS =
  'record_id, subject_id, connection_id, kind, clear, sealed, first_seen, last_seen, removed_at, merged'

/**
 * Records of a connection in the order they came, of one kind or of every, with the named items only. `after` is the last
 * id seen.
 */
export async function readRecords(
  reader: Reader,
  keys: Keys,
  query: {
    readonly connectionId: string
    readonly items: ReadonlySet<ItemId>
    readonly kind?: string
    readonly after?: string
    readonly limit: number
  },
): Promise<readonly HeldRecord[]> {
  const rows = await reader.rows<Row>(
    `select ${COLUMNS} from records
      where tenant_id = $1 and connection_id = $2 and removed_at is null and record_id > $3
        and ($5::text is null or kind = $5)
      order by record_id limit $4`,
    [
      reader.tenantId,
      query.connectionId,
      query.after ?? '00000000-0000-0000-0000-000000000000',
      query.limit,
      query.kind ?? null,
    ],
  )
  await keys.loadSubjectKeys(
    reader,
    rows.map((row) => row.subject_id),
  )
  return Promise.all(
    rows.map((row) => openRecord(reader, keys, row, (item) => query.items.has(item))),
  )
}

/** How many records of the connection are kept. */
export async function countRecords(reader: Reader, connectionId: string): Promise<number> {
  const [row] = await reader.rows<{ count: number }>(
    'select count(*) as count from records where tenant_id = $1 and connection_id = $2 and removed_at is null',
    [reader.tenantId, connectionId],
  )
  return row?.count ?? 0
}

/** What this room keeps about people, for their rights. */
export function recordHolder(keys: Keys): PersonalDataHolder<Reader, Transaction> {
  const bySubject = (reader: Reader, subjectId: string): Promise<readonly Row[]> =>
    reader.rows<Row>(
      `select ${COLUMNS} from records where tenant_id = $1 and subject_id = $2 order by record_id`,
      [reader.tenantId, subjectId],
    )
  return {
    holder: 'records',
    find: async (reader, subjectId) =>
      (await bySubject(reader, subjectId)).map((row) => ({
        recordId: row.record_id,
        kind: row.kind,
        items: {},
      })),
    exportFor: async (reader, subjectId) => {
      await keys.loadSubjectKeys(reader, [subjectId])
      return Promise.all(
        (await bySubject(reader, subjectId)).map((row) =>
          openRecord(reader, keys, row, () => true),
        ),
      )
    },
    erase: (tx, subjectId) => eraseSubjects(tx, [subjectId]),
    eraseAll: eraseSubjects,
  }
}

async function openRecord(
  reader: Reader,
  keys: Keys,
  row: Row,
  wanted: (item: ItemId) => boolean,
): Promise<HeldRecord> {
  const context = contextOf(row.kind, row.connection_id)
  const sealed = JSON.parse(
    (await keys.openFor(reader, row.subject_id, context, row.sealed)).toString(),
  ) as Record<string, unknown>
  const items = Object.entries({ ...row.clear, ...sealed }).filter(([item]) => wanted(item))
  return {
    recordId: row.record_id,
    kind: row.kind,
    items: Object.fromEntries(items),
    source: row.connection_id,
    since: row.first_seen.getTime(),
    seen: row.last_seen.getTime(),
    removed: row.removed_at?.getTime(),
    precisions: row.merged.precisions ?? {},
  }
}
