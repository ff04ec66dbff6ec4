import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { isRefusal } from '#foundation/refusal.ts'
import { messageEndpoints } from '#http/api/messages/messages.ts'
import { noticeSettingsEndpoints } from '#http/api/messages/notice-settings.ts'
import { listMessages, markMessages, readMessage } from '#notify/messages.ts'
import { queueNotice } from '#notify/notice.ts'
import { sendDue } from '#notify/send-due.ts'
import { ACME, type NoticeTest, OTHER, startNoticeTest } from './organisations.ts'

const QUERY = {
  orderBy: [{ field: 'startDateTime', descending: true }],
  top: 2,
  skip: 0,
  count: true,
}

describe('the message centre', () => {
  let t: NoticeTest
  let alva: string
  let erik: string
  before(async () => {
    t = await startNoticeTest()
    alva = await t.person(ACME, 'alva', 'sv', 'Support requests/Approve')
    erik = await t.person(ACME, 'erik', 'en')
    for (let i = 0; i < 5; i++) {
      t.clock.advance(60_000)
      await t.test.database.write(ACME, (tx) =>
        queueNotice(
          tx,
          {
            template: 'support.requested',
            audience: 'approvers',
            about: { requestId: randomUUID() },
          },
          t.clock.now(),
        ),
      )
      await sendDue(t.parts({ mail: undefined }), t.clock.now())
    }
  })
  after(() => t.stop())

  const list = (accountId: string, tenantId = ACME, query: object = {}) =>
    t.test.database.read(tenantId, (reader) =>
      listMessages(
        reader,
        { keys: t.keys, accountId, language: 'sv', timeZone: 'UTC' },
        { ...QUERY, ...query },
      ),
    )

  it('P9 shows an account its own messages, page after page, and nobody else’s', async () => {
    const first = await list(alva)
    assert.equal(first.count, 5)
    assert.equal(first.rows.length, 2)
    assert.equal(first.rows[0]?.title, 'En supportbegäran väntar på ditt godkännande')
    assert.doesNotMatch(first.rows[0]?.body ?? '', /-- |http/)
    const second = await list(alva, ACME, { after: first.next })
    const ids = [...first.rows, ...second.rows].map((row) => row.id)
    assert.equal(new Set(ids).size, 4)
    assert.equal((await list(erik)).count, 0)
    assert.equal((await list(alva, OTHER)).count, 0)
    const by = { keys: t.keys, accountId: erik, language: 'en' as const, timeZone: 'UTC' }
    assert.equal(
      await t.test.database.read(ACME, (reader) => readMessage(reader, by, ids[0] ?? '')),
      undefined,
    )
  })

  it('keeps what was read, for each account by itself', async () => {
    const id = (await list(alva)).rows[0]?.id ?? ''
    const mark = (accountId: string, read: boolean) =>
      t.test.database.write(ACME, (tx) => markMessages(tx, accountId, [id], read, t.clock.now()))
    assert.equal(await mark(erik, true), 0)
    assert.equal(await mark(alva, true), 1)
    const unread = { filter: { op: 'eq', field: 'viewPoint/isRead', value: false } }
    assert.equal((await list(alva, ACME, unread)).count, 4)
    assert.equal(await mark(alva, false), 1)
    assert.equal((await list(alva, ACME, unread)).count, 5)
  })

  it('P3 has a message exactly where the ledger says that it was sent', async () => {
    const sent = (await t.entries(ACME)).filter((entry) => entry.kind === 'notice.sent')
    assert.deepEqual(
      sent.map(({ data }) => [data.channel, data.recipient]),
      Array.from({ length: 5 }, () => ['messageCentre', alva]),
    )
    // Without a relay the refusals are there as well: nothing fails in silence.
    const refused = (await t.entries(ACME)).filter((entry) => entry.kind === 'refusal')
    assert.deepEqual(
      new Set(refused.map(({ data }) => data.reason)),
      new Set(['connection_unknown']),
    )
  })

  it('answers over the API as Graph does, and only in the caller’s name', async () => {
    const { database } = t.test
    const endpoints = [
      ...messageEndpoints({ database, keys: t.keys }),
      ...noticeSettingsEndpoints({ database, keys: t.keys, webhook: t.parts().webhook }),
    ]
    const call = (accountId: string) => ({
      principal: {
        tenantId: ACME,
        accountId,
        kind: 'person' as const,
        groups: [],
        personMarks: [],
        language: 'en' as const,
        authenticatedAt: t.clock.now(),
        methods: ['hwk'],
      },
      actor: `admin:${accountId}`,
      tenantId: ACME,
      access: { may: () => true, tagsFor: () => 'all' as const, permissions: new Set<string>() },
      now: t.clock.now(),
      requestId: 'r',
    })
    const byId = (id: string) => endpoints.find((one) => one.id === id) ?? assert.fail(id)
    const listing = byId('listServiceUpdateMessages')
    assert.ok(listing.kind === 'list')
    const page = await listing.list(call(alva), {}, QUERY, undefined)
    assert.ok(!isRefusal(page))
    const shown = listing.answer.parse(page.rows[0]) as {
      id: string
      viewPoint: object
      tags: string[]
    }
    assert.deepEqual([shown.viewPoint, shown.tags], [{ isRead: false }, ['support.requested']])
    const marking = byId('markServiceUpdateMessagesRead')
    assert.ok(marking.kind === 'change')
    const body = { messageIds: [shown.id] }
    assert.deepEqual(await marking.change(call(erik), {}, body), { value: false })
    assert.deepEqual(await marking.change(call(alva), {}, body), { value: true })
    const settings = byId('updateNoticeSettings')
    assert.ok(settings.kind === 'change')
    const refused = await settings.change(call(alva), {}, { timeZone: 'Mars/Olympus' })
    assert.ok(isRefusal(refused))
    const changed = (await settings.change(
      call(alva),
      {},
      {
        webhookUrl: 'https://hooks.example.org/x',
        webhookOn: true,
      },
    )) as Record<string, unknown>
    assert.match(String(changed.webhookSecret), /^whsec_/)
    const again = (await settings.change(call(alva), {}, { language: 'sv' })) as Record<
      string,
      unknown
    >
    assert.equal(again.webhookSecret, undefined)
    assert.equal(again.language, 'sv')
  })
})
