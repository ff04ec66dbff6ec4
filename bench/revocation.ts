import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ensureOperatorRealm } from '#access/account.ts'
import { createAccount } from '#access/account-updates.ts'
import { createAccessReader } from '#access/effective-reader.ts'
import { createPersonMarks } from '#access/person-mark.ts'
import type { Principal } from '#access/principal.ts'
import { makeAdministrator } from '#access/role-change.ts'
import { systemClock } from '#foundation/clock.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { createKeys } from '#keys/create-keys.ts'
import { fileRootKey } from '#keys/root-key.ts'
import { createTenant } from '#tenants/create-tenant.ts'
import { bumpFactsVersion } from '#tenants/facts-version.ts'
import { testDatabase } from '../test/database.ts'
import { temporaryFolder } from '../test/folder.ts'
import { type BenchResult, printResults, spread } from './result.ts'

const TENANT = 'bench'
const ROUNDS = 60
const PROMISED_IN_MS = 1_000

/**
 * From the commit that takes a role away on one node until another node, which had it in memory, refuses: two nodes
 * on one PostgreSQL, the promise is one second.
 */
export async function run(): Promise<BenchResult[]> {
  const folder = await temporaryFolder('revocation')
  const test = await testDatabase()
  const keys = await createKeys({
    database: test.database,
    rootKey: await fileRootKey(join(folder, 'root.key')),
  })
  const other = await test.openSecond()
  const access = await createAccessReader({ database: other, lease: { held: () => true } })
  await ensureOperatorRealm(test.database, keys)
  const by = { actor: 'operator:bench', at: systemClock.now() }
  await test.database.write(TENANT, (tx) =>
    createTenant(tx, keys, { name: 'Bench', region: 'EU', ...by }),
  )
  const marks = await createPersonMarks(test.database, keys)
  const account = { kind: 'person' as const, displayName: 'Somebody' }
  const accountId = await test.database.write(TENANT, (tx) =>
    createAccount(tx, { keys, marks }, account, by),
  )
  if (isRefusal(accountId)) throw new Error(accountId.message)
  const principal: Principal = {
    tenantId: TENANT,
    accountId,
    kind: 'person',
    groups: [],
    personMarks: [],
    language: 'en',
    authenticatedAt: by.at,
    methods: ['hwk'],
  }
  const holds = async (): Promise<boolean> => {
    const found = await access.of(principal)
    return !isRefusal(found) && found.may('Managed devices/Read')
  }
  const until = async (wanted: boolean): Promise<void> => {
    while ((await holds()) !== wanted) await new Promise(setImmediate)
  }
  const latencies: number[] = []
  try {
    for (let round = 0; round < ROUNDS; round++) {
      await test.database.write(TENANT, (tx) => makeAdministrator(tx, accountId, by))
      await until(true)
      await test.database.write(TENANT, async (tx) => {
        await tx.change('delete from role_assignments where tenant_id = $1', [TENANT])
        await bumpFactsVersion(tx)
      })
      const committed = performance.now()
      await until(false)
      latencies.push(performance.now() - committed)
    }
  } finally {
    await access.close()
    await keys.close()
    await test.stop()
    await rm(folder, { recursive: true, force: true })
  }
  return [
    {
      name: 'a role taken away is refused on another node',
      unit: 'ms',
      ours: spread(latencies),
      reference: 'the promised second (more is better)',
      ratio: spread(latencies.map((latency) => PROMISED_IN_MS / latency)),
      bar: 1,
    },
  ]
}

if (import.meta.main) printResults(await run())
