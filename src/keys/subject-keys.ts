import { randomBytes } from 'node:crypto'
import type { Reader, Transaction } from '#database/handles.ts'
import { openBytes, sealBytes } from './envelope.ts'
import { subjectContext, type TenantKeys } from './tenant-keys.ts'

/** Makes keys for the subjects that have none, in one statement. */
export async function insertSubjectKeys(
  tx: Transaction,
  keys: TenantKeys,
  subjectIds: readonly string[],
): Promise<void> {
  if (subjectIds.length === 0) return
  await tx.change(
    `insert into subject_keys (tenant_id, subject_id, key_id, wrapped)
     select $1, n.subject_id, $2, n.wrapped from unnest($3::uuid[], $4::bytea[]) as n (subject_id, wrapped)
     on conflict do nothing`,
    [
      tx.tenantId,
      keys.currentId,
      subjectIds,
      subjectIds.map((id) =>
        sealBytes(keys.current, subjectContext(tx.tenantId, id), randomBytes(32)),
      ),
    ],
  )
}

/** The opened keys of those subjects that still have one. */
export async function selectSubjectKeys(
  reader: Reader,
  keys: TenantKeys,
  subjectIds: readonly string[],
): Promise<ReadonlyMap<string, Buffer>> {
  const rows = await reader.rows<{ subject_id: string; key_id: string; wrapped: Buffer }>(
    'select subject_id, key_id, wrapped from subject_keys where tenant_id = $1 and subject_id = any($2::uuid[])',
    [reader.tenantId, subjectIds],
  )
  return new Map(
    rows.map((row) => [
      row.subject_id,
      openBytes(
        keys.byId(row.key_id),
        subjectContext(reader.tenantId, row.subject_id),
        row.wrapped,
      ),
    ]),
  )
}
