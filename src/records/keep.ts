import type { Catalog, ItemId } from '#catalog/catalog.ts'
import type { Transaction } from '#database/handles.ts'
import { newOrderedId } from '#foundation/ids.ts'
import type { Keys } from '#keys/keys.ts'
import { indexRecords } from './record-index.ts'
import { isSealed } from './sealed.ts'
import { ensureSubjects } from './subjects.ts'

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
  const subjects = await ensureSubjects(
    tx,
    keys,
    batch.subjectItem,
    batch.records.map((record) => record.subject),
  )
  await keys.loadSubjectKeys(tx, subjects)
  const rows = await Promise.all(
    batch.records.map(async ({ items, removed }, i) => {
      const subject = subjects[i] ?? ''
      const sealed: Record<string, unknown> = {}
      const clear: Record<string, unknown> = {}
      for (const [id, value] of Object.entries(items)) {
        const item = catalog.items.get(id)
        if (!item || isSealed(item)) sealed[id] = value
        else clear[id] = value
      }
      return {
        id: newOrderedId(batch.now),
        subject,
        clear: JSON.stringify(clear),
        sealedItems: JSON.stringify(Object.keys(sealed)),
        sealed: await keys.sealFor(
          tx,
          subject,
          `record/${batch.kind}/${batch.connectionId}`,
          Buffer.from(JSON.stringify(sealed)),
        ),
        removed: removed ? new Date(batch.now) : null,
      }
    }),
  )
  const kept = await tx.rows<{ record_id: string; subject_id: string }>(
    `insert into records (tenant_id, record_id, subject_id, connection_id, kind, clear, sealed, sealed_items, first_seen, last_seen, removed_at)
     select $1, n.id, n.subject, $2, $3, n.clear, n.sealed, array(select jsonb_array_elements_text(n.sealed_items)), $4, $4, n.removed
       from unnest($5::uuid[], $6::uuid[], $7::jsonb[], $8::bytea[], $9::timestamptz[], $10::jsonb[])
              as n (id, subject, clear, sealed, removed, sealed_items)
     on conflict (tenant_id, connection_id, kind, subject_id) do update
        set clear = case when excluded.removed_at is null then excluded.clear else records.clear end,
            sealed = case when excluded.removed_at is null then excluded.sealed else records.sealed end,
            sealed_items = case when excluded.removed_at is null then excluded.sealed_items else records.sealed_items end,
            last_seen = excluded.last_seen, removed_at = excluded.removed_at
     returning record_id, subject_id`,
    [
      tx.tenantId,
      batch.connectionId,
      batch.kind,
      new Date(batch.now),
      rows.map((row) => row.id),
      rows.map((row) => row.subject),
      rows.map((row) => row.clear),
      rows.map((row) => row.sealed),
      rows.map((row) => row.removed),
      rows.map((row) => row.sealedItems),
    ],
  )
  const idOf = new Map(kept.map((row) => [row.subject_id, row.record_id]))
  await indexRecords(
    tx,
    keys,
    catalog,
    batch.records.flatMap(({ items, removed }, i) => {
      const recordId = idOf.get(subjects[i] ?? '')
      return removed || recordId === undefined ? [] : [{ recordId, items }]
    }),
  )
  return subjects
}
