import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createDecider } from '#access/create-decider.ts'
import { createGrant } from '#access/grants.ts'
import type { Access } from '#access/permission.ts'
import { loadPolicies } from '#access/policies.ts'
import type { Principal } from '#access/principal.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { type Database, INSTALLATION } from '#database/handles.ts'
import { type Clock, systemClock } from '#foundation/clock.ts'
import { silentLog } from '#foundation/log.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { type KeyRoom, createKeys } from '#keys/create-keys.ts'
import { fileRootKey } from '#keys/root-key.ts'
import { readEntries, readHead } from '#ledger/read.ts'
import { type Sequencer, startSequencer } from '#ledger/sequencer.ts'
import { type KeepBatch, type MinimisedRecord, keepRecords } from '#records/keep.ts'
import { listRecords } from '#records/list-records.ts'
import { createTenant } from '#tenants/create-tenant.ts'
import type { ViewingParts } from '#viewing/parts.ts'
import type { Viewer } from '#viewing/viewer.ts'
import { type Viewing, createViewing } from '#viewing/view.ts'
import { type TestDatabase, testDatabase } from './database.ts'

export const TENANT_NOW = Date.parse('2030-01-01T00:00:00Z')
export const SERIAL = 'device.serialNumber'
const POLICIES = join(import.meta.dirname, '..', 'policies')

/** Rights as an assignment gives them, without the room that works them out. */
export function accessOf(
  permissions: readonly string[],
  tags: 'all' | readonly string[] = 'all',
): Access {
  const held = new Set(permissions)
  return {
    permissions: held,
    may: (permission) => held.has(permission),
    tagsFor: (permission) =>
      held.has(permission) ? (tags === 'all' ? 'all' : new Set(tags)) : new Set(),
  }
}

export function principalOf(tenantId: string, accountId: string = randomUUID()): Principal {
  return {
    tenantId,
    accountId,
    kind: 'person',
    groups: [],
    personMarks: [],
    language: 'en',
    authenticatedAt: TENANT_NOW,
    methods: ['hwk'],
  }
}

export const ADMIN_RIGHTS = [
  'Managed devices/Read',
  'Personal data/Read',
  'Personal data/Reveal',
  'Audit data/Read',
  'Support requests/Read',
]

export function adminOf(
  tenantId: string,
  rights: readonly string[] = ADMIN_RIGHTS,
  tags: 'all' | readonly string[] = 'all',
): Viewer {
  return { principal: principalOf(tenantId), access: accessOf(rights, tags), tenantId }
}

export interface ViewingWorld {
  readonly test: TestDatabase
  readonly keys: KeyRoom
  readonly sequencer: Sequencer
  readonly rootKeyFile: string
  readonly parts: ViewingParts
  readonly viewing: Viewing
  /** A door on another node of the same database. */
  openSecond(rest?: Partial<ViewingParts>): Promise<{ viewing: Viewing; database: Database }>
  makeTenant(tenantId: string): Promise<void>
  keep(
    tenantId: string,
    records: readonly MinimisedRecord[],
    rest?: Partial<KeepBatch>,
  ): Promise<void>
  /** Ids of the tenant's records of the kind, in the order of their serial numbers. */
  recordIds(tenantId: string, kind?: 'device' | 'person'): Promise<readonly string[]>
  /** A grant for a new operator account, and that operator as a viewer under it. */
  grant(tenantId: string, rest: GrantWishes): Promise<Viewer & { grantId: string }>
  entries(tenantId: string): Promise<Awaited<ReturnType<typeof readEntries>>>
  stop(): Promise<void>
}

export interface GrantWishes {
  readonly records: readonly string[]
  readonly items: readonly string[]
  readonly precision?: 'exact' | 'masked'
  readonly durationMs?: number
  readonly approvedAt: number
}

/** The door with everything real below it: a database, keys, policies and a sequencer. */
export async function viewingWorld(
  rest: Partial<ViewingParts> & { clock?: Clock } = {},
): Promise<ViewingWorld> {
  const test = await testDatabase()
  const folder = await mkdtemp(join(tmpdir(), 'sluss-viewing-'))
  const rootKeyFile = join(folder, 'root.key')
  const rootKey = await fileRootKey(rootKeyFile)
  const keys = await createKeys({ database: test.database, rootKey })
  const sequencer = startSequencer({
    database: test.database,
    ledgerName: 'test',
    signer: await keys.signer('ledger'),
    clock: systemClock,
    log: silentLog,
  })
  await test.database.write(INSTALLATION, (tx) => keys.createTenantKeys(tx))
  const parts: ViewingParts = {
    database: test.database,
    catalog: shippedCatalog,
    decider: createDecider(await loadPolicies(POLICIES)),
    keys,
    access: {
      of: () => Promise.reject(new Error('no access reader in this test')),
    },
    lease: { held: () => true },
    clock: systemClock,
    log: silentLog,
    ...rest,
  }
  const viewing = await createViewing(parts)
  const undo: (() => Promise<unknown>)[] = []
  return {
    test,
    keys,
    sequencer,
    rootKeyFile,
    parts,
    viewing,
    openSecond: async (more = {}) => {
      const database = await test.openSecond()
      const second = await createViewing({ ...parts, database, ...more })
      undo.push(second.close)
      return { viewing: second, database }
    },
    makeTenant: (tenantId) =>
      test.database.write(tenantId, async (tx) => {
        await createTenant(tx, keys, {
          name: 'Example',
          region: 'EU',
          actor: 'operator:1',
          at: TENANT_NOW,
        })
      }),
    keep: (tenantId, records, more = {}) =>
      test.database.write(tenantId, async (tx) => {
        const subjectItem = more.subjectItem ?? SERIAL
        await keepRecords(tx, keys, parts.catalog, {
          connectionId: 'apple',
          kind: 'device',
          subjectItem,
          records: records.map((items) => ({
            subject: String(items[subjectItem]),
            items,
            removed: false,
          })),
          now: TENANT_NOW,
          ...more,
        })
      }),
    recordIds: (tenantId, kind = 'device') =>
      test.database.read(tenantId, async (reader) => {
        const bounds = { kind, tags: 'all' as const, mayFilter: () => true }
        const query = { orderBy: [], top: 10_000, skip: 0, count: false }
        const page = await listRecords(reader, parts, bounds, query)
        if (isRefusal(page)) return []
        const serial = (row: (typeof page.rows)[number]) => String(row.items[SERIAL])
        return page.rows
          .toSorted((a, b) => (serial(a) < serial(b) ? -1 : 1))
          .map((row) => row.recordId)
      }),
    grant: async (tenantId, wishes) => {
      const principal = principalOf(INSTALLATION)
      const grantId = randomUUID()
      await test.database.write(tenantId, (tx) =>
        createGrant(tx, {
          grantId,
          requestId: randomUUID(),
          caseId: randomUUID(),
          operatorAccountId: principal.accountId,
          kind: 'approved',
          items: new Set(wishes.items),
          records: wishes.records,
          precision: wishes.precision ?? 'masked',
          purpose: 'remote-assistance',
          starts: 'firstUse',
          approvedAt: wishes.approvedAt,
          durationMs: wishes.durationMs ?? 3_600_000,
          lapsesAt: wishes.approvedAt + 24 * 3_600_000,
        }),
      )
      return { principal, access: accessOf(['Support access/Request']), tenantId, grantId }
    },
    entries: async (tenantId) => {
      await sequencer.settled()
      return test.database.read(tenantId, async (reader) =>
        readEntries(reader, 0, (await readHead(reader))?.size ?? 0),
      )
    },
    stop: async () => {
      for (const close of undo) await close()
      await viewing.close()
      await sequencer.stop()
      await keys.close()
      await test.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
