import type { Clock } from '#foundation/clock.ts'
import type { Log } from '#foundation/log.ts'
import { type Database, INSTALLATION } from './handles.ts'

/** How long a node may act on what it knows after it last heard from the database. */
export const LEASE_IN_MS = 5_000
const HEARTBEAT_IN_MS = 1_000
/** Others take a node for dead only well after it has stopped acting by itself. */
const DEAD_AFTER = '15 seconds'

export interface Lease {
  /** False once the database has not confirmed this node for `LEASE_IN_MS`, counted from before it was asked. */
  held(): boolean
  /** Nodes whose lease has long ended, by the database's clock, this one never among them. */
  deadNodes(): Promise<readonly string[]>
  forget(nodeId: string): Promise<void>
  stop(): Promise<void>
}

/** Registers the node and keeps its lease alive with a heartbeat each second. */
export async function holdLease(database: Database, clock: Clock, log: Log): Promise<Lease> {
  let confirmed = clock.elapsed()
  let beating: Promise<void> | undefined
  const beat = async (): Promise<void> => {
    const asked = clock.elapsed()
    await database.write(INSTALLATION, (tx) =>
      tx.change(
        `insert into nodes (tenant_id, node_id) values ($1, $2)
         on conflict (tenant_id, node_id) do update set seen_at = now()`,
        [INSTALLATION, database.nodeId],
      ),
    )
    confirmed = asked
  }
  await beat()
  const timer = setInterval(() => {
    beating ??= beat()
      .catch(() => log.warn('the database did not confirm this node', { nodeId: database.nodeId }))
      .finally(() => {
        beating = undefined
      })
  }, HEARTBEAT_IN_MS)
  timer.unref()
  const forget = (nodeId: string): Promise<void> =>
    database.write(INSTALLATION, async (tx) => {
      await tx.change('delete from nodes where tenant_id = $1 and node_id = $2', [
        INSTALLATION,
        nodeId,
      ])
    })
  return {
    held: () => clock.elapsed() - confirmed < LEASE_IN_MS,
    deadNodes: () =>
      database.read(INSTALLATION, async (reader) => {
        const rows = await reader.rows<{ node_id: string }>(
          `select node_id from nodes where seen_at < now() - interval '${DEAD_AFTER}' and node_id <> $1`,
          [database.nodeId],
        )
        return rows.map((row) => row.node_id)
      }),
    forget,
    stop: async () => {
      clearInterval(timer)
      await beating
      await forget(database.nodeId).catch(() =>
        log.warn('the node could not sign off', { nodeId: database.nodeId }),
      )
    },
  }
}
