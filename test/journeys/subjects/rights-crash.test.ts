import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { isRefusal } from '#foundation/refusal.ts'
import type { RightsParts } from '#subjects/parts.ts'
import { collect } from '#subjects/request-collect.ts'
import { selectRequest } from '#subjects/request.table.ts'
import { countLinks } from '#subjects/request-links.ts'
import { changeRequest, openRequest, readServable } from '#subjects/requests.ts'
import { subjectRightsJob } from '../../../src/node/subject-rights.ts'
import { ACME, MAIL, type RightsWorld, SERIAL, rightsWorld } from '../../rights.ts'

const DEVICES = 1_100
const PERSON = 'many@example.org'

let w: RightsWorld
before(async () => {
  w = await rightsWorld()
  const devices = Array.from({ length: DEVICES }, (_, i) => ({ [SERIAL]: `M${i}`, [MAIL]: PERSON }))
  await w.keep(ACME, devices)
})
after(() => w.stop())

/** The same rooms on a node that dies before its write of that number. */
function dyingBefore(write: number): RightsParts {
  let writes = 0
  const { database } = w.parts
  return {
    ...w.parts,
    database: {
      ...database,
      write: (tenantId, work) => {
        if (++writes >= write) return Promise.reject(new Error('the node died'))
        return database.write(tenantId, work)
      },
    },
  }
}

async function open(): Promise<string> {
  const made = await w.parts.database.write(ACME, (tx) =>
    openRequest(
      tx,
      w.parts,
      {
        type: 'access',
        cameBy: 'admin',
        owner: w.officer.accountId,
        language: 'en',
        identityBy: 'signedIn',
        subject: { firstName: '', lastName: '', email: PERSON, names: [] },
      },
      w.by(),
    ),
  )
  assert.ok(!isRefusal(made))
  return made
}

const servable = (id: string) =>
  w.parts.database.read(ACME, (reader) => readServable(reader, w.parts, id))
const confirmed = async (id: string) =>
  (await w.parts.database.read(ACME, (reader) => countLinks(reader, id))).confirmed

describe('looking up whom a request is about', () => {
  for (const write of [1, 2, 3, 4, 5])
    it(`is taken up again after the node died before its write ${write}, and shows nothing half-done`, async () => {
      const id = await open()
      await assert.rejects(collect(dyingBefore(write), ACME, id, w.by()), /the node died/)
      const half = await servable(id)
      assert.equal(isRefusal(half) && half.refused, 'not_collected')
      await subjectRightsJob(
        w.parts,
        () => w.clock.now(),
        async () => {},
      ).run({} as never)
      assert.ok(!isRefusal(await servable(id)))
      assert.equal(await confirmed(id), DEVICES)
    })

  it('counts the later of two runs at once, and has all of it', async () => {
    const id = await open()
    await Promise.all([collect(w.parts, ACME, id, w.by()), collect(w.parts, ACME, id, w.by())])
    assert.equal(await confirmed(id), DEVICES)
    const found = await w.parts.database.read(ACME, (reader) => selectRequest(reader, id))
    assert.equal(found?.request.runs, 1)
  })

  it('stops when the request is withdrawn meanwhile', async () => {
    const id = await open()
    await w.parts.database.write(ACME, (tx) => changeRequest(tx, id, { do: 'withdraw' }, w.by()))
    await collect(w.parts, ACME, id, w.by())
    assert.equal(await confirmed(id), 0)
  })
})

describe('the date of a request', () => {
  it('is noted once when it has passed, and the request can still be done', async () => {
    const id = await open()
    await collect(w.parts, ACME, id, w.by())
    w.clock.advance(40 * 86_400_000)
    const told: string[] = []
    const job = subjectRightsJob(
      w.parts,
      () => w.clock.now(),
      async (_, { requestId, isOver }) => {
        told.push(`${requestId} ${isOver}`)
      },
    )
    w.clock.advance(-14 * 86_400_000)
    await job.run({} as never)
    await job.run({} as never)
    w.clock.advance(14 * 86_400_000)
    await job.run({} as never)
    await job.run({} as never)
    assert.deepEqual(
      told.filter((one) => one.startsWith(id)),
      [`${id} false`, `${id} true`],
      'the owner is told before it, and once after it',
    )
    await w.sequencer.settled()
    const [noted] = await w.test.ownerQuery<{ count: number }>(
      `select count(*)::int as count from rights_requests where request_id = $1 and overdue_at is not null`,
      [id],
    )
    assert.equal(noted?.count, 1)
    const late = await w.test.ownerQuery<{ kind: string }>(
      `select k as kind from ledger_segments, unnest(kinds) k where tenant_id = $1 and k = 'rights.overdue'`,
      [ACME],
    )
    const overdue = await w.test.ownerQuery(
      `select 1 from rights_requests where overdue_at is not null`,
    )
    assert.equal(late.length, overdue.length, 'one entry for each')
    const extend = { do: 'extend', months: 1, reason: 'complexity' } as const
    const refused = await w.parts.database.write(ACME, (tx) =>
      changeRequest(tx, id, extend, w.by()),
    )
    assert.equal(isRefusal(refused) && refused.refused, 'rights_deadline_passed')
    const done = await w.parts.database.write(ACME, (tx) =>
      changeRequest(tx, id, { do: 'complete', outcome: 'fulfilled' }, w.by()),
    )
    assert.ok(!isRefusal(done) && done.state === 'closed')
  })
})
