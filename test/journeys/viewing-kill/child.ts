import { createDecider } from '#access/create-decider.ts'
import { loadPolicies } from '#access/policies.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { openDatabase } from '#database/database.ts'
import type { PoolSettings } from '#database/pool.ts'
import { systemClock } from '#foundation/clock.ts'
import { silentLog } from '#foundation/log.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { createKeys } from '#keys/create-keys.ts'
import { fileRootKey } from '#keys/root-key.ts'
import type { ViewPoint } from '#viewing/parts.ts'
import { createViewing } from '#viewing/view.ts'
import { TENANT, adminNamed } from './viewer.ts'

/** What this process is given: where the database is, and at which passing of which point it dies. */
export interface Orders {
  readonly app: PoolSettings
  readonly rootKeyFile: string
  readonly policies: string
  readonly dieAt?: { readonly point: ViewPoint; readonly passing: number }
}
/** One look, by an account of its own. */
export interface Ask {
  readonly accountId: string
}
export type Report =
  | { readonly ready: true }
  | { readonly accountId: string; readonly served: readonly string[] }

let passed = 0

async function start({ app, rootKeyFile, policies, dieAt }: Orders): Promise<void> {
  const database = await openDatabase({ app, nodeId: String(process.pid), log: silentLog })
  const keys = await createKeys({ database, rootKey: await fileRootKey(rootKeyFile) })
  const viewing = await createViewing({
    database,
    keys,
    catalog: shippedCatalog,
    decider: createDecider(await loadPolicies(policies)),
    access: { of: () => Promise.reject(new Error('no stream here')) },
    lease: { held: () => true },
    clock: systemClock,
    log: silentLog,
    reached: (point) => {
      if (dieAt && point === dieAt.point && ++passed === dieAt.passing)
        process.kill(process.pid, 'SIGKILL')
    },
  })
  process.on('message', ({ accountId }: Ask) => {
    const query = { orderBy: [], top: 7, skip: 0, count: false }
    void viewing.listRecords(adminNamed(accountId), { kind: 'device', query }).then((page) => {
      if (isRefusal(page)) throw new Error(`${TENANT}: ${page.refused}`)
      process.send?.({ accountId, served: page.rows.map((row) => row.recordId) } satisfies Report)
    })
  })
  process.send?.({ ready: true } satisfies Report)
}

process.once('message', (orders: Orders) => void start(orders))
