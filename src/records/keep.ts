import type { Catalog, DataItem, ItemId } from '#catalog/catalog.ts'
import type { Transaction } from '#database/handles.ts'
import { newOrderedId } from '#foundation/ids.ts'
import type { Keys } from '#keys/keys.ts'
import { ensureSubjects } from './subjects.ts'

/** One minimised record, by item id. */
export type MinimisedRecord = Readonly<Record<ItemId, string | number | boolean>>

export interface KeepBatch {
  readonly connectionId: string
  readonly kind: 'device'
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

/** Sealed: what names or reaches a person, identifies a device, is a secret or free text about one. */
export function isSealed(item: DataItem): boolean {
  return (
    item.personal || item.secret || item.class === 'device-identifier' || item.class === 'person'
  )
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
  await tx.change(
    `insert into records (tenant_id, record_id, subject_id, connection_id, kind, clear, sealed, first_seen, last_seen, removed_at)
     select $1, n.id, n.subject, $2, $3, n.clear, n.sealed, $4, $4, n.removed
       from unnest($5::uuid[], $6::uuid[], $7::jsonb[], $8::bytea[], $9::timestamptz[]) as n (id, subject, clear, sealed, removed)
     on conflict (tenant_id, connection_id, kind, subject_id) do update
        set clear = case when excluded.removed_at is null then excluded.clear else records.clear end,
            sealed = case when excluded.removed_at is null then excluded.sealed else records.sealed end,
            last_seen = excluded.last_seen, removed_at = excluded.removed_at`,
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
    ],
  )
  return subjects
}
