import assert from 'node:assert/strict'
import { mkdtemp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { generateKeyPairSync, sign } from 'node:crypto'
import { systemClock } from '#foundation/clock.ts'
import { newOrderedId } from '#foundation/ids.ts'
import { silentLog } from '#foundation/log.ts'
import { type TestDatabase, testDatabase } from '../../test/database.ts'
import { append, appendAll, entryBytes } from './append.ts'
import type { Entry } from './entry.ts'
import { prepareEntry, segmentValues } from './prepare.ts'
import {
  findEntry,
  proveConsistency,
  proveInclusion,
  readBundle,
  readEntries,
  readHead,
  readTile,
} from './read.ts'
import { logKey } from './sequence.ts'
import { startSequencer } from './sequencer.ts'
import { packEntries } from './verify/bundle.ts'
import { openCheckpoint } from './verify/checkpoint.ts'
import { leafHash, nodeHash, verifyConsistency, verifyInclusion } from './verify/hash-tree.ts'
import { tilePath, tilesOf } from './verify/tile.ts'
import { verifyFolder } from './verify/verify-folder.ts'

const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const signer = {
  publicKey: publicKey.export({ format: 'der', type: 'spki' }).subarray(-32),
  sign: (message: Buffer) => sign(null, message, privateKey),
}
const key = (tenantId: string) => logKey('sluss.example', tenantId, signer.publicKey)

let counter = 0
const entry = (): Entry => ({
  id: newOrderedId(1_900_000_000_000 + counter),
  at: '2030-01-01T00:00:00.000Z',
  kind: 'disclosure',
  actor: 'client:test',
  data: { n: counter++ },
})

/** RFC 6962 by its recursive definition, sharing nothing with the tiles. */
function naiveRoot(leaves: readonly string[]): string {
  if (leaves.length === 1) return leaves[0] ?? ''
  let k = 1
  while (k * 2 < leaves.length) k *= 2
  return nodeHash(naiveRoot(leaves.slice(0, k)), naiveRoot(leaves.slice(k)))
}

describe('ledger', () => {
  let test: TestDatabase
  const parts = () => ({ ledgerName: 'sluss.example', signer, clock: systemClock, log: silentLog })

  before(async () => {
    test = await testDatabase()
  })
  after(() => test.stop())

  it('P3 an entry exists exactly when the commit it is part of does', async () => {
    const kept = entry()
    const lost = entry()
    await test.database.write('commits', (tx) => append(tx, kept))
    await assert.rejects(
      test.database.write('commits', async (tx) => {
        await append(tx, lost)
        throw new Error('changed my mind')
      }),
    )
    const sequencer = startSequencer({ ...parts(), database: test.database })
    await sequencer.settled()
    await test.database.read('commits', async (reader) => {
      assert.equal(await findEntry(reader, kept.id), 0)
      assert.equal(await findEntry(reader, lost.id), undefined)
    })
    await sequencer.stop()
  })

  it('P16 two nodes sequencing one log make the same tree as RFC 6962 defines, and never fork', async () => {
    const second = await test.openSecond()
    const nodes = [test.database, second].map((database) => ({
      database,
      sequencer: startSequencer({ ...parts(), database }),
    }))
    const heads: string[] = []
    const writers = nodes.map(async ({ database }) => {
      for (let round = 0; round < 25; round++) {
        const some = Array.from({ length: 1 + ((round * 7) % 40) }, entry)
        await database.write('racing', (tx) => appendAll(tx, some))
        const head = await database.read('racing', readHead)
        if (head) heads.push(head.checkpoint)
      }
    })
    await Promise.all(writers)
    await Promise.all(nodes.map(({ sequencer }) => sequencer.settled()))

    await test.database.read('racing', async (reader) => {
      const head = await readHead(reader)
      const checkpoint = openCheckpoint(head?.checkpoint ?? '', key('racing'))
      assert.ok(checkpoint)
      const entries = await readEntries(reader, 0, checkpoint.size)
      assert.equal(new Set(entries.map((one) => one.id)).size, checkpoint.size)
      const leaves = entries.map(({ index: _, ...one }) => leafHash(entryBytes(without(one))))
      assert.equal(naiveRoot(leaves), checkpoint.root)
      for (const note of heads) {
        const older = openCheckpoint(note, key('racing'))
        assert.ok(older)
        assert.ok(
          verifyConsistency(
            older,
            checkpoint,
            await proveConsistency(reader, older.size, checkpoint.size),
          ),
        )
      }
      for (const index of [0, 1, 255, 256, checkpoint.size - 1]) {
        const proof = await proveInclusion(reader, index, checkpoint.size)
        assert.ok(
          verifyInclusion(leaves[index] ?? '', index, checkpoint.size, proof, checkpoint.root),
        )
        assert.ok(
          !verifyInclusion(
            leaves[index] ?? '',
            index,
            checkpoint.size,
            proof.slice(1),
            checkpoint.root,
          ),
        )
        assert.ok(
          !verifyInclusion(
            leafHash(Buffer.from('{}')),
            index,
            checkpoint.size,
            proof,
            checkpoint.root,
          ),
        )
      }
    })
    await Promise.all(nodes.map(({ sequencer }) => sequencer.stop()))
  })

  it('P9 a tenant does not see the log of another', async () => {
    await test.database.read('stranger', async (reader) => {
      assert.equal(await readHead(reader), undefined)
      assert.deepEqual(await readEntries(reader, 0, 10), [])
      assert.equal(await readTile(reader, 0, 0, 1), undefined)
    })
  })

  it('refuses to change what was published', async () => {
    await assert.rejects(
      test.database.write('racing', (tx) =>
        tx.change(
          `update ledger_tiles set hashes = set_byte(hashes, 0, get_byte(hashes, 0) # 1) where tenant_id = 'racing' and level = 0`,
        ),
      ),
      { code: '23514' },
    )
    await assert.rejects(
      test.database.write('racing', (tx) =>
        tx.change(`delete from ledger_segments where tenant_id = 'racing'`),
      ),
      { code: '42501' },
    )
  })

  it('P16 finds any one changed bit of a downloaded log', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluss-log-'))
    const head = await download('racing', folder)
    const clean = await verifyFolder(folder, key('racing'))
    assert.deepEqual(clean.findings, [])
    assert.equal(clean.entries, head.size)
    const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((file) =>
      file.isFile(),
    )
    let flips = 0
    for (const file of files) {
      const path = join(file.parentPath, file.name)
      const bytes = await readFile(path)
      const step = Math.max(1, Math.floor(bytes.length / 25))
      for (let at = 0; at < bytes.length; at += step) {
        const changed = Buffer.from(bytes)
        changed[at] = (changed[at] ?? 0) ^ (1 << (flips % 8))
        await writeFile(path, changed)
        const verdict = await verifyFolder(folder, key('racing'))
        assert.ok(
          verdict.findings.length > 0,
          `bit ${flips % 8} of byte ${at} of ${file.name} went unseen`,
        )
        flips++
      }
      await writeFile(path, bytes)
    }
    assert.ok(flips > 100)
    assert.deepEqual((await verifyFolder(folder, key('racing'))).findings, [])
    await rm(folder, { recursive: true })
  })

  it('P16 an older checkpoint of another history is found', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluss-log-'))
    await download('racing', folder)
    const { formatCheckpoint } = await import('./verify/checkpoint.ts')
    const { signNote } = await import('./verify/note.ts')
    const forged = signNote(
      formatCheckpoint({
        origin: key('racing').name,
        size: 3,
        root: leafHash(Buffer.from('other')),
      }),
      key('racing'),
      signer.sign,
    )
    const verdict = await verifyFolder(folder, key('racing'), forged)
    assert.deepEqual(verdict.findings, [
      { where: 'older checkpoint', what: 'is not the beginning of this log' },
    ])
    await rm(folder, { recursive: true })
  })

  it('P16 finds an entry that was stored beside the hash of another', async () => {
    const { hashes, entries } = twoSegments(entry(), entry())
    await test.ownerQuery(
      `insert into ledger_segments (tenant_id, entry_ids, ats, kinds, actors, least_id, greatest_id, wide, hashes, entries)
       select 'swapped', entry_ids, ats, kinds, actors, least_id, greatest_id, wide, $1, $2
         from ledger_segments where tenant_id = 'racing' and cardinality(entry_ids) = 1 limit 1`,
      [hashes, entries],
    )
    const sequencer = startSequencer({ ...parts(), database: test.database })
    await sequencer.settled()
    await sequencer.stop()
    const folder = await mkdtemp(join(tmpdir(), 'sluss-log-'))
    await download('swapped', folder)
    const { findings } = await verifyFolder(folder, key('swapped'))
    assert.ok(findings.length > 0)
    await rm(folder, { recursive: true })
  })

  it('the installation log commits to the heads of the tenants', async () => {
    const sequencer = startSequencer({ ...parts(), database: test.database })
    await sequencer.anchor()
    await sequencer.settled()
    const entries = await test.database.read('installation', (reader) =>
      readEntries(reader, 0, 1_000),
    )
    const last = entries.findLast((one) => one.kind === 'checkpoints')
    const heads = last?.data.heads as { log: string; size: number }[]
    const racing = await test.database.read('racing', readHead)
    assert.equal(heads.find((head) => head.log === 'racing')?.size, racing?.size)
    await sequencer.stop()
  })

  async function download(tenantId: string, folder: string) {
    return test.database.read(tenantId, async (reader) => {
      const head = await readHead(reader)
      assert.ok(head)
      await writeFile(join(folder, 'checkpoint'), head.checkpoint)
      for (const { level, index, width } of tilesOf(head.size)) {
        const path = join(folder, tilePath(level, index, width))
        await mkdir(dirname(path), { recursive: true })
        const bytes =
          level === 'entries'
            ? await readBundle(reader, index, width)
            : await readTile(reader, level, index, width)
        assert.ok(bytes)
        await writeFile(path, bytes)
      }
      return head
    })
  }
})

/** The hash of one entry beside the bytes of the other. */
function twoSegments(one: Entry, other: Entry): { hashes: Buffer; entries: Buffer } {
  const [, , , , , , , hashes] = segmentValues([prepareEntry(one)])
  return { hashes: hashes as Buffer, entries: packEntries([prepareEntry(other).bytes]) }
}

/** An entry as it was appended: reading adds the version marker. */
function without(one: Entry & { v?: unknown }): Entry {
  const { v: _, ...rest } = one
  return rest
}
