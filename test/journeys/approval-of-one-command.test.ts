import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import {
  type Command,
  approveCommand,
  confirmApproval,
  forgetEndedTargets,
  hasApproval,
  useApproval,
  withdrawApproval,
} from '#agreements/approval.ts'
import { listApprovals } from '#agreements/list-agreements.ts'
import type { Database, Transaction } from '#database/handles.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { GOOGLE_CONNECTION } from '../../sandbox/google/connect.ts'
import { type GoogleNode, TENANT, startGoogleNode } from './google-node.ts'

const by = { actor: 'admin:one', at: Date.parse('2030-01-01T00:00:00Z') }
const other = { ...by, actor: 'admin:other' }
const hour = 3_600_000
const exchangeId = 'google.androidManagement.enterprises.devices.delete'
const ENTRY = '00000000-0000-7000-8000-000000000000'
const command = (target: string): Command => ({
  connectionId: GOOGLE_CONNECTION,
  exchangeId,
  target,
  command: '',
})

describe('an approval of one command', () => {
  let t: GoogleNode
  let write: <Result>(work: (tx: Transaction) => Promise<Result>) => Promise<Result>
  before(async () => {
    t = await startGoogleNode()
    write = (work) => t.node.database.write(TENANT, work)
  })
  after(() => t.stop())
  const approve = (target: string, needsSecond = false) =>
    write((tx) =>
      approveCommand(tx, t.node.keys, command(target), { until: by.at + hour, needsSecond }, by),
    )
  const use = (of: Command, now = by.at) =>
    write((tx) => useApproval(tx, t.node.keys, of, { entryId: ENTRY, now }))
  const has = (now = by.at) =>
    t.node.database.read(TENANT, (reader) =>
      hasApproval(reader, GOOGLE_CONNECTION, exchangeId, now),
    )

  it('is used once, for its very command and device, and not after its end', async () => {
    const id = await approve('d1')
    assert.ok(await has())
    assert.equal(await has(by.at + hour), false)
    for (const near of [
      command('d2'),
      { ...command('d1'), command: 'WIPE' },
      { ...command('d1'), connectionId: 'elsewhere' },
      { ...command('d1'), exchangeId: 'apple.dep.disown' },
    ])
      assert.equal(await use(near), undefined, JSON.stringify(near))
    assert.equal(await use(command('d1'), by.at + hour), undefined)
    const raced = await Promise.all([use(command('d1')), use(command('d1'))])
    assert.deepEqual(raced.toSorted(), [id, undefined])
    assert.equal(await use(command('d1')), undefined)
    assert.equal(await has(), false)
  })

  it('waits for a second person where there is one, who is not the first', async () => {
    const id = await approve('d3', true)
    assert.equal(await has(), false)
    assert.equal(await use(command('d3')), undefined)
    assert.equal((await write((tx) => confirmApproval(tx, id, by)))?.refused, 'self_approval')
    const late = { ...other, at: by.at + hour }
    assert.equal((await write((tx) => confirmApproval(tx, id, late)))?.refused, 'not_found')
    assert.equal(await write((tx) => confirmApproval(tx, id, other)), undefined)
    assert.equal((await write((tx) => confirmApproval(tx, id, other)))?.refused, 'not_found')
    assert.equal(await use(command('d3')), id)
  })

  it('P5 is gone when it is withdrawn; what was used cannot be', async () => {
    const id = await approve('d4')
    assert.equal(await write((tx) => withdrawApproval(tx, id, other)), undefined)
    assert.equal(await use(command('d4')), undefined)
    assert.equal((await write((tx) => withdrawApproval(tx, id, by)))?.refused, 'not_found')
    const used = await approve('d4')
    assert.equal(await use(command('d4')), used)
    assert.equal((await write((tx) => withdrawApproval(tx, used, by)))?.refused, 'not_found')
  })

  it('P11 keeps what it was for no longer than it can be used, and never in clear', async () => {
    await approve('device-canary')
    const rows = await write((tx) =>
      tx.rows<{ row: string }>('select a::text as row from approvals a where tenant_id = $1', [
        TENANT,
      ]),
    )
    assert.ok(rows.every(({ row }) => !row.includes('canary')))
    assert.ok((await t.entries()).every((one) => !JSON.stringify(one).includes('canary')))
    await write((tx) => forgetEndedTargets(tx, by.at + hour))
    const query = { orderBy: [], top: 100, skip: 0, count: false }
    const page = await t.node.database.read(TENANT, (reader) => listApprovals(reader, query))
    assert.ok(page.rows.length > 3)
    assert.ok(page.rows.every(({ target }) => target === null))
  })

  /** How many of two nodes get one approval, both held between their look and their use where the guard allows. */
  const winners = async (guard: typeof useApproval, target: string): Promise<number> => {
    await approve(target)
    const nodes: readonly Database[] = [t.node.database, t.node.database]
    const results = await Promise.all(
      nodes.map((node) =>
        node.write(TENANT, (tx) =>
          guard(tx, t.node.keys, command(target), { entryId: ENTRY, now: by.at }),
        ),
      ),
    )
    return results.filter((one) => one !== undefined).length
  }

  it('P3 is used by one of two that race for it, and a guard that looks before it writes is found out', async () => {
    assert.equal(await winners(useApproval, 'raced'), 1)
    let waiting = 0
    let go: () => void = () => {}
    const both = new Promise<void>((resolve) => {
      go = resolve
    })
    const looksFirst: typeof useApproval = async (tx, _, of, { entryId }) => {
      const [found] = await tx.rows<{ id: string }>(
        `select approval_id as id from approvals
          where tenant_id = $1 and exchange_id = $2 and used_by is null order by given_at desc, approval_id limit 1`,
        [tx.tenantId, of.exchangeId],
      )
      if (++waiting === 2) go()
      await both
      await tx.change(
        'update approvals set used_by = $3 where tenant_id = $1 and approval_id = $2',
        [tx.tenantId, found?.id, entryId],
      )
      return found?.id
    }
    assert.equal(await winners(looksFirst, 'raced-by-the-twin'), 2)
  })

  it('P3 is spent in the commit of the evidence: where that fails, it is not spent', async () => {
    const id = await approve('d5')
    await assert.rejects(
      write(async (tx) => {
        assert.equal(
          await useApproval(tx, t.node.keys, command('d5'), { entryId: ENTRY, now: by.at }),
          id,
        )
        throw new Error('the entry could not be written')
      }),
    )
    assert.equal(await use(command('d5')), id)
  })

  it('is used by one of many calls at the gateway, and the party hears of one', async () => {
    const name =
      [...t.google.service.kept.keys()].find((one) => /\/devices\/[^/]+$/.test(one)) ?? ''
    const now = { ...by, at: t.node.sharing.gate.now() }
    const terms = { until: now.at + hour, needsSecond: false }
    await write((tx) => approveCommand(tx, t.node.keys, command(name), terms, now))
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => t.call('DELETE', `/v1/${name}`)),
    )
    assert.equal(answers.filter(({ status }) => status === 200).length, 1)
    assert.equal(answers.filter(({ refusal }) => refusal === 'approval_missing').length, 7)
    assert.equal(t.arrived().filter(({ method }) => method === 'DELETE').length, 1)
    assert.ok(!answers.some((one) => isRefusal(one)))
  })
})
