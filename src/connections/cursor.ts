import type { Reader, Transaction } from '#database/handles.ts'

export interface KeptCursor {
  readonly phase: 'fetch' | 'sync'
  readonly cursor: string | undefined
}

/** How far this connection's devices have been taken in. */
export async function readCursor(reader: Reader, connectionId: string): Promise<KeptCursor> {
  const [row] = await reader.rows<{ phase: 'fetch' | 'sync'; cursor: string }>(
    'select phase, cursor from cursors where tenant_id = $1 and connection_id = $2',
    [reader.tenantId, connectionId],
  )
  return row ?? { phase: 'fetch', cursor: undefined }
}

/** Keeps the cursor in the commit of the batch it came with. */
export async function commitCursor(
  tx: Transaction,
  connectionId: string,
  phase: 'fetch' | 'sync',
  cursor: string,
  now: number,
): Promise<void> {
  await tx.change(
    `insert into cursors (tenant_id, connection_id, phase, cursor, committed_at) values ($1, $2, $3, $4, $5)
     on conflict (tenant_id, connection_id) do update set phase = $3, cursor = $4, committed_at = $5`,
    [tx.tenantId, connectionId, phase, cursor, new Date(now)],
  )
}
