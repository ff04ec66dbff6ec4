import type { Reader } from '#database/handles.ts'

/** When the last event of each connection of the tenant arrived; a connection that sent none has no time. */
export async function readLastEvents(reader: Reader): Promise<ReadonlyMap<string, Date>> {
  const rows = await reader.rows<{ connection_id: string; arrived_at: Date }>(
    'select connection_id, max(arrived_at) as arrived_at from intake_events where tenant_id = $1 group by 1',
    [reader.tenantId],
  )
  return new Map(rows.map((row) => [row.connection_id, row.arrived_at]))
}
