import { join } from 'node:path'
import { startBundled } from '#database/bundled/server.ts'
import { openDatabase } from '#database/database.ts'
import { groupCommits } from '#database/group.ts'
import { migrate } from '#database/migrate.ts'
import { systemClock } from '#foundation/clock.ts'
import { newId } from '#foundation/ids.ts'
import { silentLog } from '#foundation/log.ts'

const ROW = Buffer.alloc(700, 'x')

/** Fixed rows made durable in grouped commits, on a PostgreSQL of its own, and nothing else. */
export async function durableRows(
  folder: string,
): Promise<{ write(): Promise<true>; stop(): Promise<void> }> {
  const server = await startBundled({ folder, clock: systemClock, log: silentLog })
  await migrate({
    owner: server.owner,
    appPassword: server.app.password,
    folder: join(import.meta.dirname, '..', 'migrations'),
    log: silentLog,
  })
  const database = await openDatabase({ app: server.app, nodeId: newId(), log: silentLog })
  const rows = groupCommits<true, true>(async (tenantId, waiting) => {
    await database.write(tenantId, (tx) =>
      tx.change(
        `insert into ledger_queue (tenant_id, entry_id, entry)
         select $1, n.id, $3::bytea from unnest($2::uuid[]) as n (id)`,
        [tx.tenantId, waiting.map(newId), ROW],
      ),
    )
    return waiting
  })
  return {
    write: () => rows.submit('floor', true),
    stop: async () => {
      await rows.idle()
      await database.close()
      await server.stop()
    },
  }
}
