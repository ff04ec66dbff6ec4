import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { type ParsedMail, simpleParser } from 'mailparser'
import { awarenessOf } from '#breach/awareness.ts'
import { askPause, clearPause } from '#breach/pauses.ts'
import { retract } from '#breach/incidents.ts'
import {
  acknowledgeByCode,
  acknowledgeNotice,
  deliverNotices,
  deliveriesOf,
  listCopies,
} from '#breach/notice-delivery.ts'
import { approveNotice, draftNotice, reviseNotice, withdrawDraft } from '#breach/notices.ts'
import { readNotice } from '#breach/notice.table.ts'
import { letterFor } from '#breach/notice-letter.ts'
import { INSTALLATION } from '#database/handles.ts'
import { acknowledgeRoutes } from '#http/api/incidents/notice-routes.ts'
import { addContact } from '#notify/contacts.ts'
import { listMessages } from '#notify/messages.ts'
import { sendDue } from '#notify/send-due.ts'
import { takeReport } from '#notify/take-report.ts'
import {
  ACME,
  type NoticeTest,
  OTHER,
  PRIVACY_MAIL,
  startNoticeTest,
} from '../notices/organisations.ts'
import {
  HOUR,
  addTenants,
  approved,
  breachParts,
  code,
  declared,
  good,
  notifyParts,
  rescope,
  somebody,
  text,
  wordsFor,
} from './notice-world.ts'

const WHY = 'Because of what was found in the access log.'
const MANAGE = 'Accounts/Manage'
const SECURITY = 'security@acme.example.org'

let t: NoticeTest
let alva: string
before(async () => {
  t = await startNoticeTest()
  alva = await t.person(ACME, 'alva', 'sv', MANAGE)
  await t.person(INSTALLATION, 'ines', 'en', 'Incidents/Handle')
  const by = { actor: 'admin:test', now: t.clock.now() }
  const contact = { mail: SECURITY, language: 'en' as const }
  await t.test.database.write(ACME, async (tx) => good(await addContact(tx, t.keys, contact, by)))
})
after(() => t.stop())
beforeEach(async () => {
  // Each test has its own incident: what an earlier one left open is over.
  await run()
  for (const tenant of [ACME, OTHER, 'later'])
    await t.test.database.write(tenant, async (tx) => {
      const answered = { actor: 'admin:test', now: t.clock.now(), how: 'account' as const }
      for (const { noticeId } of await listCopies(tx))
        await acknowledgeNotice(tx, noticeId, answered)
    })
  t.mail.received.length = 0
})

const by = (principal = somebody()) => ({ principal, now: t.clock.now() })
/** What the jobs do, until there is nothing left to do now. */
async function run(change = {}): Promise<void> {
  for (let round = 0; round < 4; round++) {
    await deliverNotices(breachParts(t), t.clock.now())
    await sendDue(notifyParts(t, change), t.clock.now())
  }
}
const told = () => t.mail.received.map(({ to }) => to.join())
const parsed = async (to: string): Promise<ParsedMail> => {
  const mail = t.mail.received.findLast((one) => one.to.includes(to))
  assert.ok(mail, `${to} got no mail`)
  return simpleParser(mail.source)
}
const entriesOf = async (tenant: string, noticeId: string) =>
  (await t.entries(tenant)).filter(
    ({ kind, data }) => data.notice === noticeId && kind.startsWith('incident.'),
  )
const awareness = (tenant: string, incident: string) =>
  t.test.database.read(tenant, (reader) => awarenessOf(reader, incident, t.clock.now()))
const stateOf = async (noticeId: string, tenant = ACME) =>
  (await deliveriesOf(t.test.database, noticeId)).find((one) => one.tenantId === tenant)

describe('the words of a notice', () => {
  it('P13 are frozen by two people, of whom one has neither written nor declared, by whichever account', async () => {
    const declarer = somebody()
    const incident = await declared(t, [ACME], declarer)
    const writer = { ...somebody(), personMarks: ['writer'] }
    const parts = breachParts(t)
    const words = wordsFor(t.clock.now())
    const notice = good(await draftNotice(parts, incident, { kind: 'first', words }, by(writer)))
    const approve = async (principal: ReturnType<typeof somebody>, version: number) =>
      approveNotice(parts, incident, notice, version, by(principal))
    assert.equal(good(await approve(writer, 1)).state, 'draft')
    assert.equal(code(await approve(writer, 1)), 'self_approval')
    assert.equal(
      code(await approve({ ...somebody(), personMarks: ['writer'] }, 1)),
      'self_approval',
    )
    assert.equal(code(await approve(declarer, 1)), 'self_approval')
    const next = { version: 1, words: { ...words, nextWordAt: t.clock.now() + 5 * HOUR } }
    assert.equal(good(await reviseNotice(parts, incident, notice, next, by())), 2)
    assert.equal(
      code(await reviseNotice(parts, incident, notice, next, by())),
      'precondition_failed',
    )
    assert.equal(code(await approve(somebody(), 1)), 'precondition_failed')
    // The approval of version 1 does not count for version 2.
    assert.equal(good(await approve(declarer, 2)).state, 'draft')
    const frozen = good(await approve(somebody(), 2))
    assert.match(frozen.frozen?.hash ?? '', /^[0-9a-f]{64}$/)
    const late = { version: 2, words }
    assert.equal(code(await reviseNotice(parts, incident, notice, late, by())), 'notice_state')
    assert.equal(code(await withdrawDraft(parts, incident, notice, by())), 'notice_state')
    await assert.rejects(
      t.test.ownerQuery(`update breach_notices set hash = 'x' where notice_id = $1`, [notice]),
      /cannot change|constraint/,
    )
    const log = (await t.entries(INSTALLATION)).filter(({ data }) => data.notice === notice)
    assert.equal(log.at(-1)?.data.hash, frozen.frozen?.hash)
    assert.doesNotMatch(JSON.stringify(log), /misused/)
  })

  it('say what they must in both languages, and hold no link, before anybody can approve them', async () => {
    const incident = await declared(t, [ACME])
    const parts = breachParts(t)
    const words = wordsFor(t.clock.now())
    const wrong = [
      { ...words, nextWordAt: undefined },
      { ...words, nextWordAt: t.clock.now() },
      { ...words, sv: { ...text('sv'), consequences: ' ' } },
      { ...words, en: { ...text('en'), contact: 'See https://sluss.example' } },
    ]
    for (const one of wrong) {
      const draft = { kind: 'first' as const, words: one }
      const notice = good(await draftNotice(parts, incident, draft, by()))
      assert.equal(code(await approveNotice(parts, incident, notice, 1, by())), 'notice_incomplete')
      good(await withdrawDraft(parts, incident, notice, by()))
    }
    const final = good(await draftNotice(parts, incident, { kind: 'final', words }, by()))
    assert.equal(code(await approveNotice(parts, incident, final, 1, by())), 'notice_incomplete')
  })
})

describe('a notice', () => {
  it('P13 P9 reaches the touched tenant and no other, with its own numbers, and its 72 hours begin', async () => {
    const incident = await declared(t, [ACME])
    const notice = await approved(t, incident)
    await run()
    assert.deepEqual(told(), [PRIVACY_MAIL])
    const mail = await parsed(PRIVACY_MAIL)
    assert.match(mail.subject ?? '', /^Security incident: An account was misused \(en\)$/)
    for (const part of Object.values(text('en')).slice(1))
      assert.ok(mail.text?.includes(part), part)
    assert.match(mail.text ?? '', /About 1,200 people and 40 records/)
    assert.doesNotMatch(mail.text ?? '', /https?:|1234|\bother\b/)
    assert.equal((await awareness(ACME, incident))?.how, 'delivered')
    assert.equal(await awareness(OTHER, incident), undefined)
    const log = await entriesOf(ACME, notice)
    assert.deepEqual(
      log.map(({ kind }) => kind),
      ['incident.told', 'incident.step'],
    )
    const frozen = await t.test.database.read(INSTALLATION, (reader) => readNotice(reader, notice))
    assert.equal(log[0]?.data.hash, frozen?.frozen?.hash)
    assert.equal(frozen?.state, 'told')
    assert.equal(JSON.stringify(await t.entries(OTHER)).includes(incident), false)
    // The administrator finds it in the message centre, in Swedish, and got no mail.
    const page = await t.test.database.read(ACME, (reader) =>
      listMessages(reader, { keys: t.keys, accountId: alva, language: 'sv', timeZone: 'UTC' }, {
        top: 10,
        skip: 0,
        count: false,
        filter: undefined,
        orderBy: [],
        after: undefined,
      } as never),
    )
    const message = page.rows.find((row) => row.template === 'incident.first')
    assert.match(message?.body ?? '', /En incident rör[^]*Ungefär 1\u00a0200 personer/)
  })

  it('goes up the contacts in their order and to a person, each once, until somebody acknowledges', async () => {
    const incident = await declared(t, [ACME])
    const notice = await approved(t, incident)
    await run()
    const mails: string[][] = [told()]
    for (let i = 0; i < 4; i++) {
      t.mail.received.length = 0
      t.clock.advance(12 * HOUR)
      await run()
      mails.push(told())
    }
    assert.deepEqual(mails, [
      [PRIVACY_MAIL],
      [PRIVACY_MAIL],
      [SECURITY],
      ['alva@acme.example.org'],
      ['ines@operator.example.org'],
    ])
    assert.equal((await stateOf(notice))?.state, 'person')
    const spoken = { actor: 'operator:ines', now: t.clock.now(), how: 'person' as const }
    const first = await t.test.database.write(ACME, (tx) => acknowledgeNotice(tx, notice, spoken))
    assert.equal(first, true)
    assert.equal((await stateOf(notice))?.state, 'acknowledged')
    t.mail.received.length = 0
    t.clock.advance(48 * HOUR)
    await run()
    assert.deepEqual(told(), [])
  })

  it('is acknowledged by the code of the mail, once, and by no other', async () => {
    const incident = await declared(t, [ACME])
    const notice = await approved(t, incident)
    await run()
    const found = /Code to acknowledge it with: (\S+)/.exec((await parsed(PRIVACY_MAIL)).text ?? '')
    const given = found?.[1] ?? ''
    const use = (tried: string) => acknowledgeByCode(breachParts(t), tried, t.clock.now())
    const wrong = [`${OTHER}.${given.split('.')[1]}`, `${given.slice(0, -1)}!`, '', 'x', `${ACME}.`]
    for (const one of wrong) assert.equal(code(await use(one)), 'notice_unknown', one)
    assert.deepEqual(await use(` ${given} `), { isFirst: true })
    assert.deepEqual(await use(given), { isFirst: false })
    assert.equal((await stateOf(notice))?.state, 'acknowledged')
    t.mail.received.length = 0
    t.clock.advance(13 * HOUR)
    await run()
    assert.deepEqual(told(), [])
  })

  it('is a letter too, whose code the page takes; opening the page acknowledges nothing', async () => {
    const incident = await declared(t, [ACME])
    const notice = await approved(t, incident)
    await run()
    const at = { incidentId: incident, noticeId: notice, tenantId: ACME }
    const letter = good(await letterFor(breachParts(t), at, 'sv', by()))
    assert.match(letter, /^<!doctype html><html lang="sv">/)
    assert.ok(letter.includes(text('sv').nature))
    assert.doesNotMatch(letter, /https?:|src=|href|<script/)
    const other = { ...at, tenantId: OTHER }
    assert.equal(code(await letterFor(breachParts(t), other, 'sv', by())), 'notice_unknown')
    const given = /acme\.[\w-]{24}/.exec(letter)?.[0] ?? ''
    const lease = { held: () => true }
    const app = acknowledgeRoutes({ breach: breachParts(t), clock: t.clock, lease })
    const post = async (tried: string, over = app) =>
      (
        await over.request('/notices/acknowledge', {
          method: 'POST',
          body: new URLSearchParams({ code: tried }).toString(),
        })
      ).status
    const opened = await app.request(`/notices/acknowledge?code=${given}`)
    assert.equal(opened.status, 200)
    assert.match(opened.headers.get('content-security-policy') ?? '', /default-src 'none'/)
    assert.equal(await post('<script>'), 404)
    const expired = { ...lease, held: () => false }
    const cut = acknowledgeRoutes({ breach: breachParts(t), clock: t.clock, lease: expired })
    assert.equal(await post(given, cut), 503)
    assert.equal((await stateOf(notice))?.state, 'telling')
    assert.equal(await post(given), 200)
    assert.equal((await stateOf(notice))?.state, 'acknowledged')
  })

  it('goes to the next contact at once when the server says no for good, and waits for days when it says later', async () => {
    const incident = await declared(t, [ACME])
    t.mail.inject({ at: 'rcpt', code: 550 })
    const notice = await approved(t, incident)
    await run()
    assert.deepEqual(told(), [SECURITY])
    const steps = (await entriesOf(ACME, notice)).filter(({ kind }) => kind === 'incident.step')
    assert.deepEqual(
      steps.map(({ data }) => [data.step, data.because]),
      [
        ['privacyContact', 'approved'],
        ['securityContacts', 'unreachable'],
      ],
    )
    t.mail.received.length = 0
    const second = await declared(t, [ACME])
    t.mail.inject({ at: 'rcpt', code: 451 }, { at: 'rcpt', code: 451 })
    await approved(t, second)
    await run()
    assert.deepEqual(told(), [])
    t.clock.advance(61_000)
    await run()
    t.clock.advance(121_000)
    await run()
    assert.deepEqual(told(), [PRIVACY_MAIL])
  })

  it('that comes back counts as not told: the report leads to the next contact, once', async () => {
    const incident = await declared(t, [ACME])
    const notice = await approved(t, incident)
    await run()
    const header = (await parsed(PRIVACY_MAIL)).headers.get('x-envelope-id')
    const report = (action: string, id = String(header)) =>
      Buffer.from(
        [
          'Content-Type: multipart/report; report-type=delivery-status; boundary=b',
          '',
          '--b',
          'Content-Type: message/delivery-status',
          '',
          `Original-Envelope-Id: ${id}`,
          '',
          `Action: ${action}`,
          `Status: ${action === 'failed' ? '5.1.1' : '4.4.1'}`,
          '',
          '--b--',
        ].join('\r\n'),
      )
    t.mail.received.length = 0
    const take = (source: Buffer) => takeReport(notifyParts(t), source, t.clock.now())
    assert.equal(
      code(await take(report('failed', `${OTHER}.${String(header).split('.')[1]}`))),
      'not_found',
    )
    assert.equal(await take(report('delayed')), 'delayed')
    await run()
    assert.deepEqual(told(), [])
    assert.equal(await take(report('failed')), 'failed')
    assert.equal(await take(report('failed')), 'repeated')
    await run()
    assert.deepEqual(told(), [SECURITY])
    assert.equal((await stateOf(notice))?.step, 'securityContacts')
    const bounced = (await t.entries(ACME)).filter(({ kind }) => kind === 'notice.bounced')
    assert.equal(bounced.length, 1)
    assert.doesNotMatch(JSON.stringify(bounced), /@/)
  })

  it('P9 comes to a person at once where a tenant has nobody, and to nobody where the tenant is gone', async () => {
    await addTenants(t, ['closed-one'])
    await t.test.ownerQuery(`update tenants set state = 'closed' where tenant_id = 'closed-one'`)
    const incident = await declared(t, [OTHER, 'closed-one', 'never-was'])
    const notice = await approved(t, incident)
    await run()
    assert.deepEqual(told(), ['ines@operator.example.org'])
    assert.equal((await stateOf(notice, OTHER))?.state, 'person')
    assert.equal((await stateOf(notice, 'closed-one'))?.state, 'gone')
    assert.equal((await stateOf(notice, 'never-was'))?.state, 'gone')
    assert.equal(await awareness(OTHER, incident), undefined)
  })

  it('waits while the clock is paused, and is not sent once the declaration is taken back', async () => {
    const incident = await declared(t, [ACME])
    const notice = await approved(t, incident)
    const asked = { exception: 'tipOff', hours: 5, reason: WHY } as const
    const pause = good(await askPause(breachParts(t), incident, asked, by()))
    good(await clearPause(breachParts(t), incident, pause, by()))
    await run()
    assert.deepEqual(told(), [])
    t.clock.advance(6 * HOUR)
    await run()
    assert.deepEqual(told(), [PRIVACY_MAIL])
    assert.equal((await stateOf(notice))?.state, 'telling')
    t.mail.received.length = 0
    const wrong = await declared(t, [ACME])
    await approved(t, wrong)
    good(await retract(breachParts(t), wrong, WHY, by()))
    await run()
    assert.deepEqual(told(), [])
  })

  it('of the first kind goes only to who had none, and what follows also to who is touched no more', async () => {
    await addTenants(t, ['later'])
    const incident = await declared(t, [ACME])
    await approved(t, incident)
    await run()
    assert.deepEqual(told(), [PRIVACY_MAIL])
    t.mail.received.length = 0
    await rescope(t, incident, ['later'])
    await approved(t, incident)
    await run()
    assert.deepEqual(told(), ['privacy@later.example.org'])
    t.mail.received.length = 0
    await approved(t, incident, 'final')
    await run()
    assert.deepEqual(told().toSorted(), [PRIVACY_MAIL, 'privacy@later.example.org'].toSorted())
    assert.match((await parsed(PRIVACY_MAIL)).text ?? '', /none of your data is concerned/)
  })
})
