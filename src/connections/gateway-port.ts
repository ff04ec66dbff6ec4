import type { Reader, Transaction } from '#database/handles.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import { type ConnectionBy, listGateways, recordConnection } from './connection.ts'

/** Where gateways may listen: both ends included. */
export interface GatewayPorts {
  readonly from: number
  readonly to: number
  /** Taken by the node itself. */
  readonly except: readonly number[]
}

/** Stands for the lowest free port. */
export const ANY_PORT = 0

/**
 * The port that the connection's gateway may have, until the transaction ends: a port is one connection's only, whatever
 * tenant it is of.
 *
 * @returns `name_taken` for a port of another connection, `body_malformed` for one outside the range, `limit_reached`
 *   when none is free
 */
export async function freeGatewayPort(
  tx: Transaction,
  connectionId: string,
  wanted: number,
  ports: GatewayPorts,
): Promise<number | Refusal> {
  // Of two that want the same port at the same time, the second one sees that it is taken.
  await tx.rows(`select pg_advisory_xact_lock(hashtext('sluss gateway ports'))`)
  return pick(await takenPorts(tx, connectionId, ports), wanted, ports)
}

/**
 * Gives the connection's gateway its port, `ANY_PORT` one that is free; null closes the gateway. Every node follows when
 * this commits. Refuses as `freeGatewayPort` does.
 */
export async function chooseGatewayPort(
  tx: Transaction,
  connectionId: string,
  wanted: number | null,
  ports: GatewayPorts,
  by: ConnectionBy,
): Promise<Refusal | undefined> {
  const port = wanted === null ? null : await freeGatewayPort(tx, connectionId, wanted, ports)
  if (port !== null && isRefusal(port)) return port
  const changed = await tx.change(
    `update connections set gateway_port = $3
      where tenant_id = $1 and connection_id = $2 and gateway_port is distinct from $3`,
    [tx.tenantId, connectionId, port],
  )
  if (changed === 1) await recordConnection(tx, connectionId, 'gateway', by)
  return undefined
}

async function takenPorts(
  reader: Reader,
  connectionId: string,
  { except }: GatewayPorts,
): Promise<ReadonlySet<number>> {
  const others = (await listGateways(reader)).filter(
    (one) => one.tenantId !== reader.tenantId || one.connectionId !== connectionId,
  )
  return new Set([...others.map((one) => one.port), ...except])
}

function pick(
  taken: ReadonlySet<number>,
  wanted: number,
  { from, to }: GatewayPorts,
): number | Refusal {
  if (wanted === ANY_PORT) {
    for (let port = from; port <= to; port++) if (!taken.has(port)) return port
    return refuse('limit_reached', { field: 'gatewayPort' })
  }
  if (wanted < from || wanted > to)
    return refuse('body_malformed', { field: 'gatewayPort', expected: `${from} to ${to}` })
  return taken.has(wanted) ? refuse('name_taken', { field: 'gatewayPort' }) : wanted
}
