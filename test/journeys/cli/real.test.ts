import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { signOutEverywhere } from '#access/account-updates.ts'
import { systemClock } from '#foundation/clock.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { queueNotice } from '#notify/notice.ts'
import { sendDue } from '#notify/send-due.ts'
import { run } from '../../../src/cli/sluss.ts'
import { waitingEntries } from '../../database.ts'
import { SmallBrowser } from './browser.ts'
import {
  RECORDS,
  type RealInstallation,
  TENANT,
  startRealInstallation,
} from './real-installation.ts'

const FEATURE = 'apple-device-enrollment'
const FLOW = 'apple-device-enrollment.outbound'
const clock = systemClock

describe('the command line against the real rooms', () => {
  let at: RealInstallation
  const browser = new SmallBrowser()
  before(async () => {
    at = await startRealInstallation()
  })
  after(() => at?.stop())

  let environment: Record<string, string> = {}
  const sluss = async (...args: string[]) => {
    const out: string[] = []
    const err: string[] = []
    let opened: Promise<unknown> = Promise.resolve()
    const code = await run(args, {
      out: (text) => out.push(text),
      err: (text) => {
        err.push(text)
        const [, url, shown] = /(http\S+) .* ([A-Z]{4}-[A-Z]{4})/.exec(text) ?? []
        if (url && shown) opened = browser.allowDevice(url, shown)
      },
      ask: async () => 'y',
      environment: { XDG_CONFIG_HOME: at.folder, ...environment },
      clock,
      pause: (milliseconds) => pause(Math.min(milliseconds, 20)),
    })
    await opened
    return { code, out: out.join('\n'), err: err.join('\n') }
  }
  const json = async (...args: string[]) => {
    const { code, out, err } = await sluss(...args, '--json')
    assert.equal(code, 0, err)
    return JSON.parse(out)
  }

  it('signs in, works, renews its token, and proves again who the person is', async () => {
    const first = await sluss('sign-in', '--url', at.origin)
    assert.equal(first.code, 0, first.err)
    const who = await sluss('whoami')
    assert.match(who.out, /Alva Example/)
    assert.match(who.out, /^Support requests\/Approve$/m)
    assert.equal((await sluss('features', 'on', FEATURE)).code, 0)
    const features = await json('features', 'list')
    assert.ok(features.value.find((one: { id: string }) => one.id === FEATURE).isOn)
    assert.equal((await json('consents', 'give', FLOW)).state, 'granted')
    assert.equal((await json('consents', 'withdraw', FLOW)).state, 'withdrawn')
    assert.match((await sluss('consents', 'list', '--state', 'withdrawn')).out, new RegExp(FLOW))
    const nothing = await sluss('consents', 'show', 'nothing.outbound')
    assert.deepEqual([nothing.code, nothing.out], [4, ''])
    const file = join(at.folder, 'sluss', 'tokens.json')
    const kept = JSON.parse(await readFile(file, 'utf8'))
    const { refreshToken } = kept.tokens[at.origin]
    kept.tokens[at.origin].expiresAt = 0
    await writeFile(file, JSON.stringify(kept))
    assert.equal((await sluss('features', 'list')).code, 0)
    const renewed = JSON.parse(await readFile(file, 'utf8')).tokens[at.origin].refreshToken
    assert.notEqual(renewed, refreshToken)
    // The browser is signed in still; whoever is asked to prove it again is asked all the same.
    assert.equal(at.visits(), 1)
    const again = await sluss('sign-in', '--again')
    assert.equal(again.code, 0, again.err)
    assert.equal(at.visits(), 2)
  })

  it('P7 P16 approves less than support asked for, with a key of its own, and the proof stands offline', async () => {
    const key = join(at.folder, 'approver.pem')
    assert.equal((await sluss('keys', 'make', key)).code, 0)
    const requestId = await askedAndPassedOn(at)
    await sendDue(at.notify, clock.now())
    const { value: notices } = await json('messages', 'list')
    const notice = notices.find(
      ({ tags }: { tags: string[] }) => tags[0] === 'support.providerApproved',
    )
    assert.match(notice.body.content, new RegExp(requestId))
    const { value: waiting } = await json('requests', 'list', '--state', 'customerNotified')
    assert.deepEqual(
      waiting.map((one: { id: string }) => one.id),
      [requestId],
    )
    const narrow = ['--items', 'device.model', '--records', RECORDS[0] ?? '', '--hours', '1']
    const approved = await sluss('requests', 'approve', requestId, '--key', key, ...narrow)
    assert.equal(approved.code, 0, approved.err)
    assert.match(approved.out, /less than was asked for/)
    const [grant] = (await json('grants', 'list')).value
    assert.deepEqual(
      [grant.items, grant.recordCount, grant.durationMinutes],
      [['device.model'], 1, 60],
    )
    const again = await sluss('requests', 'approve', requestId, '--key', key)
    assert.equal(again.code, 4)
    assert.match(again.err, /sluss requests show/)

    const entries = await waitingEntries(at.test, TENANT)
    const entry = entries
      .map(({ bytes }) => bytes.toString())
      .find((text) => text.includes('"support.approved"'))
    const file = join(at.folder, 'approval.json')
    await writeFile(file, entry ?? '')
    const sound = await sluss('verify-approval', file)
    assert.equal(sound.code, 0, sound.out)
    await writeFile(file, (entry ?? '').replace('device.model', 'device.imei'))
    assert.equal((await sluss('verify-approval', file)).code, 1)
    assert.equal((await sluss('grants', 'end', grant.id)).code, 0)
    assert.equal((await json('grants', 'list')).value[0].state, 'ended')
  })

  it('denies a request, with a reason', async () => {
    const requestId = await askedAndPassedOn(at)
    const denied = await sluss(
      'requests',
      'deny',
      requestId,
      '--reason',
      'The case was solved by telephone.',
    )
    assert.equal(denied.code, 0, denied.err)
    assert.equal((await json('requests', 'show', requestId)).state, 'denied')
  })

  it('reads notices in the language of the account, each once', async () => {
    const { database } = at.test
    const { accountId } = at.admin
    await database.write(TENANT, (tx) =>
      queueNotice(
        tx,
        { template: 'notice.test', audience: ['account', 'approvers'], about: { accountId } },
        clock.now(),
      ),
    )
    await sendDue(at.notify, clock.now())
    const { value } = await json('messages', 'list')
    const tests = value.filter(({ tags }: { tags: string[] }) => tags[0] === 'notice.test')
    // An approver and the account itself are one person here, who is told once.
    assert.equal(tests.length, 1)
    assert.equal(tests[0].title, 'Ett prov av meddelanden')
    assert.match((await sluss('messages', 'read', tests[0].id)).out, /Inget behöver göras/)
    const read = (await json('messages', 'list')).value.find(
      ({ id }: { id: string }) => id === tests[0].id,
    )
    assert.equal(read.viewPoint.isRead, true)
  })

  it('works for a script with the secret of a service principal, and not with another', async () => {
    environment = await at.service()
    const who = await json('whoami')
    assert.equal(who.account.displayName, 'Nightly export')
    // A node hears of new roles within a second.
    await until(async () => (await sluss('features', 'list')).code === 0)
    environment = { ...environment, SLUSS_CLIENT_SECRET: 'sluss_wrong' }
    const refused = await sluss('features', 'list')
    assert.equal(refused.code, 3)
    assert.match(refused.err, /invalid_client/)
    environment = {}
  })

  it('is signed out when the account is, everywhere', async () => {
    assert.equal((await sluss('features', 'list')).code, 0)
    await at.test.database.write(TENANT, (tx) =>
      signOutEverywhere(tx, at.admin.accountId, { actor: 'admin:test', at: clock.now() + 1_000 }),
    )
    await until(async () => (await sluss('features', 'list')).code !== 0)
    const refused = await sluss('features', 'list')
    assert.equal(refused.code, 3)
    assert.match(refused.err, /sluss sign-in/)
  })
})

/** A request of support that the operator has passed on to the customer. */
async function askedAndPassedOn(at: RealInstallation): Promise<string> {
  const [asker, manager] = [
    await at.operator(`Sam${clock.now()}`),
    await at.operator(`Max${clock.now()}`),
  ]
  const must = <Answer>(answer: Answer): Exclude<Answer, { refused: unknown }> => {
    if (isRefusal(answer)) throw new Error(answer.refused)
    return answer as Exclude<Answer, { refused: unknown }>
  }
  const as = (principal: typeof asker) => ({ principal, now: clock.now() })
  const words = { reference: 'INC-1', title: 'Phones do not enrol' }
  const caseId = must(await at.support.openCase(TENANT, words, as(at.admin)))
  const requestId = must(
    await at.support.ask(
      TENANT,
      {
        caseId,
        scope: { kind: 'records', ids: RECORDS },
        items: ['device.model', 'device.serialNumber'],
        purpose: 'device-enrolment-management',
        reason: 'Enrolment of the phones fails with error 1204; need to see their state.',
      },
      as(asker),
    ),
  )
  must(await at.support.providerApprove(TENANT, requestId, as(manager)))
  return requestId
}

async function until(done: () => Promise<boolean>): Promise<void> {
  for (const began = performance.now(); !(await done()); await pause(20))
    assert.ok(performance.now() - began < 5_000, 'it never happened')
}
