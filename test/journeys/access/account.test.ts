import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { INSTALLATION, type Transaction } from '#database/handles.ts'
import { listPage } from '#database/list.ts'
import { isRefusal, type Refusal, refuse } from '#foundation/refusal.ts'
import { KeyDestroyed } from '#keys/keys.ts'
import { type AccessRoom, accessRoom } from '../../sign-in-site.ts'
import {
  createAccount,
  disableAccount,
  enableAccount,
  setGroups,
  updateAccount,
} from '#access/account-updates.ts'
import {
  type AccountRow,
  accountsSource,
  blindMail,
  findByMail,
  openNames,
  readAccount,
  readAccountRow,
} from '#access/account.ts'
import { beginCeremony, takeCeremony } from '#access/ceremony.ts'
import {
  createLink,
  firstAdminLink,
  readLink,
  tenantOfLink,
  useLink,
} from '#access/one-time-link.ts'
import { eraseAccount } from '#access/account-erasure.ts'
import { samePerson } from '#access/person-mark.ts'
import {
  listSigningKeys,
  readSigningKey,
  registerSigningKey,
  removeSigningKey,
  signingKeyOf,
} from '#access/signing-keys.ts'

const NOW = Date.parse('2030-01-01T12:00:00Z')
const DAY = 24 * 60 * 60_000
const by = { actor: 'test', at: NOW }
const right = <Value>(value: Value | Refusal): Value =>
  isRefusal(value) ? assert.fail(value.refused) : value
const why = (value: unknown): string => (isRefusal(value) ? value.refused : 'allowed')

const key = (): Buffer =>
  Buffer.from(
    generateKeyPairSync('ed25519').publicKey.export({ format: 'der', type: 'spki' }).subarray(-32),
  )

describe('accounts', () => {
  let room: AccessRoom
  before(async () => {
    room = await accessRoom()
  })
  after(() => room.stop())
  const write = <Result>(
    work: (tx: Transaction) => Promise<Result>,
    tenantId = 'acme',
  ): Promise<Result> => room.database.write(tenantId, work)
  const person = async (mail?: string, tenantId = 'acme'): Promise<string> =>
    right(
      await write(
        (tx) =>
          createAccount(tx, room.parts, { kind: 'person', displayName: 'Alex Example', mail }, by),
        tenantId,
      ),
    )
  const marks = (accountId: string, tenantId = 'acme') =>
    room.database.read(
      tenantId,
      async (reader) => (await readAccount(reader, accountId))?.personMarks ?? assert.fail(),
    )

  it('keep no name and no address in clear, and are found by address all the same', async () => {
    const id = await person('Robin@Example.org')
    const rows = await room.test.ownerQuery<object>('select * from accounts')
    assert.doesNotMatch(JSON.stringify(rows), /robin|Example/i)
    const found = await room.database.read('acme', (reader) =>
      findByMail(reader, room.keys, ' robin@example.ORG '),
    )
    assert.equal(found?.accountId, id)
    const elsewhere = await room.database.read('beta', (reader) =>
      findByMail(reader, room.keys, 'robin@example.org'),
    )
    assert.equal(elsewhere, undefined, 'P9 not in another tenant')
  })

  it('have one address each', async () => {
    await person('taken@example.org')
    const again = await write((tx) =>
      createAccount(
        tx,
        room.parts,
        { kind: 'person', displayName: 'Other', mail: 'TAKEN@example.org' },
        by,
      ),
    )
    assert.equal(why(again), 'name_taken')
    const other = await person('free@example.org')
    const moved = await write((tx) =>
      updateAccount(tx, room.parts, other, { mail: 'taken@example.org' }, by),
    )
    assert.equal(why(moved), 'name_taken')
  })

  it('are listed with filters, and their names opened one by one', async () => {
    const id = await person('listed@example.org')
    const page = await room.database.read('acme', async (reader) => {
      const value = await blindMail(reader, room.keys, 'listed@example.org')
      const found = await listPage<AccountRow>(reader, accountsSource('acme', 'person'), {
        filter: { op: 'eq', field: 'mailHash', value },
        orderBy: [],
        top: 10,
        skip: 0,
        count: true,
      })
      const [row] = found.rows
      assert.ok(row)
      return {
        count: found.count,
        id: row.account_id,
        ...(await openNames(reader, room.keys, row)),
      }
    })
    assert.deepEqual(page, {
      count: 1,
      id,
      displayName: 'Alex Example',
      mail: 'listed@example.org',
    })
  })

  it('P7 two accounts of one person share a mark across realms; two people share none', async () => {
    const tenant = await marks(await person('kim@example.org'))
    const operator = await marks(await person('Kim+ops@example.org', INSTALLATION), INSTALLATION)
    const somebody = await marks(await person('kim@example.net', 'beta'), 'beta')
    assert.ok(samePerson(tenant, operator))
    assert.ok(!samePerson(tenant, somebody))
    const subject = room.parts.marks.ofSubject('https://id.example.org', '1')
    assert.notEqual(subject, room.parts.marks.ofSubject('https://id.example.org', '2'))
    assert.notEqual(subject, room.parts.marks.ofSubject('https://other.example.org', '1'))
  })

  it('P7 a new address makes nobody another person', async () => {
    const id = await person('old@example.org')
    const before = await marks(id)
    await write((tx) => updateAccount(tx, room.parts, id, { mail: 'new@example.org' }, by))
    assert.ok(samePerson(before, await marks(id)))
  })

  it('the last administrator stays, also when two are switched off at once', async () => {
    const [one, two] = [await person(undefined, 'beta'), await person(undefined, 'beta')]
    await write(async (tx) => {
      for (const id of [one, two]) await room.parts.makeAdministrator(tx, id, by)
    }, 'beta')
    const answers = await Promise.all(
      [one, two].map((id) => write((tx) => disableAccount(tx, room.parts, id, by), 'beta')),
    )
    assert.deepEqual(answers.map(why).sort(), ['allowed', 'last_admin'])
    const left = await room.database.read('beta', room.parts.administrators)
    assert.equal(left.size, 1)
    for (const id of [one, two])
      await write((tx) => enableAccount(tx, room.parts, id, true, by), 'beta')
  })

  it('groups of an admin and of a provider stand beside each other', async () => {
    const id = await person()
    await write((tx) => setGroups(tx, room.parts, id, ['b', 'a', 'a'], by))
    const account = await room.database.read('acme', (reader) => readAccount(reader, id))
    assert.deepEqual(account?.groups, ['a', 'b'])
  })

  it('P11 an erased account opens for nobody, though its row and marks stay', async () => {
    const id = await person('gone@example.org')
    const before = await marks(id)
    const row = await room.database.read('acme', (reader) => readAccountRow(reader, id))
    await write((tx) =>
      registerSigningKey(tx, { accountId: id, kind: 'ed25519', publicKey: key() }, by),
    )
    assert.equal(await write((tx) => eraseAccount(tx, room.parts, id, by)), undefined)
    await room.database.read('acme', async (reader) => {
      assert.equal(await readAccount(reader, id), undefined)
      assert.equal(await findByMail(reader, room.keys, 'gone@example.org'), undefined)
      await assert.rejects(openNames(reader, room.keys, row?.row ?? assert.fail()), KeyDestroyed)
      assert.equal((await listSigningKeys(reader, id))[0]?.removedAt, NOW)
    })
    const kept = await room.test.ownerQuery<{ person_marks: string[] }>(
      'select person_marks from accounts where account_id = $1',
      [id],
    )
    assert.deepEqual(kept[0]?.person_marks, before)
    assert.ok(await person('gone@example.org'), 'the address is free again')
  })

  describe('one-time links', () => {
    const link = (accountId: string, at = NOW) =>
      write(async (tx) =>
        right(await createLink(tx, { accountId, purpose: 'invitation' }, { actor: 'test', at })),
      )
    type Use = (tx: Transaction, token: string, now: number) => Promise<unknown>

    /** What is wrong with a way of using links. */
    async function complaints(use: Use): Promise<readonly string[]> {
      const wrong: string[] = []
      const token = await link(await person())
      const twice = await Promise.all([1, 2].map(() => write((tx) => use(tx, token, NOW))))
      if (twice.filter((answer) => !isRefusal(answer)).length !== 1)
        wrong.push('used twice at once')
      if (!isRefusal(await write((tx) => use(tx, token, NOW)))) wrong.push('used again')
      const late = await link(await person())
      if (!isRefusal(await write((tx) => use(tx, late, NOW + DAY)))) wrong.push('used too late')
      const guessed = `acme.${randomBytes(32).toString('base64url')}`
      if (!isRefusal(await write((tx) => use(tx, guessed, NOW)))) wrong.push('guessed')
      const off = await person()
      const ofDisabled = await link(off)
      await write((tx) => disableAccount(tx, room.parts, off, by))
      if (!isRefusal(await write((tx) => use(tx, ofDisabled, NOW)))) wrong.push('disabled')
      return wrong
    }

    it('let their person in once, within a day', async () => {
      assert.deepEqual(await complaints(useLink), [])
    })

    it('would notice a link that can be used twice', async () => {
      const used = new Set<string>()
      const looksFirst: Use = async (tx, token, now) => {
        const found = await readLink(tx, token, now)
        if (used.has(token)) return refuse('link_used')
        return found
      }
      assert.ok((await complaints(looksFirst)).includes('used again'))
      // The first two have both looked before either marks: that is the race, and it must not be left to chance.
      const bothLooked = Promise.withResolvers<void>()
      let looks = 0
      const checksThenMarks: Use = async (tx, token, now) => {
        const found = await readLink(tx, token, now)
        if (++looks === 2) bothLooked.resolve()
        await bothLooked.promise
        if (!isRefusal(found))
          await tx.change('update one_time_links set used_at = $2 where tenant_id = $1', [
            tx.tenantId,
            new Date(now),
          ])
        return found
      }
      assert.ok((await complaints(checksThenMarks)).includes('used twice at once'))
    })

    it('a newer link ends the older one, and only hashes are kept', async () => {
      const id = await person()
      const [older, newer] = [await link(id), await link(id)]
      assert.equal(why(await write((tx) => useLink(tx, older, NOW))), 'link_used')
      const rows = await room.test.ownerQuery<object>('select * from one_time_links')
      assert.ok(!JSON.stringify(rows).includes(newer.split('.')[1] ?? assert.fail()))
      assert.equal(tenantOfLink(newer), 'acme')
      assert.equal(tenantOfLink('acme.short'), undefined)
    })

    it('the first administrator gets one for the operator realm and for a tenant, until they have a way in', async () => {
      for (const tenantId of ['acme', INSTALLATION]) {
        const first = await write((tx) => firstAdminLink(tx, room.parts, by), tenantId)
        const second = await write((tx) => firstAdminLink(tx, room.parts, by), tenantId)
        assert.ok(first && second)
        const admins = await room.database.read(tenantId, room.parts.administrators)
        assert.equal(admins.size, 1, 'the second call makes no second administrator')
        assert.equal(why(await write((tx) => useLink(tx, first, NOW), tenantId)), 'link_used')
      }
    })
  })

  it('what a ceremony keeps is sealed, good once, for one purpose and for five minutes', async () => {
    const begin = (now = NOW) =>
      write((tx) => beginCeremony(tx, room.keys, 'register', { challenge: 'c' }, now))
    const take = (handle: string, kind = 'register', now = NOW) =>
      write((tx) => takeCeremony(tx, room.keys, kind, handle, now))
    const one = await begin()
    assert.deepEqual(await take(one), { challenge: 'c' })
    assert.equal(await take(one), undefined)
    assert.equal(await take(await begin(), 'sign-in'), undefined)
    assert.equal(await take(await begin(), 'register', NOW + 5 * 60_000), undefined)
  })

  it('keys that approvals are signed with belong to one account, and stay checkable once removed', async () => {
    const id = await person()
    const other = await person()
    const publicKey = key()
    const register = (key: Buffer) =>
      write((tx) => registerSigningKey(tx, { accountId: id, kind: 'ed25519', publicKey: key }, by))
    assert.equal(why(await register(Buffer.alloc(31))), 'passkey_invalid')
    const keyId = right(await register(publicKey))
    const read = <Result>(work: Parameters<typeof room.database.read<Result>>[1]) =>
      room.database.read('acme', work)
    assert.ok(await read((reader) => signingKeyOf(reader, id, keyId)))
    assert.equal(await read((reader) => signingKeyOf(reader, other, keyId)), undefined)
    assert.equal(await write((tx) => removeSigningKey(tx, other, keyId, by)), false)
    assert.equal(await write((tx) => removeSigningKey(tx, id, keyId, by)), true)
    assert.equal(await read((reader) => signingKeyOf(reader, id, keyId)), undefined)
    const kept = await read((reader) => readSigningKey(reader, keyId))
    assert.deepEqual(kept?.publicKey, publicKey)
    assert.equal(kept?.removedAt, NOW)
    assert.equal((await read((reader) => listSigningKeys(reader, id))).length, 1)
  })
})
