import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { sha256Hex } from '#foundation/hashing.ts'
import { type TestDatabase, testDatabase } from '../../test/database.ts'
import { type KeyRoom, createKeys } from './create-keys.ts'
import { KeyDestroyed, KeyFault } from './keys.ts'
import { type RootKey, fileRootKey } from './root-key.ts'

describe('keys', () => {
  let test: TestDatabase
  let folder: string
  let rootKey: RootKey
  let keys: KeyRoom
  let other: KeyRoom

  before(async () => {
    test = await testDatabase()
    folder = await mkdtemp(join(tmpdir(), 'sluss-keys-'))
    rootKey = await fileRootKey(join(folder, 'root.key'))
    keys = await createKeys({ database: test.database, rootKey })
    other = await createKeys({ database: await test.openSecond(), rootKey })
    for (const tenant of ['acme', 'beta'])
      await test.database.write(tenant, (tx) => keys.createTenantKeys(tx))
  })
  after(async () => {
    await keys.close()
    await other.close()
    await test.stop()
    await rm(folder, { recursive: true })
  })
  const subject = async (tenant = 'acme') => {
    const id = randomUUID()
    await test.database.write(tenant, (tx) => keys.createSubjectKey(tx, id))
    return id
  }
  const seal = (id: string, context = 'record', text = 'secret', tenant = 'acme') =>
    test.database.read(tenant, (reader) => keys.sealFor(reader, id, context, Buffer.from(text)))
  const open = (
    id: string,
    sealed: Buffer,
    context = 'record',
    tenant = 'acme',
    by: KeyRoom = keys,
  ) =>
    test.database.read(tenant, async (reader) =>
      (await by.openFor(reader, id, context, sealed)).toString(),
    )

  it('opens what it sealed, on every node, and only in its place', async () => {
    const [one, two] = [await subject(), await subject()]
    const sealed = await seal(one)
    assert.equal(await open(one, sealed), 'secret')
    assert.equal(await open(one, sealed, 'record', 'acme', other), 'secret')
    await assert.rejects(open(two, sealed), KeyFault)
    await assert.rejects(open(one, sealed, 'elsewhere'), KeyFault)
    await assert.rejects(open(one, sealed, 'record', 'beta'), KeyDestroyed)
    for (let at = 0; at < sealed.length; at++) {
      const changed = Buffer.from(sealed)
      changed[at] = (changed[at] ?? 0) ^ 1
      await assert.rejects(open(one, changed), KeyFault, `byte ${at}`)
    }
    assert.notDeepEqual(await seal(one), await seal(one))
  })

  it('P11 a destroyed key is dead at once, on every node, with every commitment made under it', async () => {
    const id = await subject()
    const sealed = await seal(id)
    assert.equal(await open(id, sealed, 'record', 'acme', other), 'secret')
    const commitment = (by: KeyRoom) =>
      test.database.read('acme', async (reader) =>
        (await by.subjectCommitments(reader, [id])).get(id),
      )
    assert.equal(await commitment(keys), await commitment(other))
    await test.database.write('acme', (tx) => keys.destroySubjectKey(tx, id))
    await assert.rejects(open(id, sealed), KeyDestroyed)
    for (let tries = 0; tries < 100 && (await commitment(other)) !== undefined; tries++)
      await pause(10)
    await assert.rejects(open(id, sealed, 'record', 'acme', other), KeyDestroyed)
    assert.deepEqual([await commitment(keys), await commitment(other)], [undefined, undefined])
  })

  it('P11 rotation wraps everything anew, changes no derived key, and the old key can be destroyed', async () => {
    const id = await subject()
    const sealed = await seal(id)
    const derived = () =>
      test.database.read('acme', async (reader) => [
        (await keys.blindIndex(reader, 'x'))('v'),
        (await keys.pseudonymKey(reader, 'apple')).toString('hex'),
      ])
    const before = await derived()
    await test.database.write('acme', (tx) => keys.rotateTenantKey(tx))
    assert.deepEqual(await derived(), before)
    const gone = await test.database.write('acme', (tx) =>
      keys.destroyRetiredKeys(tx, new Date(Date.now() + 60_000)),
    )
    assert.equal(gone, 1)
    const fresh = await createKeys({ database: test.database, rootKey })
    assert.equal(await open(id, sealed, 'record', 'acme', fresh), 'secret')
    await fresh.close()
  })

  it('P10 pseudonym keys, look-ups and commitments differ by tenant and by recipient', async () => {
    const key = (tenant: string, recipient: string) =>
      test.database.read(tenant, async (reader) =>
        (await keys.pseudonymKey(reader, recipient)).toString('hex'),
      )
    const all = [
      await key('acme', 'apple'),
      await key('acme', 'google'),
      await key('beta', 'apple'),
      await key('beta', 'google'),
    ]
    assert.equal(new Set(all).size, 4)
    assert.equal(await key('acme', 'apple'), all[0])
    const blind = (tenant: string, item: string) =>
      test.database.read(tenant, async (reader) =>
        (await keys.blindIndex(reader, item))('SYN0000001'),
      )
    assert.equal(
      new Set([
        await blind('acme', 'a'),
        await blind('acme', 'b'),
        await blind('beta', 'a'),
        sha256Hex('SYN0000001'),
      ]).size,
      4,
    )
  })

  it('two nodes that make the same key at once agree on it', async () => {
    const id = randomUUID()
    const second = await test.openSecond()
    await Promise.all([
      test.database.write('acme', (tx) => keys.createSubjectKey(tx, id)),
      second.write('acme', (tx) => other.createSubjectKey(tx, id)),
    ])
    const sealed = await seal(id)
    assert.equal(await open(id, sealed, 'record', 'acme', other), 'secret')
    const [mine, theirs] = await Promise.all([keys.signer('race'), other.signer('race')])
    assert.deepEqual(mine.publicKey, theirs.publicKey)
  })

  it('a tenant without keys is a fault, not an empty key', async () => {
    await assert.rejects(
      test.database.read('nobody', (reader) => keys.blindIndex(reader, 'x')),
      KeyFault,
    )
  })

  it('the root key is made once, for its owner only, and a loose or short one is refused', async () => {
    const path = join(folder, 'made', 'root.key')
    const made = await Promise.all([fileRootKey(path), fileRootKey(path)])
    const wrapped = await made[0].wrap('c', Buffer.from('k'))
    assert.equal((await made[1].unwrap('c', wrapped)).toString(), 'k')
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    await chmod(path, 0o640)
    await assert.rejects(fileRootKey(path), /can be read by others/)
    await writeFile(join(folder, 'short'), 'x', { mode: 0o600 })
    await assert.rejects(fileRootKey(join(folder, 'short')), /must be 32 bytes/)
  })
})
