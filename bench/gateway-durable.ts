import { groupCommits } from '#database/group.ts'
import { testDatabase } from '../test/database.ts'

const ROW = Buffer.alloc(700, 'x')

/** Fixed rows made durable in grouped commits, on a PostgreSQL of its own, and nothing else. */
export async function durableRows(): Promise<{ write(): Promise<true>; stop(): Promise<void> }> {
  const { database, ownerQuery, stop } = await testDatabase()
  await ownerQuery(
    `create table durable_rows (id bigint generated always as identity primary key, bytes bytea not null);
     grant insert on durable_rows to sluss_app`,
  )
  const rows = groupCommits<true, true>(async (tenantId, waiting) => {
    await database.write(tenantId, (tx) =>
      tx.change('insert into durable_rows (bytes) values ($1)', [
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
