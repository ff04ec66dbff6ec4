import type { Catalog, ItemId } from '#catalog/catalog.ts'
import type { Transaction } from '#database/handles.ts'
import type { Keys } from '#keys/keys.ts'
import { ensureSubjects } from './subjects.ts'
import { writeRecords } from './write-records.ts'

/** One minimised record, by item id. */
export type MinimisedRecord = Readonly<Record<ItemId, string | number | boolean>>

/** What a record is about. */
export type RecordKind = 'device' | 'person'

export interface KeepBatch {
  readonly connectionId: string
  readonly kind: RecordKind
  /** The item that identifies the subject of each record. */
  readonly subjectItem: ItemId
  readonly records: readonly {
    readonly subject: string
    readonly items: MinimisedRecord
    readonly removed: boolean
  }[]
  /** Milliseconds since 1970. */
  readonly now: number
}

/**
 * Keeps a batch in few statements: the newest state of each record of the connection, sealed per subject. A
 * record that the party no longer has is marked, and goes with its retention.
 *
 * @returns the subjects, in the order of the records
 */
export async function keepRecords(
  tx: Transaction,
  keys: Keys,
  catalog: Catalog,
  batch: KeepBatch,
): Promise<readonly string[]> {
  const { subjectItem, records, connectionId, kind, now } = batch
  const values = records.map((record) => record.subject)
  const subjects = await ensureSubjects(tx, keys, subjectItem, values)
  await keys.loadSubjectKeys(tx, subjects)
  // Of a record that comes twice the later one counts.
  const rows = new Map(
    records.map(({ items, removed }, i) => {
      const subject = subjects[i] ?? ''
      return [subject, { subject, items, removed }] as const
    }),
  )
  const place = { connectionId, kind, now, replaces: false }
  await writeRecords(tx, keys, catalog, place, [...rows.values()])
  return subjects
}
