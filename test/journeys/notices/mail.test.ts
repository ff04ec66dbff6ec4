import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { type ParsedMail, simpleParser } from 'mailparser'
import { INSTALLATION } from '#database/handles.ts'
import { createNotify } from '#notify/create-notify.ts'
import { type Notice, queueNotice } from '#notify/notice.ts'
import type { Escalation, NotifyParts } from '#notify/parts.ts'
import { sendDue } from '#notify/send-due.ts'
import { changeNoticeSettings } from '#notify/settings.ts'
import { startSandboxMail } from '../../../sandbox/mail/server.ts'
import {
  ACME,
  type NoticeTest,
  OTHER,
  PRIVACY_MAIL,
  mailTo,
  startNoticeTest,
} from './organisations.ts'

const MINUTE = 60_000
const APPROVE = 'Support requests/Approve'

describe('notices by mail', () => {
  let t: NoticeTest
  let english: string
  let swedish: string
  before(async () => {
    t = await startNoticeTest()
    english = await t.person(ACME, 'erik', 'en', APPROVE)
    swedish = await t.person(ACME, 'alva', 'sv', APPROVE)
    await t.person(ACME, 'noel', 'en')
    await t.person(OTHER, 'olle', 'sv', APPROVE)
  })
  after(() => t.stop())
  beforeEach(() => {
    t.mail.received.length = 0
    t.clock.advance(7 * 86_400_000)
  })

  const queue = (notice: Notice, tenantId = ACME) =>
    t.test.database.write(tenantId, (tx) => queueNotice(tx, notice, t.clock.now()))
  const send = (change?: Partial<NotifyParts>) => sendDue(t.parts(change), t.clock.now())
  const about = (notice: string) => async (tenantId: string) =>
    (await t.entries(tenantId)).filter((entry) => entry.data.notice === notice)
  const parsed = async (): Promise<Map<string, ParsedMail>> =>
    new Map(
      await Promise.all(
        t.mail.received.map(
          async ({ to, source }) => [to.join(), await simpleParser(source)] as const,
        ),
      ),
    )
  const toBoth = (): Notice => ({
    template: 'support.requested',
    audience: 'approvers',
    about: { requestId: randomUUID(), until: '2040-07-01T12:30:00Z' },
  })

  it('reach every approver in their language, one mail each, with nothing to click', async () => {
    await t.test.database.write(ACME, (tx) =>
      changeNoticeSettings(
        tx,
        t.parts(),
        { timeZone: 'Europe/Stockholm' },
        { actor: 'admin:test', at: t.clock.now() },
      ),
    )
    const notice = toBoth()
    await queue(notice)
    assert.equal(await send(), 2)
    const mails = await parsed()
    assert.deepEqual([...mails.keys()].sort(), ['alva@acme.example.org', 'erik@acme.example.org'])
    const mail = mails.get('alva@acme.example.org')
    assert.equal(mail?.subject, 'En supportbegäran väntar på ditt godkännande')
    assert.equal(
      mails.get('erik@acme.example.org')?.subject,
      'A support request waits for your approval',
    )
    assert.match(mail?.text ?? '', /1 juli 2040 kl\. 14:30 \(Europe\/Stockholm\)/)
    assert.match(mail?.text ?? '', new RegExp(String(notice.about.requestId)))
    assert.equal(mail?.headers.get('auto-submitted'), 'auto-generated')
    assert.equal(mail?.headers.get('content-language'), 'sv')
    assert.match(JSON.stringify(mail?.headers.get('list')), /notices\.sluss\.example\.org/)
    assert.equal(mail?.from?.value[0]?.address, 'notices@sluss.example.org')
    for (const { source } of t.mail.received) {
      assert.doesNotMatch(source.toString(), /https?:|href|<img|x-mailer/i)
      const { text = '', html } = await simpleParser(source)
      assert.doesNotMatch(`${text}${html || ''}`, /http|Example|@/i)
    }
  })

  it('P3 have their entry before the first byte, and exactly one outcome', async () => {
    const id = await queue(toBoth())
    const seen: number[] = []
    await send({
      reached: async (point) => {
        if (point !== 'claimed') return
        const before = await about(id)(ACME)
        seen.push(before.filter((entry) => entry.kind === 'notice.disclosure').length)
        assert.equal(t.mail.received.length, 0)
      },
    })
    assert.equal(seen[0], 2)
    const entries = await about(id)(ACME)
    const opened = entries.filter((entry) => entry.kind === 'notice.disclosure')
    const sent = entries.filter(
      (entry) => entry.kind === 'notice.sent' && entry.data.channel === 'mail',
    )
    assert.equal(sent.length, opened.length)
    assert.deepEqual(opened[0]?.data.items, ['account.emailAddressOfAccountOwner'])
    const text = JSON.stringify(entries)
    assert.doesNotMatch(text, /@|Example|example\.org/)
    for (const mail of (await parsed()).values())
      assert.ok(!text.includes(mail.messageId?.slice(1, 20) ?? '?'))
  })

  it('go out once when the relay comes back, and wait longer each time until then', async () => {
    const down = await startSandboxMail()
    const relay = { mail: mailTo(down.port) }
    await down.stop()
    const id = await queue({ ...toBoth(), audience: 'account', about: { accountId: swedish } })
    for (const minutes of [0, 1, 2, 4]) {
      t.clock.advance(minutes * MINUTE)
      assert.equal(await send(relay), 1)
      assert.equal(await send(relay), 0)
    }
    const back = await startSandboxMail({ port: down.port })
    t.clock.advance(8 * MINUTE)
    assert.equal(await send(relay), 1)
    t.clock.advance(60 * MINUTE)
    assert.equal(await send(relay), 0)
    assert.equal(back.received.length, 1)
    await back.stop()
    const kinds = (await about(id)(ACME)).map((entry) => entry.kind)
    assert.equal(kinds.filter((kind) => kind === 'notice.failed').length, 4)
    assert.equal(kinds.at(-1), 'notice.sent')
  })

  it('come again after a 4xx at any step, and not after a 5xx', async () => {
    for (const at of ['mail', 'rcpt', 'data'] as const) {
      t.mail.received.length = 0
      const soft = await queue({ ...toBoth(), audience: 'account', about: { accountId: english } })
      t.mail.inject({ at, code: 451 })
      await send()
      assert.equal(t.mail.received.length, 0)
      t.clock.advance(MINUTE)
      await send()
      assert.equal(t.mail.received.length, 1)
      assert.equal((await about(soft)(ACME)).at(-1)?.kind, 'notice.sent')
      const hard = await queue({ ...toBoth(), audience: 'account', about: { accountId: english } })
      t.mail.inject({ at, code: 550 })
      const told: Escalation[] = []
      await send({ escalate: async (_, escalation) => void told.push(escalation) })
      t.clock.advance(86_400_000)
      await send()
      assert.equal(t.mail.received.length, 1)
      assert.deepEqual((await about(hard)(ACME)).at(-1)?.data.final, true)
      assert.deepEqual(
        told.map(({ recipient, channel, code }) => [recipient, channel, code]),
        [[english, 'mail', 'smtp_550']],
      )
    }
  })

  it('whose outcome nobody saw are sent once more under the same message id, and then no more', async () => {
    const id = await queue({ ...toBoth(), audience: 'account', about: { accountId: english } })
    t.mail.inject({ at: 'after-data' }, { at: 'after-data' })
    await send()
    for (let i = 0; i < 5; i++) {
      t.clock.advance(30 * MINUTE)
      await send()
    }
    const ids = await Promise.all(
      t.mail.received.map(async ({ source }) => (await simpleParser(source)).messageId),
    )
    assert.equal(ids.length, 2)
    assert.equal(new Set(ids).size, 1)
    const unknown = (await about(id)(ACME)).filter((entry) => entry.kind === 'notice.unknown')
    assert.deepEqual(
      unknown.map((entry) => entry.data.final),
      [false, true],
    )
  })

  it('are given up after three days, and somebody else is told', async () => {
    await queue({ ...toBoth(), audience: 'account', about: { accountId: english } })
    const told: Escalation[] = []
    const dead: Partial<NotifyParts> = {
      mail: mailTo(1),
      escalate: async (_, escalation) => void told.push(escalation),
    }
    for (let hours = 0; hours < 80; hours++) {
      await send(dead)
      t.clock.advance(60 * MINUTE)
    }
    assert.equal(told.length, 1)
    assert.equal(t.mail.received.length, 0)
  })

  it('are refused, with an entry, while the operator has the relay switched off', async () => {
    const by = { actor: 'operator:test', at: t.clock.now() }
    const relay = (mailOn: boolean) =>
      t.test.database.write(INSTALLATION, (tx) =>
        changeNoticeSettings(tx, t.parts(), { mailOn }, by),
      )
    await relay(false)
    const id = await queue(toBoth())
    assert.equal(await send(), 0)
    await relay(true)
    await send()
    assert.equal(t.mail.received.length, 0)
    const entries = await about(id)(ACME)
    const refusals = entries.filter((entry) => entry.kind === 'refusal')
    assert.deepEqual(
      refusals.map((entry) => entry.data.reason),
      ['connection_disabled', 'connection_disabled'],
    )
    assert.equal(entries.filter((entry) => entry.kind === 'notice.disclosure').length, 0)
    // The message centre had it all the same.
    assert.equal(entries.filter((entry) => entry.kind === 'notice.sent').length, 2)
  })

  it('reach the privacy contact at their address, and the administrators of a tenant without one', async () => {
    await t.person(OTHER, 'ines', 'en', 'Accounts/Manage')
    await queue({ template: 'emergency.opened', audience: 'privacyContact', about: {} })
    await queue({ template: 'emergency.opened', audience: 'privacyContact', about: {} }, OTHER)
    await send()
    assert.deepEqual([...(await parsed()).keys()].sort(), ['ines@other.example.org', PRIVACY_MAIL])
  })

  it('for the operator’s staff go through the operator’s own rows, and tell them which tenant', async () => {
    const askerId = await t.person(INSTALLATION, 'sam', 'en')
    const id = await queue({
      template: 'support.denied',
      audience: ['asker', 'approvers'],
      about: { askerId },
    })
    await send()
    await send()
    const mail = (await parsed()).get('sam@operator.example.org')
    assert.match(mail?.text ?? '', /Organisation: acme/)
    assert.equal(t.mail.received.length, 3)
    assert.deepEqual(
      (await about(id)(INSTALLATION)).map((entry) => entry.data.channel),
      ['messageCentre', 'mail', 'mail'],
    )
    assert.doesNotMatch(JSON.stringify(await about(id)(ACME)), new RegExp(askerId))
  })

  it('tell nobody of another tenant, nobody who lost the role meanwhile, and nobody too late', async () => {
    const id = await queue(toBoth())
    const late = await queue({ ...toBoth(), usefulUntil: t.clock.now() + MINUTE })
    const holders = t.holders.get(`${ACME} ${APPROVE}`)
    holders?.delete(english)
    await send()
    holders?.add(english)
    assert.deepEqual([...(await parsed()).keys()], ['alva@acme.example.org'])
    assert.equal((await about(id)(OTHER)).length, 0)
    assert.ok((await about(late)(ACME)).length > 0)
    const later = await queue({ ...toBoth(), usefulUntil: t.clock.now() + MINUTE })
    t.clock.advance(2 * MINUTE)
    t.mail.received.length = 0
    await send()
    assert.equal(t.mail.received.length, 0)
    assert.equal((await about(later)(ACME)).at(-1)?.data.code, 'too_late')
  })

  it('P4 wait while this node is cut off from the database', async () => {
    await queue(toBoth())
    assert.equal(await send({ lease: { held: () => false } }), 0)
    assert.equal(t.mail.received.length, 0)
    assert.equal(await send(), 2)
  })

  it('that reach nobody are a finding of their own', async () => {
    const told: Escalation[] = []
    const id = await queue({ template: 'support.denied', audience: 'account', about: {} })
    await send({ escalate: async (_, escalation) => void told.push(escalation) })
    assert.equal(told[0]?.code, 'no_recipient')
    assert.equal((await about(id)(ACME)).at(-1)?.kind, 'notice.failed')
  })

  it('are sent once by two nodes at work at the same time', async () => {
    const second = await t.test.openSecond()
    for (let i = 0; i < 10; i++) await queue(toBoth())
    const now = t.clock.now()
    await Promise.all([
      sendDue(t.parts(), now),
      sendDue({ ...t.parts(), database: second }, now),
      sendDue(t.parts(), now),
    ])
    await send()
    const ids = await Promise.all(
      t.mail.received.map(async ({ source }) => (await simpleParser(source)).messageId),
    )
    assert.equal(ids.length, 20)
    assert.equal(new Set(ids).size, 20)
  })

  it('would be seen to come twice if a node forgot what it has sent', async () => {
    const id = await queue({ ...toBoth(), audience: 'account', about: { accountId: english } })
    await send()
    // The wrong twin: what was sent waits again.
    await t.test.ownerQuery(
      "update notice_sends set state = 'waiting' where notice_id = $1 and channel = 'mail'",
      [id],
    )
    await send()
    const ids = await Promise.all(
      t.mail.received.map(async ({ source }) => (await simpleParser(source)).messageId),
    )
    assert.equal(ids.length, 2)
    assert.equal(new Set(ids).size, 1)
  })

  it('go over TLS to a relay that is known, signed in and signed (DKIM), and to no other', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluss-tls-'))
    const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
    const subject = ['-subj', '/CN=relay', '-addext', 'subjectAltName=IP:127.0.0.1']
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
    await promisify(execFile)('openssl', [
      ...['req', '-x509', ...curve, '-days', '2', ...subject],
      ...['-keyout', keyFile, '-out', certFile],
    ])
    const [key, cert] = [await readFile(keyFile, 'utf8'), await readFile(certFile, 'utf8')]
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const dkim = {
      domain: 'sluss.example.org',
      selector: 's1',
      privateKey: privateKey.export({ type: 'pkcs1', format: 'pem' }) as string,
    }
    const user = { name: 'sluss', password: 'correct horse' }
    for (const security of ['tls', 'startTls'] as const) {
      const relay = await startSandboxMail({
        tls: { key, cert, secure: security === 'tls' },
        user,
      })
      const known = { ...mailTo(relay.port), security, user: user.name, password: user.password }
      const one = { ...toBoth(), audience: 'account' as const, about: { accountId: english } }
      await queue(one)
      await send({ mail: known })
      assert.equal(relay.received.length, 0, 'a relay of an unknown authority')
      t.clock.advance(MINUTE)
      await send({ mail: { ...known, ca: cert, password: 'wrong' } })
      assert.equal(relay.received.length, 0, 'a wrong password')
      t.clock.advance(2 * MINUTE)
      await send({ mail: { ...known, ca: cert, dkim } })
      assert.equal(relay.received.length, 1)
      assert.equal(relay.received[0]?.secure, true)
      assert.match(
        relay.received[0]?.source.toString() ?? '',
        /DKIM-Signature: v=1; a=rsa-sha256;[^]*d=sluss\.example\.org;[^]*s=s1/,
      )
      await relay.stop()
    }
    // A relay that offers no TLS is not talked to in clear.
    await queue({ ...toBoth(), audience: 'account', about: { accountId: english } })
    t.mail.received.length = 0
    await send({ mail: { ...mailTo(t.mail.port), security: 'startTls' } })
    assert.equal(t.mail.received.length, 0)
    t.clock.advance(4 * 86_400_000)
    await send()
    await rm(folder, { recursive: true, force: true })
  })

  it('are sent by a running node without being asked, and not after a rollback', async () => {
    const notify = createNotify(t.parts())
    await notify.start()
    const event = {
      tenantId: ACME,
      template: 'support.denied',
      audience: 'approvers',
      about: {},
    } as const
    await assert.rejects(
      t.test.database.write(ACME, async (tx) => {
        await notify.notify(tx, event)
        throw new Error('undone')
      }),
    )
    await t.test.database.write(ACME, (tx) => notify.notify(tx, event))
    await until(() => t.mail.received.length === 2)
    await notify.close()
    assert.equal(t.mail.received.length, 2)
  })
})

async function until(done: () => boolean): Promise<void> {
  for (const began = performance.now(); !done(); ) {
    assert.ok(performance.now() - began < 10_000, 'it never happened')
    await new Promise((resolve) => setImmediate(resolve))
  }
}
