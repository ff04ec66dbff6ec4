import type { Reader, Transaction } from '#database/handles.ts'
import type { KeyRoom } from '#keys/create-keys.ts'

const DAY_IN_MS = 86_400_000
/** After an erasure the wrapping key is changed within so long, for all erasures since at once. */
const ROTATED_WITHIN_IN_MS = 7 * DAY_IN_MS
/** And so long after that, the old one is destroyed: in all well within 30 days. */
const RETIRED_KEPT_IN_MS = 14 * DAY_IN_MS

type Rotating = Pick<KeyRoom, 'rotateTenantKey' | 'destroyRetiredKeys'>

/**
 * What a person's key was wrapped under does not stay either: what is left of a wrapped key in a free page, a segment of
 * the write-ahead log or a copy of that table opens nothing once the tenant's wrapping key was changed and the old one
 * destroyed. Changed when the first erasure since the last change is a week old.
 *
 * @param now milliseconds since 1970
 * @returns whether it was changed
 */
export async function rotateAfterErasures(
  tx: Transaction,
  keys: Rotating,
  now: number,
): Promise<boolean> {
  await keys.destroyRetiredKeys(tx, new Date(now - RETIRED_KEPT_IN_MS))
  if (!(await isDue(tx, now))) return false
  await keys.rotateTenantKey(tx)
  await tx.change(
    `insert into erasure_rotations (tenant_id, rotated_at) values ($1, $2)
     on conflict (tenant_id) do update set rotated_at = $2`,
    [tx.tenantId, new Date(now)],
  )
  return true
}

async function isDue(reader: Reader, now: number): Promise<boolean> {
  const [row] = await reader.rows<{ due: boolean }>(
    `select exists (
       select from erasures e where e.tenant_id = $1 and e.keys_destroyed_at <= $2
          and e.keys_destroyed_at > coalesce(
            (select r.rotated_at from erasure_rotations r where r.tenant_id = $1), '-infinity')) as due`,
    [reader.tenantId, new Date(now - ROTATED_WITHIN_IN_MS)],
  )
  return row?.due ?? false
}
