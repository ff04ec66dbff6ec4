import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { TELL_POINTS } from '#breach/notice-delivery.ts'
import { NOTICE_POINTS } from '#notify/parts.ts'
import { type SandboxMail, startSandboxMail } from '../../../sandbox/mail/server.ts'
import { waitingEntries } from '../../database.ts'
import { temporaryFolder } from '../../folder.ts'
import { killPostgres } from '../../kill-postgres.ts'
import { type NoticeTest, startNoticeTest } from '../notices/organisations.ts'
import type { Order, Point } from './notice-child.ts'
import { HOUR, addTenants, approved, declared } from './notice-world.ts'

const TENANTS = 500
const FEW = ['few-a', 'few-b']
const NODE = '00000000-0000-4000-8000-00000000000f'

/** Every point, of the node and of PostgreSQL, in the midst of the send; what comes last is killed last. */
const KILLS: readonly Point[] = ['begun', 'told', 'resolved', 'claimed', 'sent', 'recorded']
/** So that all of them fit into one send, whatever its size. */
const PASSING = Math.ceil(TENANTS * 0.02)
const MOST = Math.ceil(TENANTS * 0.15)

describe(`kill -9 while ${TENANTS} tenants are told`, () => {
  let t: NoticeTest
  let folder: string
  let notice: string
  let incident: string
  const tenants = Array.from({ length: TENANTS }, (_, i) => `t${i}`)
  const hits = new Map<string, number>()
  let runs = 0
  before(async () => {
    t = await startNoticeTest()
    folder = await temporaryFolder('notice-kill')
    await addTenants(t, [...tenants, ...FEW, 'untouched'])
    t.clock.advance(Date.now() - t.clock.now())
    incident = await declared(t, tenants)
    notice = await approved(t, incident)
  })
  after(async () => {
    await t.stop()
    await rm(folder, { recursive: true, force: true })
  })

  /** Runs a node until it dies or has nothing to do; answers the signal it died of. */
  const run = async (over: Partial<Order>): Promise<string | null> => {
    const order: Order = {
      app: t.test.server.app,
      rootKeyFile: t.rootKeyFile,
      nodeId: NODE,
      smtpPort: t.mail.port,
      laterMs: runs++ * 60_000,
      passing: 0,
      most: 0,
      ...over,
    }
    const file = join(folder, `order-${runs}.json`)
    await writeFile(file, JSON.stringify(order))
    const child: ChildProcess = fork(join(import.meta.dirname, 'notice-child.ts'), [file])
    child.on('message', ({ hit }: { hit: Point }) => {
      hits.set(`postgres ${hit}`, (hits.get(`postgres ${hit}`) ?? 0) + 1)
      const postmaster = t.test.server.postmasterPid()
      assert.ok(postmaster !== undefined, 'PostgreSQL was not running')
      killPostgres(postmaster)
      child.send('go on')
    })
    return new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)))
  }

  it('P13 P3 P9 at every point, and with the mail server down: each told once a step, and twice arrives only what the ledger calls unknown', async () => {
    for (const point of KILLS) {
      const passing = point === 'begun' ? 1 : PASSING
      assert.equal(
        await run({ victim: 'node', point, passing }),
        'SIGKILL',
        `${point} was never reached`,
      )
      hits.set(`node ${point}`, 1)
      await run({ victim: 'postgres', point, passing, most: MOST })
      assert.equal(hits.get(`postgres ${point}`), 1, `${point} was never reached`)
    }
    // The mail server is gone for a while: all that is tried fails, and is due later.
    const { port } = t.mail
    const before = t.mail.received.length
    const { received } = t.mail
    await t.mail.stop()
    await run({ most: PASSING })
    assert.equal(received.length, before)
    const again: SandboxMail = await startSandboxMail({ port })
    try {
      await run({ laterMs: 2 * HOUR })
      // The end of telling comes once a notice: two more incidents, of a few tenants, have one each.
      await approved(t, await declared(t, FEW))
      const finished = { point: 'finished', passing: 1 } as const
      assert.equal(await run({ laterMs: 3 * HOUR, victim: 'node', ...finished }), 'SIGKILL')
      hits.set('node finished', 1)
      await approved(t, await declared(t, FEW))
      await run({ laterMs: 3 * HOUR, victim: 'postgres', ...finished })
      await run({ laterMs: 4 * HOUR })
      for (const point of [...TELL_POINTS, ...NOTICE_POINTS])
        for (const victim of ['node', 'postgres'])
          assert.equal(hits.get(`${victim} ${point}`), 1, `${victim} ${point} was never reached`)
      await judge([...received, ...again.received])
    } finally {
      await again.stop()
    }
  })

  async function judge(all: SandboxMail['received']): Promise<void> {
    const isOfFew = ({ to }: { to: readonly string[] }) => FEW.some((id) => to.join().includes(id))
    assert.ok(all.filter(isOfFew).length >= 2 * FEW.length, 'the few were not told twice')
    const received = all.filter((one) => !isOfFew(one))
    const steps = await t.test.ownerQuery<{ tenant_id: string; sent_id: string; step: number }>(
      'select tenant_id, sent_id, step from breach_notice_steps where notice_id = $1',
      [notice],
    )
    const owner = new Map(steps.map((row) => [row.sent_id, row.tenant_id]))
    const seen = new Map(
      tenants.map((id) => [id, { told: 0, sent: 0, unknown: 0, copies: [] as string[] }]),
    )
    for (const { bytes } of await waitingEntries(t.test)) {
      const { kind, data } = JSON.parse(bytes.toString()) as {
        kind: string
        data: Record<string, unknown>
      }
      const mine = seen.get(owner.get(String(data.notice)) ?? '')
      if (mine && kind === 'notice.sent' && data.channel === 'mail') mine.sent++
      if (mine && kind === 'notice.unknown') mine.unknown++
    }
    const told = await t.test.ownerQuery<{ tenant_id: string }>(
      `select tenant_id from breach_notice_copies where notice_id = $1`,
      [notice],
    )
    for (const row of told)
      (seen.get(row.tenant_id) ?? assert.fail(`${row.tenant_id} is not touched`)).told++
    for (const { to, source } of received) {
      const tenant = /^privacy@(.+)\.example\.org$/.exec(to.join())?.[1] ?? ''
      const mine = seen.get(tenant) ?? assert.fail(`${to.join()} is nobody's contact`)
      mine.copies.push(/^Message-ID: (.+)$/im.exec(source.toString('latin1'))?.[1] ?? '')
    }
    const first = steps.filter(({ step }) => step === 0)
    assert.equal(first.length, TENANTS, 'a step was lost or taken twice')
    // Whose mail was lost sight of twice is told by the next contacts, and nobody else is.
    const further = steps.filter(({ step }) => step > 0).map((row) => row.tenant_id)
    const lostTwice = [...seen].filter(([, { unknown }]) => unknown > 1).map(([id]) => id)
    assert.deepEqual([...new Set(further)].toSorted(), lostTwice.toSorted())
    const wrong = [...seen].flatMap(([id, one]) => complaints(one).map((what) => `${id}: ${what}`))
    assert.deepEqual(wrong.slice(0, 10), [])
    const [aware] = await t.test.ownerQuery<{ count: string }>(
      'select count(*) from breach_awareness where incident_id = $1',
      [incident],
    )
    assert.equal(Number(aware?.count), [...seen.values()].filter(({ sent }) => sent > 0).length)
    const surplus = received.length - TENANTS
    console.log(
      `# ${received.length} mails for ${TENANTS} tenants, ${surplus} of them a second time and called unknown`,
    )
  }

  it('would be noticed if a notice were lost, told twice, or came twice unannounced', () => {
    const sound = { told: 1, sent: 1, unknown: 0, copies: ['a'] }
    assert.deepEqual(complaints(sound), [])
    assert.deepEqual(complaints({ ...sound, unknown: 1, copies: ['a', 'a'] }), [])
    const wrong: (typeof sound)[] = [
      { ...sound, told: 0 },
      { ...sound, told: 2 },
      { ...sound, copies: [] },
      { ...sound, copies: ['a', 'a'] },
      { ...sound, unknown: 1, copies: ['a', 'b'] },
      { ...sound, sent: 0 },
      { ...sound, sent: 2 },
    ]
    for (const one of wrong) assert.notDeepEqual(complaints(one), [], JSON.stringify(one))
  })
})

function complaints(one: {
  readonly told: number
  readonly sent: number
  readonly unknown: number
  readonly copies: readonly string[]
}): string[] {
  const found: [boolean, string][] = [
    [one.told !== 1, 'it has no copy, or several'],
    [one.copies.length === 0, 'the mail was lost'],
    [new Set(one.copies).size > 1, 'two messages, not one message twice'],
    [one.copies.length > 1 + one.unknown, 'it came twice, and the ledger does not say that it may'],
    // A second unknown outcome ends it, and a mail of which nothing is known was not recorded as sent.
    [one.sent !== 1 && !(one.sent === 0 && one.unknown > 0), 'it is not recorded as sent once'],
  ]
  return found.filter(([wrong]) => wrong).map(([, what]) => what)
}
