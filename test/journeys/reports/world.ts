import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Principal } from '#access/principal.ts'
import { createKeys } from '#keys/create-keys.ts'
import { fileRootKey } from '#keys/root-key.ts'
import type { Keys } from '#keys/keys.ts'
import type { Entry } from '#ledger/entry.ts'
import { type ReportRequest, readReport } from '#reports/reports.ts'
import { changeReportSettings, type ReportSettings } from '#reports/settings.ts'
import { createTenant } from '#tenants/create-tenant.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { type TestDatabase, testDatabase, waitingEntries } from '../../database.ts'
import { temporaryFolder } from '../../folder.ts'

export const ACME = 'acme'
export const START = Date.parse('2030-03-10T12:00:00Z')
export const DAY_IN_MS = 86_400_000

export interface Fleet {
  readonly platform?: string
  readonly model?: string
  readonly tags?: readonly string[]
  readonly clear?: object
  readonly subject?: string
  readonly connection?: string
  readonly seen?: number
}

export type ReportWorld = Awaited<ReturnType<typeof startReportWorld>>

/** A tenant with devices as the test puts them, and somebody who asks for reports. */
export async function startReportWorld() {
  const test: TestDatabase = await testDatabase()
  const folder = await temporaryFolder('reports')
  const keys: Keys = await createKeys({
    database: test.database,
    rootKey: await fileRootKey(join(folder, 'root.key')),
  })
  const found = async (tenantId: string) =>
    test.database.write(tenantId, (tx) =>
      createTenant(tx, keys, { name: tenantId, region: 'EU', actor: 'admin:a', at: START }),
    )
  await found(ACME)
  const asker = (
    over: Partial<ReportRequest> & { tags?: 'all' | string[]; service?: string } = {},
  ) => {
    const { tags = 'all', service, ...rest } = over
    const principal: Principal = {
      tenantId: ACME,
      accountId: service ?? randomUUID(),
      kind: service === undefined ? 'person' : 'service',
      groups: [],
      personMarks: [],
      language: 'en',
      authenticatedAt: START,
      methods: [],
    }
    const scope = tags === 'all' ? ('all' as const) : new Set(tags)
    const permissions = new Set(['Reports/Read'])
    const access = { may: (one: string) => permissions.has(one), tagsFor: () => scope, permissions }
    return { principal, access, report: 'devicesByModel', now: START, ...rest }
  }
  return {
    test,
    keys,
    parts: { database: test.database, keys },
    asker,
    found,
    /** Puts devices there, `count` alike. */
    add: (count: number, fleet: Fleet = {}, tenantId = ACME) =>
      test.ownerQuery(
        `insert into records (tenant_id, record_id, subject_id, connection_id, kind, clear, sealed, first_seen, last_seen, scope_tags)
         select $1, gen_random_uuid(), coalesce($2::uuid, gen_random_uuid()), $3, 'device', $4::jsonb, '', $5, $5, $6
           from generate_series(1, $7)`,
        [
          tenantId,
          fleet.subject ?? null,
          fleet.connection ?? 'c',
          JSON.stringify({
            'device.platform': fleet.platform ?? 'iOS',
            'device.model': fleet.model ?? 'Phone A',
            ...fleet.clear,
          }),
          new Date(fleet.seen ?? START - 1_000),
          fleet.tags ?? ['default'],
          count,
        ],
      ),
    removeOne: (model: string) =>
      test.ownerQuery(
        `delete from records where record_id = (select record_id from records where clear ->> 'device.model' = $1 limit 1)`,
        [model],
      ),
    empty: () =>
      test.ownerQuery(
        'truncate records, report_settings, report_releases, report_deliveries, report_budgets',
      ),
    settle: async (change: Partial<ReportSettings>, at = START - 2 * DAY_IN_MS) => {
      const done = await test.database.write(ACME, (tx) =>
        changeReportSettings(tx, change, { actor: 'admin:a', at }),
      )
      if (isRefusal(done)) throw new Error(done.refused)
      return done
    },
    read: async (over: Parameters<typeof asker>[0] = {}) => {
      const read = await readReport({ database: test.database, keys }, asker(over))
      if (isRefusal(read)) throw new Error(read.refused)
      return read
    },
    refused: async (over: Parameters<typeof asker>[0] = {}) => {
      const read = await readReport({ database: test.database, keys }, asker(over))
      return isRefusal(read) ? read.refused : 'answered'
    },
    entries: async (kind: string): Promise<Entry[]> =>
      (await waitingEntries(test, ACME))
        .map(({ bytes }) => JSON.parse(bytes.toString()) as Entry)
        .filter((entry) => entry.kind === kind),
    stop: async () => {
      await test.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
