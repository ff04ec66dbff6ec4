import type { Reader, Transaction } from '#database/handles.ts'
import { type ConnectionBy, recordConnection } from './connection.ts'

/** What is known of a partner at the other end of a connection. */
export interface PartnerState {
  readonly heardAt: Date | undefined
  readonly unresponsiveAfterDays: number
}

const USUAL_DAYS = 7

/** The states of the tenant's connections, by connection; one that nothing is known of has none. */
export async function readPartnerStates(
  reader: Reader,
): Promise<ReadonlyMap<string, PartnerState>> {
  const rows = await reader.rows<{
    connection_id: string
    heard_at: Date | null
    unresponsive_after_days: number
  }>(
    'select connection_id, heard_at, unresponsive_after_days from partner_states where tenant_id = $1',
    [reader.tenantId],
  )
  return new Map(
    rows.map((row) => [
      row.connection_id,
      {
        heardAt: row.heard_at ?? undefined,
        unresponsiveAfterDays: row.unresponsive_after_days,
      },
    ]),
  )
}

export const UNHEARD: PartnerState = { heardAt: undefined, unresponsiveAfterDays: USUAL_DAYS }

/** The partner answered. Nothing is decided by it, so nothing is recorded. */
export async function markHeard(tx: Transaction, connectionId: string, at: number): Promise<void> {
  await tx.change(
    `insert into partner_states (tenant_id, connection_id, heard_at) values ($1, $2, $3)
     on conflict (tenant_id, connection_id) do update
       set heard_at = greatest(partner_states.heard_at, excluded.heard_at)`,
    [tx.tenantId, connectionId, new Date(at)],
  )
}

/** After how many days of silence the partner counts as unresponsive. */
export async function changeUnresponsiveAfter(
  tx: Transaction,
  connectionId: string,
  days: number,
  by: ConnectionBy,
): Promise<void> {
  await tx.change(
    `insert into partner_states (tenant_id, connection_id, unresponsive_after_days) values ($1, $2, $3)
     on conflict (tenant_id, connection_id) do update set unresponsive_after_days = $3`,
    [tx.tenantId, connectionId, days],
  )
  await recordConnection(tx, connectionId, 'unresponsive-after', by)
}
