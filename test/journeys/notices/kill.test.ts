import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { simpleParser } from 'mailparser'
import { queueNotice } from '#notify/notice.ts'
import { NOTICE_POINTS, type NoticePoint } from '#notify/parts.ts'
import type { Order } from './child.ts'
import { ACME, type NoticeTest, startNoticeTest } from './organisations.ts'

const ROUNDS = 3
const RECIPIENTS = 3

describe('kill -9 of a node that sends notices', () => {
  let t: NoticeTest
  let folder: string
  const approvers: string[] = []
  before(async () => {
    t = await startNoticeTest()
    folder = await mkdtemp(join(tmpdir(), 'sluss-kill-'))
    for (const name of ['alva', 'erik', 'ines']) approvers.push(await t.person(ACME, name, 'en'))
  })
  after(async () => {
    await t.stop()
    await rm(folder, { recursive: true, force: true })
  })

  /** Runs the node until it dies or has nothing to do; answers the signal it died of. */
  const run = async (passing: number, point?: NoticePoint): Promise<string | null> => {
    const order: Order = {
      app: t.test.server.app,
      rootKeyFile: t.rootKeyFile,
      nodeId: '00000000-0000-4000-8000-00000000000f',
      smtpPort: t.mail.port,
      approvers,
      passing,
      ...(point ? { point } : {}),
    }
    const file = join(folder, 'order.json')
    await writeFile(file, JSON.stringify(order))
    const child = fork(join(import.meta.dirname, 'child.ts'), [file])
    return new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)))
  }

  it(`P3 at every point: nothing is lost, and twice arrives only what the ledger calls unknown`, async () => {
    for (let round = 0; round < ROUNDS; round++) {
      for (const point of NOTICE_POINTS) {
        t.mail.received.length = 0
        const passing = point === 'sent' || point === 'recorded' ? 1 + round : 1
        const noticeId = await t.test.database.write(ACME, (tx) =>
          queueNotice(
            tx,
            {
              template: 'support.requested',
              audience: 'approvers',
              about: { requestId: randomUUID() },
            },
            Date.now(),
          ),
        )
        assert.equal(await run(passing, point), 'SIGKILL', `the point ${point} was never reached`)
        assert.equal(await run(0), null)
        await judge(noticeId, point)
      }
    }
  })

  async function judge(noticeId: string, point: NoticePoint): Promise<void> {
    const entries = (await t.entries(ACME)).filter(({ data }) => data.notice === noticeId)
    const copies: string[] = []
    for (const { source } of t.mail.received)
      copies.push((await simpleParser(source)).messageId ?? '')
    assert.deepEqual(complaints(entries, copies, point), [], point)
  }

  it('would be noticed if a message were lost, came twice unannounced, or left without an entry', () => {
    const entry = (kind: string, channel = 'mail') => ({ kind, data: { channel } })
    const all = (...kinds: string[]) => [
      ...Array.from({ length: RECIPIENTS }, () => entry('notice.sent', 'messageCentre')),
      ...Array.from({ length: RECIPIENTS }, () => entry('notice.disclosure')),
      ...Array.from({ length: RECIPIENTS }, () => entry('notice.sent')),
      ...kinds.map((kind) => entry(kind)),
    ]
    const sound = ['a', 'b', 'c']
    assert.deepEqual(complaints(all(), sound, 'recorded'), [])
    assert.deepEqual(
      complaints(all('notice.unknown', 'notice.disclosure'), [...sound, 'a'], 'sent'),
      [],
    )
    assert.notDeepEqual(complaints(all(), ['a', 'b'], 'sent'), [])
    assert.notDeepEqual(complaints(all(), [...sound, 'a'], 'sent'), [])
    assert.notDeepEqual(complaints(all('notice.unknown'), sound, 'sent'), [])
    assert.notDeepEqual(complaints(all().slice(1), sound, 'sent'), [])
    assert.notDeepEqual(complaints(all('notice.sent'), sound, 'sent'), [])
    const twice = all('notice.unknown', 'notice.disclosure')
    assert.notDeepEqual(complaints(twice, [...sound, 'a'], 'claimed'), [])
  })
})

/** What docs/decisions/0009-notices.md promises, against what arrived (message ids, as often as they came). */
function complaints(
  entries: readonly { kind: string; data: Record<string, unknown> }[],
  copies: readonly string[],
  point: NoticePoint,
): string[] {
  const count = (kind: string, channel = 'mail'): number =>
    entries.filter((entry) => entry.kind === kind && entry.data.channel === channel).length
  const unknown = count('notice.unknown')
  const surplus = copies.length - new Set(copies).size
  const found: [boolean, string][] = [
    [new Set(copies).size !== RECIPIENTS, 'a message was lost'],
    [surplus > unknown, 'a message came twice, and the ledger does not say that it may'],
    [point === 'claimed' && surplus > 0, 'what had not left came twice'],
    [point === 'resolved' && unknown > 0, 'what was not begun is called unknown'],
    [count('notice.sent') !== RECIPIENTS, 'not every recipient is recorded once'],
    [count('notice.disclosure') !== RECIPIENTS + unknown, 'an attempt has no entry'],
    [count('notice.sent', 'messageCentre') !== RECIPIENTS, 'the message centre lacks it'],
  ]
  return found.filter(([wrong]) => wrong).map(([, what]) => what)
}
