import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAccount } from '#access/account-updates.ts'
import { ensureOperatorRealm } from '#access/account.ts'
import { createPersonMarks } from '#access/person-mark.ts'
import { INSTALLATION, type Reader } from '#database/handles.ts'
import type { ManualClock } from '#foundation/clock.ts'
import { manualClock } from '#foundation/clock.ts'
import { silentLog } from '#foundation/log.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { type KeyRoom, createKeys } from '#keys/create-keys.ts'
import { fileRootKey } from '#keys/root-key.ts'
import { createAudiences } from '#notify/audience.ts'
import type { MailSettings, NotifyParts } from '#notify/parts.ts'
import { createTenant } from '#tenants/create-tenant.ts'
import { type SandboxMail, startSandboxMail } from '../../../sandbox/mail/server.ts'
import { type TestDatabase, testDatabase, waitingEntries } from '../../database.ts'

export const ACME = 'acme'
export const OTHER = 'other'
export const PRIVACY_MAIL = 'privacy@acme.example.org'

/** Who has which permission, without the rooms of roles: the test says it. */
export type Holders = Map<string, Set<string>>

export interface NoticeTest {
  readonly test: TestDatabase
  readonly keys: KeyRoom
  readonly rootKeyFile: string
  readonly clock: ManualClock
  readonly mail: SandboxMail
  readonly holders: Holders
  /** An account with an address of its own, `<name>@<tenant>.example.org`. */
  person(tenantId: string, name: string, language: 'en' | 'sv', ...may: string[]): Promise<string>
  parts(change?: Partial<NotifyParts>): NotifyParts
  entries(tenantId: string): Promise<{ kind: string; data: Record<string, unknown> }[]>
  stop(): Promise<void>
}

export function holdersOf(holders: Holders) {
  return async (reader: Reader, permission: string) =>
    holders.get(`${reader.tenantId} ${permission}`) ?? []
}

/** Two tenants and the operator on a real database, with a stand-in mail relay. */
export async function startNoticeTest(): Promise<NoticeTest> {
  const test = await testDatabase()
  const folder = await mkdtemp(join(tmpdir(), 'sluss-notices-'))
  const rootKeyFile = join(folder, 'root.key')
  const { database } = test
  const keys = await createKeys({ database, rootKey: await fileRootKey(rootKeyFile) })
  const clock = manualClock('2030-01-01T12:00:00Z')
  const mail = await startSandboxMail()
  const holders: Holders = new Map()
  await ensureOperatorRealm(database, keys)
  const marks = await createPersonMarks(database, keys)
  for (const tenantId of [ACME, OTHER])
    await database.write(tenantId, (tx) =>
      createTenant(tx, keys, {
        name: tenantId,
        region: 'EU',
        ...(tenantId === ACME ? { privacyContact: PRIVACY_MAIL } : {}),
        actor: 'operator:test',
        at: clock.now(),
      }),
    )
  const by = () => ({ actor: 'operator:test', at: clock.now() })
  return {
    test,
    keys,
    rootKeyFile,
    clock,
    mail,
    holders,
    person: async (tenantId, name, language, ...may) => {
      const domain = tenantId === INSTALLATION ? 'operator' : tenantId
      const account = {
        kind: 'person' as const,
        displayName: `${name} Example`,
        mail: `${name}@${domain}.example.org`,
        language,
      }
      const id = await database.write(tenantId, (tx) =>
        createAccount(tx, { keys, marks }, account, by()),
      )
      if (isRefusal(id)) throw new Error(id.refused)
      for (const permission of may) {
        const key = `${tenantId} ${permission}`
        holders.set(key, (holders.get(key) ?? new Set()).add(id))
      }
      return id
    },
    parts: (change) => ({
      database,
      keys,
      clock,
      log: silentLog,
      lease: { held: () => true },
      audiences: createAudiences({ keys, holders: holdersOf(holders) }),
      mail: mailTo(mail.port),
      webhook: { allowHttp: true, allowPrivateAddresses: true, timeoutMs: 1_000 },
      ...change,
    }),
    entries: async (tenantId) => {
      const rows = await waitingEntries(test, tenantId)
      return rows.map((row) => JSON.parse(row.bytes.toString()))
    },
    stop: async () => {
      await mail.stop()
      await keys.close()
      await test.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export const mailTo = (port: number, runBy: MailSettings['runBy'] = 'operator') => ({
  runBy,
  host: '127.0.0.1',
  port,
  security: 'none' as const,
  from: 'notices@sluss.example.org',
  timeoutMs: 2_000,
})
