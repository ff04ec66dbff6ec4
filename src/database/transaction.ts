import type pg from 'pg'
import { isTenantId } from '#foundation/ids.ts'
import { DatabaseFault } from './fault.ts'
import type { Reader, Transaction } from './handles.ts'
import { strip } from './strip.ts'

/** What `read` hands out: one snapshot, nothing can be changed. */
export const READ = 'begin isolation level repeatable read read only'
/** What `write` hands out. */
export const WRITE = 'begin isolation level read committed'

/** A handle on one connection between its begin and its end. */
export interface OpenTransaction {
  readonly handle: Transaction
  commit(): Promise<void>
  rollback(): Promise<void>
}

/** Begins a transaction that sees only the rows of `tenantId`: one round trip. */
export async function begin(
  client: pg.PoolClient,
  tenantId: string,
  mode: string,
  committed: (topic: string, tenantId: string) => void,
): Promise<OpenTransaction> {
  if (!isTenantId(tenantId)) throw new DatabaseFault('tenant_id')
  const run = async (text: string, values?: readonly unknown[]) => {
    try {
      return await client.query(text, values as unknown[] | undefined)
    } catch (thrown) {
      throw strip(thrown)
    }
  }
  await run(`${mode}; select set_config('sluss.tenant_id', '${tenantId}', true)`)
  const topics = new Set<string>()
  let ended = false
  const guarded = async (text: string, values?: readonly unknown[]) => {
    if (ended) throw new DatabaseFault('transaction_ended')
    return run(text, values)
  }
  const handle: Transaction & Reader = {
    tenantId,
    writes: true,
    rows: async <Row extends object>(text: string, values?: readonly unknown[]) =>
      (await guarded(text, values)).rows as Row[],
    change: async (text, values) => (await guarded(text, values)).rowCount ?? 0,
    announce: (topic) => {
      topics.add(topic)
    },
  }
  return {
    handle,
    commit: async () => {
      ended = true
      try {
        await client.query('commit')
      } catch (thrown) {
        throw strip(thrown, true)
      }
      for (const topic of topics) committed(topic, tenantId)
    },
    rollback: async () => {
      ended = true
      await run('rollback')
    },
  }
}
