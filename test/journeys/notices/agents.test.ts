import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { changeAgent, endAgent, isAgentChange, listNewAgent } from '#agreements/agent.ts'
import {
  objectToListedAgent,
  objectionImpact,
  settleObjection,
} from '#agreements/agent-objection.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { INSTALLATION } from '#database/handles.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { createNotify } from '#notify/create-notify.ts'
import { type Notice, queueNotice } from '#notify/notice.ts'
import { ADDRESS_ITEM, NOTICE_CATEGORIES, PURPOSE } from '#notify/notice-agent.ts'
import type { NotifyParts } from '#notify/parts.ts'
import { sendDue } from '#notify/send-due.ts'
import { changeNoticeSettings } from '#notify/settings.ts'
import { ACME, type NoticeTest, OTHER, mailTo, startNoticeTest } from './organisations.ts'

const DAY_IN_MS = 86_400_000
const RELAY = 'relay-ab'
const APPROVE = 'Support requests/Approve'
const TERMS = {
  name: 'Relay AB',
  corporateLocation: 'SE',
  category: 'technology' as const,
  dataCategories: [...NOTICE_CATEGORIES],
  purposes: [PURPOSE],
  regions: ['EU'],
  neededBy: [],
}

describe('notices go through an agent by its terms', () => {
  let t: NoticeTest
  let administrator: string
  before(async () => {
    t = await startNoticeTest()
    await t.person(ACME, 'erik', 'en', APPROVE)
    administrator = await t.person(ACME, 'ada', 'en', 'Accounts/Manage')
    await t.person(OTHER, 'olle', 'sv', APPROVE)
  })
  after(() => t.stop())

  const by = () => ({ actor: 'operator:test', at: t.clock.now() })
  const relay = (): Partial<NotifyParts> => ({ mail: mailTo(t.mail.port, { agent: RELAY }) })
  const send = (change = relay()) => sendDue(t.parts(change), t.clock.now())
  const queue = (tenantId = ACME, audience: Notice['audience'] = 'approvers') =>
    t.test.database.write(tenantId, (tx) =>
      queueNotice(
        tx,
        {
          template: 'support.requested',
          audience,
          about: { requestId: randomUUID(), until: '2040-07-01T12:30:00Z' },
        },
        t.clock.now(),
      ),
    )
  /** What the log says of one notice, as `kind channel reason`. */
  const told = async (id: string, tenantId = ACME) =>
    (await t.entries(tenantId))
      .filter((entry) => entry.data.notice === id)
      .map(({ kind, data }) => [kind, data.channel, data.reason].filter(Boolean).join(' '))
      .sort()
  const operator = <Result>(work: Parameters<typeof t.test.database.write<Result>>[1]) =>
    t.test.database.write(INSTALLATION, work)
  const stopped = async (reason: string, tenantId = ACME): Promise<void> => {
    const before = t.mail.received.length
    const id = await queue(tenantId)
    assert.equal(await send(), 0)
    assert.equal(t.mail.received.length, before)
    assert.deepEqual(await told(id, tenantId), [
      'notice.sent messageCentre',
      `refusal mail ${reason}`,
    ])
    const refusal = (await t.entries(tenantId)).findLast((entry) => entry.kind === 'refusal')
    assert.equal(refusal?.data.party, RELAY)
  }
  const goes = async (tenantId = ACME): Promise<void> => {
    const before = t.mail.received.length
    const id = await queue(tenantId)
    assert.equal(await send(), 1)
    assert.equal(t.mail.received.length, before + 1)
    assert.deepEqual(await told(id, tenantId), [
      'notice.disclosure mail',
      'notice.sent mail',
      'notice.sent messageCentre',
    ])
    const entry = (await t.entries(tenantId)).findLast((one) => one.kind === 'notice.disclosure')
    assert.equal(entry?.data.party, RELAY)
    assert.equal(entry?.data.standing, 'agent')
  }

  it('what is asked about is what the catalog says of the address, and a purpose that is declared', () => {
    assert.equal(shippedCatalog.items.get(ADDRESS_ITEM)?.category, NOTICE_CATEGORIES[0])
    assert.equal(shippedCatalog.purposes.get(PURPOSE)?.forbidden, false)
  })

  it('P2 a relay that is not on the list gets nothing, and the message centre has it', () =>
    stopped('agent_not_listed'))

  it('P2 it gets nothing before its lead time is over, and for no part that still waits', async () => {
    const some = { ...TERMS, dataCategories: [NOTICE_CATEGORIES[0]] }
    assert.ok(
      isAgentChange(
        await operator((tx) =>
          listNewAgent(tx, shippedCatalog, { partyId: RELAY, terms: some }, by()),
        ),
      ),
    )
    await stopped('agent_lead_time')
    t.clock.advance(31 * DAY_IN_MS)
    await stopped('agent_not_listed')
    await operator((tx) => changeAgent(tx, shippedCatalog, RELAY, TERMS, by()))
    await stopped('agent_lead_time')
    t.clock.advance(31 * DAY_IN_MS)
    await goes()
    await goes(OTHER)
  })

  it('P5 a tenant’s objection stops it for that tenant only, and shows that mail stops', async () => {
    const notify = createNotify(t.parts({ ...relay(), lease: { held: () => false } }))
    await notify.start()
    await notify.close()
    const bound = (await t.entries(INSTALLATION)).findLast((entry) => entry.kind === 'agent.bound')
    assert.deepEqual(bound?.data, { service: 'notices.mail', runBy: 'agent', party: RELAY })
    const impact = await t.test.database.read(ACME, (reader) =>
      objectionImpact(reader, shippedCatalog, RELAY),
    )
    assert.deepEqual(impact?.services, ['notices.mail'])
    const objection = { partyId: RELAY, impactHash: impact?.hash ?? '' }
    const objected = await t.test.database.write(ACME, (tx) =>
      objectToListedAgent(tx, shippedCatalog, objection, by()),
    )
    assert.equal(objected, undefined)
    await stopped('agent_objection')
    await goes(OTHER)
  })

  it('the operator’s staff hear of that tenant in the message centre, not through the agent', async () => {
    const askerId = await t.person(INSTALLATION, 'sam', 'en')
    const about = async (tenantId: string) => {
      const id = await t.test.database.write(tenantId, (tx) =>
        queueNotice(
          tx,
          { template: 'support.denied', audience: 'asker', about: { askerId } },
          t.clock.now(),
        ),
      )
      await send()
      return told(id, INSTALLATION)
    }
    assert.deepEqual(await about(ACME), [
      'notice.sent messageCentre',
      'refusal mail agent_objection',
    ])
    assert.ok((await about(OTHER)).includes('notice.sent mail'))
  })

  it('a privacy contact who may not get mail is stood in for by the administrators', async () => {
    const id = await queue(ACME, 'privacyContact')
    await send()
    assert.deepEqual(await told(id), ['notice.sent messageCentre', 'refusal mail agent_objection'])
    const sent = (await t.entries(ACME)).findLast((entry) => entry.kind === 'notice.sent')
    assert.equal(sent?.data.recipient, administrator)
    assert.equal(sent?.data.insteadOf, 'mail')
  })

  it('it goes on when the objection is settled, and ends for all with the listing', async () => {
    await t.test.database.write(ACME, (tx) =>
      settleObjection(tx, RELAY, { outcome: 'withdrawn' }, by()),
    )
    await goes()
    await operator((tx) => endAgent(tx, RELAY, by()))
    await stopped('agent_not_listed')
    await stopped('agent_not_listed', OTHER)
  })

  it('P5 an objection is before the evidence of a mail or after it, never in between', async () => {
    await operator((tx) => listNewAgent(tx, shippedCatalog, { partyId: RELAY, terms: TERMS }, by()))
    t.clock.advance(31 * DAY_IN_MS)
    const impact = await t.test.database.read(ACME, (reader) =>
      objectionImpact(reader, shippedCatalog, RELAY),
    )
    const object = () =>
      t.test.database.write(ACME, (tx) =>
        objectToListedAgent(
          tx,
          shippedCatalog,
          { partyId: RELAY, impactHash: impact?.hash ?? '' },
          by(),
        ),
      )
    const before = t.mail.received.length
    const id = await queue()
    let objected: unknown
    // Between the evidence and the first byte: the mail was decided before, and the objection stands after it.
    await send({
      ...relay(),
      reached: async (point) => {
        if (point === 'claimed' && objected === undefined) objected = (await object()) ?? 'done'
      },
    })
    assert.equal(objected, 'done')
    assert.equal(t.mail.received.length, before + 1)
    const kinds = (await t.entries(ACME)).map(({ kind, data }) => `${kind} ${String(data.notice)}`)
    assert.ok(
      kinds.lastIndexOf(`notice.disclosure ${id}`) < kinds.lastIndexOf('agent.objected undefined'),
    )
    await stopped('agent_objection')
    await t.test.database.write(ACME, (tx) =>
      settleObjection(tx, RELAY, { outcome: 'settled' }, by()),
    )
  })

  it('the operator’s own receiver of webhooks, where an agent runs it, is asked about too; a tenant’s is not', async () => {
    const webhook = { ...t.parts().webhook, operatorsRunBy: { agent: 'ticket-system' } }
    for (const tenantId of [INSTALLATION, OTHER]) {
      const changed = await t.test.database.write(tenantId, (tx) =>
        changeNoticeSettings(
          tx,
          { keys: t.keys, webhook },
          { webhookOn: true, webhookUrl: 'http://127.0.0.1:1/hook' },
          by(),
        ),
      )
      assert.ok(!isRefusal(changed))
    }
    const askerId = await t.person(INSTALLATION, 'kim', 'en')
    const id = await t.test.database.write(OTHER, (tx) =>
      queueNotice(
        tx,
        { template: 'support.denied', audience: 'asker', about: { askerId } },
        t.clock.now(),
      ),
    )
    await send({ mail: undefined, webhook })
    assert.ok((await told(id, INSTALLATION)).includes('refusal webhook agent_not_listed'))
    assert.ok((await told(id, OTHER)).includes('notice.disclosure webhook'))
  })

  it('the operator can say that it runs the relay itself; that is in the log, and no listing is asked for', async () => {
    await operator((tx) => endAgent(tx, RELAY, by()))
    const own = { mail: mailTo(t.mail.port) }
    const notify = createNotify(t.parts({ ...own, lease: { held: () => false } }))
    await notify.start()
    await notify.close()
    const bound = (await t.entries(INSTALLATION)).filter((entry) => entry.kind === 'agent.bound')
    assert.deepEqual(bound.at(-1)?.data, { service: 'notices.mail', runBy: 'operator' })
    const before = t.mail.received.length
    await queue()
    await send(own)
    assert.equal(t.mail.received.length, before + 1)
  })
})
