import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { accountHolder } from '#access/account-holder.ts'
import { type AccountParts } from '#access/account.ts'
import { createAccount } from '#access/account-updates.ts'
import { createPersonMarks } from '#access/person-mark.ts'
import { actorHolder } from '#agreements/actor-holder.ts'
import type { Catalog } from '#catalog/catalog.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { INSTALLATION } from '#database/handles.ts'
import { type ManualClock, manualClock, toTimestamp } from '#foundation/clock.ts'
import { newOrderedId } from '#foundation/ids.ts'
import { silentLog } from '#foundation/log.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { type KeyRoom, createKeys } from '#keys/create-keys.ts'
import { fileRootKey } from '#keys/root-key.ts'
import { append } from '#ledger/append.ts'
import type { Entry } from '#ledger/entry.ts'
import { type Sequencer, startSequencer } from '#ledger/sequencer.ts'
import { noticeHolder } from '#notify/notice-holder.ts'
import { type MinimisedRecord, type RecordKind, keepRecords } from '#records/keep.ts'
import { recordHolder } from '#records/read.ts'
import { findSubject } from '#records/subjects.ts'
import { partyNameHolder } from '#sharing/party-name-holder.ts'
import { directoryHolder, requestHolder } from '#subjects/holders.ts'
import type { By, RightsParts } from '#subjects/parts.ts'
import { collect } from '#subjects/request-collect.ts'
import type { RequestSubject } from '#subjects/request.table.ts'
import type { RequestType } from '#subjects/request.ts'
import { openRequest, readServable } from '#subjects/requests.ts'
import { type ViewPage, viewPages } from '#subjects/view.ts'
import { followSightings } from '#subjects/view-sightings.ts'
import { supportHolder } from '#support/support-holder.ts'
import { createTenant } from '#tenants/create-tenant.ts'
import { revealReasonHolder } from '#viewing/reveal-reasons.ts'
import { type TestDatabase, testDatabase } from './database.ts'
import { temporaryFolder } from './folder.ts'

export const ACME = 'acme'
export const BETA = 'beta'
export const SERIAL = 'device.serialNumber'
export const MAIL = 'person.userEmail'
export const NAME = 'person.userName'
export const START = Date.parse('2030-01-01T08:00:00Z')

/** The rooms that a request of a person goes through, over a real database and log. */
export interface RightsWorld {
  readonly test: TestDatabase
  readonly keys: KeyRoom
  readonly clock: ManualClock
  readonly sequencer: Sequencer
  readonly parts: RightsParts
  readonly officer: By
  by(): By
  keep(tenantId: string, records: readonly MinimisedRecord[], kind?: RecordKind): Promise<void>
  subjectOf(tenantId: string, serial: string): Promise<string>
  /** An entry about these devices, by serial number, as the doors write it; answers its id. */
  tell(
    tenantId: string,
    kind: 'disclosure' | 'read',
    serials: readonly string[],
    more?: Partial<Entry>,
  ): Promise<string>
  append(tenantId: string, kind: Entry['kind'], data: Entry['data']): Promise<string>
  /** A request whose person is known and looked up; answers its id. */
  ask(tenantId: string, subject: Partial<RequestSubject>, type?: RequestType): Promise<string>
  view(tenantId: string, requestId: string): Promise<ViewPage>
  stop(): Promise<void>
}

export async function rightsWorld(catalog: Catalog = shippedCatalog): Promise<RightsWorld> {
  const folder = await temporaryFolder('rights')
  const test = await testDatabase()
  const { database } = test
  const clock = manualClock(START)
  const keys = await createKeys({ database, rootKey: await fileRootKey(join(folder, 'root.key')) })
  await database.write(INSTALLATION, (tx) => keys.createTenantKeys(tx))
  for (const tenantId of [ACME, BETA])
    await database.write(tenantId, (tx) =>
      createTenant(tx, keys, {
        name: tenantId,
        region: 'EU',
        actor: 'operator:test',
        at: clock.now(),
      }),
    )
  const sequencer = startSequencer({
    database,
    ledgerName: 'sluss.example',
    signer: await keys.signer('ledger'),
    clock,
    log: silentLog,
  })
  const accounts: AccountParts = {
    keys,
    marks: await createPersonMarks(database, keys),
    administrators: async () => new Set(),
    makeAdministrator: async () => {},
  }
  const parts: RightsParts = {
    database,
    keys,
    catalog,
    accounts,
    ledgerName: 'sluss.example',
    settled: () => sequencer.settled(),
    holders: [
      recordHolder(keys),
      accountHolder(accounts, () => clock.now()),
      revealReasonHolder(keys),
      supportHolder(),
      noticeHolder(),
      actorHolder(),
      partyNameHolder(),
      directoryHolder(keys),
      requestHolder(keys, () => clock.now()),
    ],
  }
  const actor = { actor: 'operator:test', at: clock.now() }
  const owners = new Map<string, string>()
  for (const tenantId of [ACME, BETA]) {
    const account = {
      kind: 'person',
      displayName: 'Privacy Officer',
      mail: `officer@${tenantId}.example.org`,
    } as const
    const made = await database.write(tenantId, (tx) => createAccount(tx, accounts, account, actor))
    if (isRefusal(made)) throw new Error(made.refused)
    owners.set(tenantId, made)
  }
  const officerId = owners.get(ACME) ?? ''
  const by = (): By => ({ actor: `admin:${officerId}`, accountId: officerId, at: clock.now() })
  const subjectOf = async (tenantId: string, serial: string): Promise<string> =>
    (await database.read(tenantId, (reader) => findSubject(reader, keys, SERIAL, serial))) ?? ''
  const write = async (tenantId: string, entry: Omit<Entry, 'id' | 'at'>): Promise<string> => {
    const id = newOrderedId(clock.now())
    await database.write(tenantId, (tx) =>
      append(tx, { id, at: toTimestamp(clock.now()), ...entry }),
    )
    return id
  }
  const world: RightsWorld = {
    test,
    keys,
    clock,
    sequencer,
    parts,
    officer: by(),
    by,
    subjectOf,
    keep: (tenantId, records, kind = 'device') =>
      database.write(tenantId, async (tx) => {
        await keepRecords(tx, keys, catalog, {
          connectionId: 'mdm',
          kind,
          subjectItem: SERIAL,
          records: records.map((items) => ({
            subject: String(items[SERIAL]),
            items,
            removed: false,
          })),
          now: clock.now(),
        })
      }),
    append: (tenantId, kind, data) => write(tenantId, { kind, data, actor: 'node:test' }),
    tell: async (tenantId, kind, serials, more = {}) => {
      const ids: string[] = []
      for (const serial of serials) ids.push(await subjectOf(tenantId, serial))
      const names = await database.read(tenantId, (reader) => keys.subjectCommitments(reader, ids))
      const subjects = ids.map((id) => names.get(id) ?? '')
      const data =
        kind === 'disclosure'
          ? {
              party: 'apple',
              flow: 'apple-device-enrollment/outbound',
              purpose: 'device-management',
              items: { [SERIAL]: ['exact', 1] },
              subjects,
            }
          : {
              viewer: 'admin',
              purpose: 'tenant-administration',
              kind: 'device',
              records: [{ connection: 'mdm', subjects }],
              shown: { exact: [SERIAL], masked: { [MAIL]: 'domain' } },
            }
      return write(tenantId, {
        kind,
        actor: 'admin:somebody',
        ...more,
        data: { ...data, ...more.data },
      })
    },
    ask: async (tenantId, subject, type = 'access') => {
      const whole = { firstName: '', lastName: '', email: '', names: [], ...subject }
      const owner = owners.get(tenantId) ?? ''
      const asked = {
        type,
        subject: whole,
        cameBy: 'admin',
        owner,
        language: 'en',
        identityBy: 'knownInPerson',
      } as const
      const made = await database.write(tenantId, (tx) => openRequest(tx, parts, asked, by()))
      if (isRefusal(made)) throw new Error(made.refused)
      await collect(parts, tenantId, made, by())
      return made
    },
    view: async (tenantId, requestId) => {
      await followSightings(parts, tenantId)
      const served = await database.read(tenantId, (reader) =>
        readServable(reader, parts, requestId),
      )
      if (isRefusal(served)) throw new Error(served.refused)
      const all = { held: [], shared: [], looks: [], laterLooks: 0 } as {
        held: ViewPage['held'][number][]
        shared: ViewPage['shared'][number][]
        looks: ViewPage['looks'][number][]
        laterLooks: number
      }
      for await (const page of viewPages(parts, tenantId, served, clock.now())) {
        all.held.push(...page.held)
        all.shared.push(...page.shared)
        all.looks.push(...page.looks)
        all.laterLooks += page.laterLooks
      }
      return all
    },
    stop: async () => {
      await sequencer.stop()
      await keys.close()
      await test.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
  return world
}
