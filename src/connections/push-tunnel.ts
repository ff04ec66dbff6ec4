import { type Database, INSTALLATION, type Transaction } from '#database/handles.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { newOrderedId } from '#foundation/ids.ts'
import { append } from '#ledger/append.ts'

/** A tunnel to Apple's push service: where it leads, and the entry of its disclosure. */
export interface OpenTunnel {
  readonly tunnelId: string
  readonly connectionId: string
  readonly entryId: string
  readonly destination: string
  readonly nodeId: string
  /** Milliseconds since 1970. */
  readonly openedAt: number
}

/** What was measured of a tunnel. What was in it was not seen. */
export interface TunnelEnd {
  /** `closed`, the refusal that ended it, or `node_died`. */
  readonly reason: string
  /** Bytes towards Apple and back; undefined where nobody saw them. */
  readonly sent: number | undefined
  readonly received: number | undefined
  /** Milliseconds since 1970. */
  readonly at: number
}

/** Writes down that a tunnel is open, before anything passes. */
export async function recordTunnel(tx: Transaction, tunnel: OpenTunnel): Promise<void> {
  await tx.change(
    `insert into push_tunnels (tenant_id, tunnel_id, connection_id, entry_id, destination, node_id, opened_at)
     values ($1, $2, $3, $4, $5, $6, $7)`,
    [
      tx.tenantId,
      tunnel.tunnelId,
      tunnel.connectionId,
      tunnel.entryId,
      tunnel.destination,
      tunnel.nodeId,
      new Date(tunnel.openedAt),
    ],
  )
}

/** Records the end of a tunnel, once. Answers false where it has been recorded before. */
export async function recordTunnelEnd(
  tx: Transaction,
  tunnelId: string,
  end: TunnelEnd,
): Promise<boolean> {
  const [row] = await tx.rows<{
    connection: string
    entry: string
    destination: string
    opened: Date
  }>(
    `delete from push_tunnels where tenant_id = $1 and tunnel_id = $2
     returning connection_id as connection, entry_id as entry, destination, opened_at as opened`,
    [tx.tenantId, tunnelId],
  )
  if (!row) return false
  await append(tx, {
    id: newOrderedId(end.at),
    at: toTimestamp(end.at),
    kind: 'tunnel.closed',
    actor: `client:${row.connection}`,
    data: {
      of: row.entry,
      connection: row.connection,
      destination: row.destination,
      // The one exception of P1: nobody here can say what these bytes were.
      content: 'unseen',
      milliseconds: Math.max(0, end.at - row.opened.getTime()),
      sent: end.sent ?? null,
      received: end.received ?? null,
      reason: end.reason,
    },
  })
  return true
}

/** Closes, with sizes unknown, the tunnels of nodes that are gone. Answers how many there were. */
export async function recoverTunnels(
  database: Database,
  nodeIds: readonly string[],
  at: number,
): Promise<number> {
  if (nodeIds.length === 0) return 0
  const left = await database.read(INSTALLATION, (reader) =>
    reader.rows<{ tenant_id: string; tunnel_id: string }>(
      'select tenant_id, tunnel_id from sluss_tunnels_of($1)',
      [nodeIds],
    ),
  )
  for (const { tenant_id: tenantId, tunnel_id: tunnelId } of left)
    await database.write(tenantId, (tx) =>
      recordTunnelEnd(tx, tunnelId, {
        reason: 'node_died',
        sent: undefined,
        received: undefined,
        at,
      }),
    )
  return left.length
}
