import { groupCommits } from '#database/group.ts'
import { newId } from '#foundation/ids.ts'
import { testDatabase } from '../test/database.ts'

const ROW = Buffer.alloc(700, 'x')

/** Fixed rows made durable in grouped commits, on a PostgreSQL of its own, and nothing else. */
export async function durableRows(): Promise<{ write(): Promise<true>; stop(): Promise<void> }> {
  const { database, stop } = await testDatabase()
  const rows = groupCommits<true, true>(async (tenantId, waiting) => {
    await database.write(tenantId, (tx) =>
      tx.change('insert into ledger_waiting (tenant_id, entry_ids, entries) values ($1, $2, $3)', [
        tx.tenantId,
        waiting.map(newId),
        Buffer.concat(waiting.map(() => ROW)),
      ]),
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
