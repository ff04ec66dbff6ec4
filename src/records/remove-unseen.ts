import type { Transaction } from '#database/handles.ts'
import type { RecordKind } from './keep.ts'

/**
 * Marks as removed what a complete walk through the party's list did not bring: records of the connection that were
 * last seen before the walk. They go with their retention.
 *
 * @returns how many
 */
export function removeUnseen(
  tx: Transaction,
  place: { readonly connectionId: string; readonly kind: RecordKind },
  walk: { readonly since: number; readonly now: number },
): Promise<number> {
  return tx.change(
    `update records set removed_at = $5
      where tenant_id = $1 and connection_id = $2 and kind = $3 and last_seen < $4 and removed_at is null`,
    [tx.tenantId, place.connectionId, place.kind, new Date(walk.since), new Date(walk.now)],
  )
}
