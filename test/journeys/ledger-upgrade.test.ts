import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { cp, mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import pg from 'pg'
import { type BundledServer, startBundled } from '#database/bundled/server.ts'
import { openDatabase } from '#database/database.ts'
import type { Database } from '#database/handles.ts'
import { migrate } from '#database/migrate.ts'
import { driverConfig } from '#database/pool.ts'
import { systemClock } from '#foundation/clock.ts'
import { newOrderedId } from '#foundation/ids.ts'
import { silentLog } from '#foundation/log.ts'
import { appendAll } from '#ledger/append.ts'
import type { Entry } from '#ledger/entry.ts'
import { listEntries } from '#ledger/list-entries.ts'
import { prepareEntry } from '#ledger/prepare.ts'
import { findEntry, proveConsistency, readBundle, readEntries, readHead } from '#ledger/read.ts'
import { logKey } from '#ledger/sequence.ts'
import { startSequencer } from '#ledger/sequencer.ts'
import { packEntries } from '#ledger/verify/bundle.ts'
import { formatCheckpoint, openCheckpoint } from '#ledger/verify/checkpoint.ts'
import { leafHash, nodeHash, verifyConsistency } from '#ledger/verify/hash-tree.ts'
import { signNote } from '#ledger/verify/note.ts'
import { temporaryFolder } from '../folder.ts'
import { MIGRATIONS } from '../prepared-database.ts'

const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const signer = {
  publicKey: publicKey.export({ format: 'der', type: 'spki' }).subarray(-32),
  sign: (message: Buffer) => sign(null, message, privateKey),
}
const TENANT = 'old'
const key = logKey('sluss.example', TENANT, signer.publicKey)

const entry = (n: number): Entry => ({
  id: newOrderedId(1_900_000_000_000 + n),
  at: new Date(1_900_000_000_000 + n).toISOString(),
  kind: n % 3 === 0 ? 'disclosure' : 'outcome',
  actor: 'client:apple',
  data: { n, text: 'å' },
})
/** 300 had their place, in two bundles; seven waited, in two rows. */
const placed = Array.from({ length: 300 }, (_, n) => entry(n))
const waiting = Array.from({ length: 7 }, (_, n) => entry(1_000 + n))
const bytesOf = (entries: readonly Entry[]): Buffer[] =>
  entries.map((one) => prepareEntry(one).bytes)

/** RFC 6962 by its recursive definition. */
function rootOf(leaves: readonly string[]): string {
  if (leaves.length === 1) return leaves[0] ?? ''
  let k = 1
  while (k * 2 < leaves.length) k *= 2
  return nodeHash(rootOf(leaves.slice(0, k)), rootOf(leaves.slice(k)))
}
const leavesOf = (entries: readonly Entry[]): string[] => bytesOf(entries).map(leafHash)

describe('a ledger that kept its entries as bundles', () => {
  let folder: string
  let server: BundledServer
  let database: Database
  let before300 = ''

  before(async () => {
    folder = await temporaryFolder('upgrade')
    server = await startBundled({
      folder: join(folder, 'data'),
      clock: systemClock,
      log: silentLog,
    })
    const earlier = join(folder, 'migrations')
    await mkdir(earlier)
    for (const name of (await readdir(MIGRATIONS)).filter((one) => one < '0210'))
      await cp(join(MIGRATIONS, name), join(earlier, name))
    await migrateFrom(earlier)
    const owner = new pg.Client(driverConfig(server.owner))
    await owner.connect()
    before300 = await writeAsBefore(owner)
    await owner.end()
    await migrateFrom(MIGRATIONS)
    database = await openDatabase({ app: server.app, nodeId: 'new', log: silentLog })
  })
  after(async () => {
    await database.close()
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const migrateFrom = (from: string): Promise<void> =>
    migrate({ owner: server.owner, appPassword: server.app.password, folder: from, log: silentLog })

  it('P16 is the same log after the upgrade: entries, bundles, places and labels', async () => {
    await database.read(TENANT, async (reader) => {
      const entries = await readEntries(reader, 0, 1_000)
      assert.deepEqual(
        entries.map(({ index, id }) => [index, id]),
        placed.map(({ id }, index) => [index, id]),
      )
      for (const [index, from, to] of [
        [0, 0, 256],
        [1, 256, 300],
      ] as const) {
        const bundle = await readBundle(reader, index, to - from)
        assert.ok(bundle?.equals(packEntries(bytesOf(placed.slice(from, to)))))
      }
      assert.equal(await findEntry(reader, placed[299]?.id ?? ''), 299)
      assert.equal(await findEntry(reader, waiting[0]?.id ?? ''), undefined)
      const filter = { op: 'eq', field: 'kind', value: 'disclosure' } as const
      const query = { filter, orderBy: [], top: 200, skip: 0, count: true }
      assert.equal((await listEntries(reader, query)).count, 100)
    })
  })

  it('P16 goes on from where it was: what waited comes first, and the older checkpoint stays true', async () => {
    const parts = { ledgerName: 'sluss.example', signer, clock: systemClock, log: silentLog }
    const sequencer = startSequencer({ ...parts, database })
    const more = [entry(2_000), entry(2_001)]
    await database.write(TENANT, (tx) => appendAll(tx, more))
    await sequencer.settled()
    await database.read(TENANT, async (reader) => {
      const head = openCheckpoint((await readHead(reader))?.checkpoint ?? '', key)
      assert.ok(head)
      assert.equal(head.root, rootOf(leavesOf([...placed, ...waiting, ...more])))
      const older = openCheckpoint(before300, key)
      assert.ok(older)
      const proof = await proveConsistency(reader, older.size, head.size)
      assert.ok(verifyConsistency(older, head, proof))
    })
    await sequencer.stop()
  })
})

/** Rows as the version before wrote them. Answers the checkpoint. */
async function writeAsBefore(owner: pg.Client): Promise<string> {
  for (const [index, from, to] of [
    [0, 0, 256],
    [1, 256, 300],
  ] as const) {
    const some = placed.slice(from, to)
    const hashes = Buffer.from(leavesOf(some).join(''), 'latin1')
    await owner.query('insert into ledger_bundles values ($1, $2, $3)', [
      TENANT,
      index,
      packEntries(bytesOf(some)),
    ])
    await owner.query('insert into ledger_tiles values ($1, 0, $2, $3)', [TENANT, index, hashes])
  }
  const top = Buffer.from(rootOf(leavesOf(placed.slice(0, 256))), 'latin1')
  await owner.query('insert into ledger_tiles values ($1, 1, 0, $2)', [TENANT, top])
  for (const [index, { id, at, kind, actor }] of placed.entries())
    await owner.query('insert into ledger_places values ($1, $2, $3, $4, $5, $6)', [
      TENANT,
      id,
      index,
      at,
      kind,
      actor,
    ])
  for (const some of [waiting.slice(0, 3), waiting.slice(3)])
    await owner.query(
      'insert into ledger_waiting (tenant_id, entry_ids, entries) values ($1, $2, $3)',
      [TENANT, some.map((one) => one.id), packEntries(bytesOf(some))],
    )
  const checkpoint = signNote(
    formatCheckpoint({ origin: key.name, size: 300, root: rootOf(leavesOf(placed)) }),
    key,
    signer.sign,
  )
  await owner.query('insert into ledger_heads values ($1, 300, $2, now())', [TENANT, checkpoint])
  return checkpoint
}
