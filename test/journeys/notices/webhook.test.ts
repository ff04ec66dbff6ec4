import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type IncomingHttpHeaders, type Server, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, beforeEach, describe, it } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { isRefusal } from '#foundation/refusal.ts'
import { queueNotice } from '#notify/notice.ts'
import type { NotifyParts } from '#notify/parts.ts'
import { sendDue } from '#notify/send-due.ts'
import { changeNoticeSettings, readNoticeSettings, rotateWebhookSecret } from '#notify/settings.ts'
import type { TemplateId } from '#notify/template.ts'
import { ACME, type NoticeTest, OTHER, startNoticeTest } from './organisations.ts'

const MINUTE = 60_000

interface Call {
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

describe('notices by webhook', () => {
  let t: NoticeTest
  let receiver: Server
  let url = ''
  let secret = ''
  let answers: ((response: import('node:http').ServerResponse) => void)[] = []
  const calls: Call[] = []
  before(async () => {
    t = await startNoticeTest()
    // The signature's time is the receiver's business, and the library reads the system's clock.
    t.clock.set(Date.now())
    receiver = createServer((request, response) => {
      const parts: Buffer[] = []
      request.on('data', (part: Buffer) => parts.push(part))
      request.on('end', () => {
        calls.push({ headers: request.headers, body: Buffer.concat(parts).toString() })
        const answer = answers.shift()
        if (answer) answer(response)
        else response.writeHead(204).end()
      })
    })
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`
    const changed = await change({ webhookOn: true, webhookUrl: url })
    assert.ok(!isRefusal(changed))
    secret = changed.secret ?? ''
    await t.person(OTHER, 'olle', 'sv', 'Support requests/Approve')
    await t.person(ACME, 'alva', 'sv', 'Support requests/Approve', 'Accounts/Manage')
  })
  after(async () => {
    receiver.closeAllConnections()
    receiver.close()
    await t.stop()
  })
  beforeEach(() => {
    calls.length = 0
    answers = []
  })

  const by = () => ({ actor: 'admin:test', at: t.clock.now() })
  const change = (settings: Parameters<typeof changeNoticeSettings>[2], parts = t.parts()) =>
    t.test.database.write(ACME, (tx) => changeNoticeSettings(tx, parts, settings, by()))
  const queue = (template: TemplateId, about: Record<string, string> = {}, tenantId = ACME) =>
    t.test.database.write(tenantId, (tx) =>
      queueNotice(tx, { template, audience: 'approvers', about }, t.clock.now()),
    )
  const send = (parts?: Partial<NotifyParts>) => sendDue(t.parts({ ...parts }), t.clock.now())
  const verified = ({ body, headers }: Call, key = secret) =>
    new Webhook(key).verify(body, headers as Record<string, string>) as {
      type: string
      data: Record<string, string>
    }

  it('verify with the public library, and carry ids only', async () => {
    const askerId = randomUUID()
    const requestId = randomUUID()
    const noticeId = await queue('support.requested', { requestId, askerId })
    await queue('support.requested', { requestId: randomUUID() }, OTHER)
    await send()
    assert.equal(calls.length, 1)
    const [call] = calls as [Call]
    const event = verified(call)
    assert.equal(event.type, 'support.requested')
    assert.deepEqual(event.data, { noticeId, tenantId: ACME, requestId })
    assert.equal(call.headers['webhook-id'], `msg_${noticeId}`)
    assert.doesNotMatch(call.body, new RegExp(`@|Example|alva|olle|${OTHER}|${askerId}`, 'i'))
    assert.throws(() => verified({ ...call, body: call.body.replace('requested', 'denied') }))
    assert.throws(() => verified(call, `whsec_${Buffer.alloc(32, 7).toString('base64')}`))
  })

  it('come again with the same id when the receiver stumbles, is slow or sends elsewhere', async () => {
    const noticeId = await queue('support.denied')
    answers = [
      (response) => response.writeHead(500).end(),
      (response) => response.writeHead(302, { location: `${url}/elsewhere` }).end(),
      () => undefined,
      (response) => response.destroy(),
    ]
    for (let i = 0; i < 5; i++) {
      await send()
      t.clock.advance(60 * MINUTE)
    }
    await send()
    assert.equal(calls.length, 5)
    assert.deepEqual(new Set(calls.map((call) => call.headers['webhook-id'])).size, 1)
    assert.deepEqual(new Set(calls.map((call) => call.body)).size, 1)
    const codes = (await t.entries(ACME))
      .filter((entry) => entry.data.notice === noticeId && entry.data.channel === 'webhook')
      .filter((entry) => entry.kind !== 'notice.disclosure')
      .map((entry) => [entry.kind, entry.data.code])
    assert.deepEqual(codes, [
      ['notice.failed', 'http_500'],
      ['notice.failed', 'http_302'],
      ['notice.failed', 'und_err_headers_timeout'],
      ['notice.failed', 'und_err_socket'],
      ['notice.sent', 'http_204'],
    ])
    t.clock.set(Date.now())
  })

  it('are signed with the old secret beside the new one for a day', async () => {
    const old = secret
    const rotated = await t.test.database.write(ACME, (tx) => rotateWebhookSecret(tx, t.keys, by()))
    assert.ok(!isRefusal(rotated))
    secret = rotated.secret
    await queue('support.denied')
    await send()
    verified(calls[0] as Call, old)
    verified(calls[0] as Call, secret)
    const rows = await t.test.ownerQuery('select * from notice_settings')
    assert.ok(!JSON.stringify(rows).includes(secret.slice(6)))
    assert.ok(!JSON.stringify(rows).includes('/hook'))
  })

  it('of one person’s own account are not the tenant’s business', async () => {
    await queue('signIn.newDevice')
    await send()
    assert.equal(calls.length, 0)
  })

  it('never reach a private address, by number or by name, nor a receiver without TLS', async () => {
    const closed = { webhook: { allowHttp: false, allowPrivateAddresses: false } }
    await queue('support.denied')
    await send(closed)
    await queue('support.denied')
    await send({ webhook: { allowHttp: true, allowPrivateAddresses: false } })
    // A name that is public to the eye and leads to this machine.
    await change(
      { webhookUrl: `http://localtest.example.org:${new URL(url).port}/` },
      t.parts({ webhook: { allowHttp: true, allowPrivateAddresses: false } }),
    )
    await queue('support.denied')
    await send({ webhook: { allowHttp: true, allowPrivateAddresses: false } })
    assert.equal(calls.length, 0)
    for (const webhookUrl of [url, 'https://127.0.0.1/', 'https://localhost/', 'ftp://x.example/'])
      assert.ok(isRefusal(await change({ webhookUrl }, t.parts(closed))), webhookUrl)
    await change({ webhookUrl: url })
    t.clock.advance(4 * 86_400_000)
    await send()
    t.clock.set(Date.now())
    calls.length = 0
  })

  it('stop for good when the receiver says that it is gone, and the administrators hear of it', async () => {
    answers = [(response) => response.writeHead(410).end()]
    await queue('support.denied')
    await send()
    await queue('support.denied')
    t.mail.received.length = 0
    await send()
    assert.equal(calls.length, 1)
    const settings = await t.test.database.read(ACME, (reader) =>
      readNoticeSettings(reader, t.keys),
    )
    assert.equal(settings.webhookOn, false)
    assert.match(
      t.mail.received.map(({ source }) => source.toString()).join(),
      /To: alva@acme\.example\.org/,
    )
  })
})
