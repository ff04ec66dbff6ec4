import { groupCommits } from '#database/group.ts'
import { newId } from '#foundation/ids.ts'
import { testDatabase } from '../test/database.ts'

const ROW = Buffer.alloc(700, 'x')

/** Fixed rows made durable in grouped commits, on a PostgreSQL of its own, and nothing else. */
export async function durableRows(): Promise<{ write(): Promise<true>; stop(): Promise<void> }> {
  const { database, stop } = await testDatabase()
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
      await stop()
    },
  }
}
