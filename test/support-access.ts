import { type KeyObject, generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readGrant } from '#access/grants.ts'
import type { PermissionId } from '#access/permission.ts'
import type { Principal } from '#access/principal.ts'
import { registerSigningKey } from '#access/signing-keys.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { type Database, INSTALLATION } from '#database/handles.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { silentLog } from '#foundation/log.ts'
import { type KeyRoom, createKeys } from '#keys/create-keys.ts'
import { fileRootKey } from '#keys/root-key.ts'
import { createTenant } from '#tenants/create-tenant.ts'
import type { SupportNotice, SupportParts } from '#support/parts.ts'
import { type Narrowing, type Support, createSupport } from '#support/support.ts'
import { type TestDatabase, testDatabase, waitingEntries } from './database.ts'

export const ACME = 'acme'
export const ITEMS = ['device.serialNumber', 'device.model'] as const
export const START = Date.parse('2030-01-01T00:00:00Z')
export const HOUR = 3_600_000
export const REASON = 'Enrolment of the phones fails with error 1204; need to see their state.'

/** A person of a test, with a key to sign with. */
export interface Person {
  readonly principal: Principal
  readonly privateKey: KeyObject
  readonly publicKey: Buffer
  keyId: string
}

export interface SupportBench {
  readonly test: TestDatabase
  readonly keys: KeyRoom
  readonly database: Database
  readonly support: Support
  readonly parts: SupportParts
  readonly notices: SupportNotice[]
  /** Records that exist, by tenant; `query` scopes mean all of them. */
  readonly records: string[]
  /** Whether an account holds a permission: all do unless it is named here as `account permission`. */
  readonly lost: Set<string>
  person(name: string, tenantId?: string, marks?: readonly string[]): Promise<Person>
  /** A second node on the same server. */
  secondNode(): Promise<{ support: Support; database: Database; parts: SupportParts }>
  entries(tenantId?: string): Promise<BenchEntry[]>
  stop(): Promise<void>
}

export interface BenchEntry {
  readonly kind: string
  readonly actor: string
  readonly at: string
  readonly data: Record<string, unknown>
  /** As it stands in the log. */
  readonly json: string
}

/** The support room on a real database, with everything beyond it in memory. */
export async function supportBench(): Promise<SupportBench> {
  const test = await testDatabase()
  return buildBench(test).catch(async (fault: unknown) => {
    await test.stop()
    throw fault
  })
}

async function buildBench(test: TestDatabase): Promise<SupportBench> {
  const folder = await mkdtemp(join(tmpdir(), 'sluss-support-'))
  const rootKey = await fileRootKey(join(folder, 'root.key'))
  const keys = await createKeys({ database: test.database, rootKey })
  const others: KeyRoom[] = []
  for (const tenantId of [ACME, 'beta'])
    await test.database.write(tenantId, (tx) =>
      createTenant(tx, keys, { name: tenantId, region: 'eu', actor: 'operator:setup', at: START }),
    )
  const notices: SupportNotice[] = []
  const records = Array.from({ length: 5 }, () => randomUUID()).sort()
  const lost = new Set<string>()
  const partsFor = (database: Database, room: KeyRoom): SupportParts => ({
    database,
    keys: room,
    catalog: shippedCatalog,
    lease: { held: () => true },
    log: silentLog,
    passkeys: { rpId: 'localhost', origins: ['https://localhost'] },
    resolveRecords: async (_reader, scope) =>
      scope.kind === 'records' ? records.filter((id) => scope.ids.includes(id)) : [...records],
    holds: async (_reader, principal, permission: PermissionId) =>
      !lost.has(`${principal.accountId} ${permission}`),
    holders: async () => [],
    notify: async (_tx, notice) => {
      notices.push(notice)
    },
  })
  const parts = partsFor(test.database, keys)
  return {
    test,
    keys,
    database: test.database,
    support: createSupport(parts),
    parts,
    notices,
    records,
    lost,
    person: (name, tenantId = INSTALLATION, marks = [`mark-${name}`]) =>
      makePerson(test.database, tenantId, marks),
    secondNode: async () => {
      const database = await test.openSecond()
      const room = await createKeys({ database, rootKey })
      others.push(room)
      const otherParts = partsFor(database, room)
      return { database, support: createSupport(otherParts), parts: otherParts }
    },
    entries: async (tenantId = ACME) => {
      const rows = await waitingEntries(test, tenantId)
      return rows.map((row) => ({
        ...(JSON.parse(row.bytes.toString()) as Omit<BenchEntry, 'json'>),
        json: row.bytes.toString(),
      }))
    },
    stop: async () => {
      await Promise.all([keys, ...others].map((room) => room.close()))
      await test.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function makePerson(
  database: Database,
  tenantId: string,
  personMarks: readonly string[],
): Promise<Person> {
  const accountId = randomUUID()
  const pair = generateKeyPairSync('ed25519')
  const publicKey = pair.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
  const principal: Principal = {
    tenantId,
    accountId,
    kind: 'person',
    groups: [],
    personMarks,
    language: 'en',
    authenticatedAt: START,
    methods: ['hwk'],
  }
  const keyId = await database.write(tenantId, (tx) =>
    registerSigningKey(
      tx,
      { accountId, kind: 'ed25519', publicKey },
      { actor: `admin:${accountId}`, at: START },
    ),
  )
  if (isRefusal(keyId)) throw new Error(keyId.message)
  return { principal, privateKey: pair.privateKey, publicKey, keyId }
}

/** Unwraps an answer that must not be a refusal. */
export function must<Result>(answer: Result): Exclude<Result, { refused: unknown }> {
  if (isRefusal(answer))
    throw new Error(`refused: ${answer.refused} ${JSON.stringify(answer.about)}`)
  return answer as Exclude<Result, { refused: unknown }>
}

/** The code of a refusal, or `ok`. */
export function code(answer: unknown): string {
  return isRefusal(answer) ? answer.refused : 'ok'
}

export function signed(person: Person, text: string) {
  return {
    kind: 'ed25519' as const,
    keyId: person.keyId,
    signature: sign(null, Buffer.from(text), person.privateKey).toString('base64url'),
  }
}

/** Reads what is asked, signs it and approves. */
export async function approveAs(
  support: Support,
  person: Person,
  requestId: string,
  now: number,
  narrowing: Narrowing = {},
) {
  const by = { principal: person.principal, now }
  const offer = await support.textToSign(requestId, narrowing, by)
  if (isRefusal(offer)) return offer
  const signature = signed(person, offer.text)
  return support.approve(
    requestId,
    { ...narrowing, records: offer.records, text: offer.text, signature },
    by,
  )
}

/** The grant of an approval, as it stands. */
export async function grantOf(bench: SupportBench, grantId: string) {
  const grant = await bench.database.read(ACME, (reader) => readGrant(reader, grantId))
  if (!grant) throw new Error('no such grant')
  return grant
}
