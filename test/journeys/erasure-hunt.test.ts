import { randomUUID } from 'node:crypto'
import { askForErasure } from '#subjects/erase.ts'
import { readErasure } from '#subjects/erasure.table.ts'
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import pg from 'pg'
import { driverConfig } from '#database/pool.ts'
import { KeyFault } from '#keys/keys.ts'
import { readEntries, readHead } from '#ledger/read.ts'
import { entryBytes } from '#ledger/append.ts'
import { leafHash } from '#ledger/verify/hash-tree.ts'
import { openCheckpoint } from '#ledger/verify/checkpoint.ts'
import { logKey } from '#ledger/sequence.ts'
import { verifyInclusion } from '#ledger/verify/hash-tree.ts'
import { proveInclusion } from '#ledger/read.ts'
import { rotateAfterErasures } from '#subjects/erasure-rotation.ts'
import { filesBelow, hunt, tracesOf } from './erasure-hunt.ts'
import { type ErasureWorld, TENANT, startErasureWorld } from './erasure-world.ts'

const VALUES = ['quillon.zebrano@example.org', 'ZQX77SERIAL01', 'Quillon Zebrano']
const lines: string[] = []
const keepLine = (...all: unknown[]) => lines.push(JSON.stringify(all))
const log = { info: keepLine, warn: keepLine, error: keepLine }
const traces = tracesOf(VALUES)

describe('the hunt for an erased person, byte by byte', () => {
  let t: ErasureWorld
  let owner: pg.Client
  let proven: { index: number; size: number; leaf: string; path: string[]; note: string }
  let wrapped: { subject_id: string; key_id: string; wrapped: Buffer }
  before(async () => {
    t = await startErasureWorld({ log: log as never })
    const { bundled } = t.node
    assert.ok(bundled)
    owner = new pg.Client(driverConfig(bundled.owner))
    await owner.connect()
  })
  after(async () => {
    await owner.end()
    await t.stop()
  })

  /** All tables, as a logical copy of the database would have them. */
  const dump = async (): Promise<Map<string, Buffer>> => {
    const tables = await owner.query<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables
        where schemaname not in ('pg_catalog', 'information_schema')`,
    )
    const places = new Map<string, Buffer>()
    for (const { name } of tables.rows) {
      const { rows } = await owner.query(`select t.* from ${name} t`)
      places.set(
        `table ${name}`,
        Buffer.concat(rows.flatMap((row) => Object.values(row).map(bytesOf))),
      )
    }
    return places
  }
  const bytesOf = (value: unknown): Buffer =>
    Buffer.isBuffer(value)
      ? Buffer.concat([value, Buffer.from('\n')])
      : Buffer.from(`${typeof value === 'string' ? value : JSON.stringify(value)}\n`)
  const everywhere = async (): Promise<Map<string, Buffer>> => {
    await owner.query('vacuum')
    await owner.query('checkpoint')
    await owner.query('select pg_switch_wal()')
    await owner.query('checkpoint')
    return new Map([
      ...(await dump()),
      ...filesBelow(t.node.settings.folder),
      ['log', Buffer.from(lines.join('\n'))],
    ])
  }

  it('P11 leaves nothing of them in tables, files, write-ahead log, ledger or log, in clear or by unkeyed hash', async () => {
    const made = await t.call('POST', '/Users', {
      userName: VALUES[0],
      displayName: VALUES[2],
      emails: [{ value: VALUES[0], type: 'work' }],
    })
    await t.keep('person', 'person.userEmail', { 'person.userEmail': VALUES[0] ?? '' })
    const [device = ''] = await t.keep('device', 'device.serialNumber', {
      'device.serialNumber': VALUES[1] ?? '',
      'person.userEmail': VALUES[0] ?? '',
      'person.fullName': VALUES[2] ?? '',
    })
    const [kept] = (
      await owner.query(
        'select subject_id, key_id, wrapped from subject_keys where subject_id = $1',
        [device],
      )
    ).rows
    wrapped = kept
    await t.node.sequencer.settled()
    proven = await t.node.database.read(TENANT, async (reader) => {
      const head = await readHead(reader)
      const size = head?.size ?? 0
      const [entry] = await readEntries(reader, size - 1, size)
      assert.ok(entry && head)
      const { index, ...rest } = entry
      return {
        index,
        size,
        leaf: leafHash(entryBytes(rest)),
        path: await proveInclusion(reader, index, size),
        note: head.checkpoint,
      }
    })
    await t.call('DELETE', `/Users/${made.body.id}`)
    assert.equal((await t.erase()).erased, 1)
    assert.deepEqual(hunt(traces, await everywhere()), [])
  })

  it('P11 older proofs still verify', async () => {
    const signer = await t.node.keys.signer('ledger')
    const key = logKey(t.node.settings.ledgerName, TENANT, signer.publicKey)
    const checkpoint = openCheckpoint(proven.note, key)
    assert.equal(checkpoint?.size, proven.size)
    assert.ok(
      checkpoint &&
        verifyInclusion(proven.leaf, proven.index, proven.size, proven.path, checkpoint.root),
    )
  })

  it('P11 what is left of a wrapped key opens nothing after the wrapping key was changed and destroyed', async () => {
    const putBack = () =>
      owner.query(
        'insert into subject_keys (tenant_id, subject_id, key_id, wrapped) values ($1, $2, $3, $4) on conflict do nothing',
        [TENANT, wrapped.subject_id, wrapped.key_id, wrapped.wrapped],
      )
    const rotate = () =>
      t.node.database.write(TENANT, (tx) => rotateAfterErasures(tx, t.node.keys, t.clock.now()))
    const open = () =>
      t.node.database.read(TENANT, (reader) =>
        t.node.keys.sealFor(reader, wrapped.subject_id, 'x', Buffer.from('x')),
      )
    assert.equal(await rotate(), false, 'not yet a week old')
    t.clock.advance(8 * 86_400_000)
    assert.equal(await rotate(), true)
    await owner.query('update tenant_keys set retired_at = $1 where retired_at is not null', [
      new Date(t.clock.now()),
    ])
    t.clock.advance(15 * 86_400_000)
    assert.equal(await rotate(), false, 'nobody was erased since')
    await putBack()
    await assert.rejects(open(), KeyFault)
  })

  it('waits while a declared incident that touched the organisation is open, and goes on when it is closed', async () => {
    const [subject = ''] = await t.keep('person', 'person.userEmail', {
      'person.userEmail': 'touched@example.org',
    })
    const [incident, scope] = [randomUUID(), randomUUID()]
    await owner.query(
      `insert into breach_incidents (tenant_id, incident_id, title, phase, state, class, impact, detected_at, opened_by,
         opened_at, declared_at, ground, scope_id, version)
       values ('installation', $1, '', 'assess', 'open', 'customerReportable', 'unknown', now(), 'x', now(), now(),
         'lawDemands', $2, 1)`,
      [incident, scope],
    )
    await owner.query(
      `insert into breach_touched (tenant_id, incident_id, scope_id, is_touched, must_be_told, change, complete_to,
         entries, subjects, records, items, excluded_entries, unattributed, packet_hash, written_at)
       values ($1, $2, $3, true, true, 'added', 0, 1, 1, 1, '{}', 0, 0, 'x', now())`,
      [TENANT, incident, scope],
    )
    const id = await t.node.database.write(TENANT, (tx) =>
      askForErasure(tx, { trigger: 'administrator', subjectIds: [subject] }, t.by()),
    )
    assert.equal((await t.erase()).waiting, 1)
    const erasure = await t.node.database.read(TENANT, (reader) => readErasure(reader, id))
    assert.equal(erasure?.waitsFor, `incident:${incident}`)
    await owner.query("update breach_incidents set state = 'closed' where incident_id = $1", [
      incident,
    ])
    assert.equal((await t.erase()).erased, 1)
  })

  it('finds the twin that leaves a copy, in clear, or by a plain hash in a log or a table', async () => {
    lines.push(`somebody was erased: ${VALUES[0]}`)
    assert.equal(hunt(traces, await everywhere()).length > 0, true)
    lines.length = 0
    const [twin] =
      [...traces].find(([what]) => what.startsWith('sha256') && what.endsWith('in base64')) ?? []
    await owner.query('create table twin (mark text)')
    await owner.query('insert into twin values ($1)', [String(traces.get(twin ?? ''))])
    const found = hunt(traces, await dump())
    assert.ok(found.some((one) => one.includes('table public.twin')))
    await owner.query('drop table twin')
  })
})
