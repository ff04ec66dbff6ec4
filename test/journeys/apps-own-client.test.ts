import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { request } from 'undici'
import { withdrawConsent } from '#agreements/consent.ts'
import { listVppAssets } from '#connections/vpp-token-assets.ts'
import {
  deleteVppToken,
  keepVppFacts,
  listVppTokens,
  readVppToken,
  vppTokensWithNews,
} from '#connections/vpp-token.ts'
import { takeVppWarning } from '#connections/vpp-token-warning.ts'
import { INSTALLATION } from '#database/handles.ts'
import { manualClock } from '#foundation/clock.ts'
import { silentLog } from '#foundation/log.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { freePort } from '../../sandbox/free-port.ts'
import { APPS_CONNECTION, APPS_IN } from '../../sandbox/apple-apps/connect.ts'
import { followPartyEvents } from '../../src/node/follow-party-events.ts'
import { type FrontDoor, openFrontDoor } from '../../src/node/front-door.ts'
import { subscribeToNotifications, warnOfVppTokens } from '../../src/node/licences.ts'
import { synchroniseLicences } from '../../src/node/synchronise-licences.ts'
import { type AppsNode, TENANT, startAppsNode } from './apps-node.ts'

const PAGE = { orderBy: [], top: 100, skip: 0, count: false }
const ASSET = { adamId: '408709701', pricingParam: 'STDQ' }
const by = (t: AppsNode) => ({ actor: 'admin:1', at: t.node.sharing.gate.now() })
const sync = async (t: AppsNode) => {
  const done = await synchroniseLicences(t.node, TENANT, APPS_CONNECTION)
  if (isRefusal(done)) assert.fail(done.refused)
  return done
}
const settledOf = async (t: AppsNode) =>
  (await t.entries()).filter((entry) => entry.kind === 'outcome.settled').map((entry) => entry.data)
const records = (t: AppsNode) =>
  t.node.database.read(TENANT, (reader) =>
    reader.rows<{ kind: string; clear: Record<string, unknown>; removed: boolean }>(
      `select kind, clear, removed_at is not null as removed from records
        where tenant_id = $1 and connection_id = $2 order by kind, clear::text`,
      [TENANT, APPS_CONNECTION],
    ),
  )

describe('what becomes of a change that Apple accepted', () => {
  const clock = manualClock(Date.now())
  let t: AppsNode
  before(async () => {
    t = await startAppsNode({ clock, apps: { eventMs: 60_000, users: 0 } })
  })
  after(() => t.stop())
  const associate = async (...serialNumbers: string[]) => {
    const answer = await t.call('POST', '/mdm/v2/assets/associate', {
      assets: [ASSET],
      serialNumbers,
    })
    assert.equal(answer.status, 200, answer.text)
    await t.node.sharing.outcomes.idle()
    return answer.entry
  }
  const statusCalls = () => t.apps.received.filter((one) => one.target.includes('/status')).length

  it('is accepted first, asked for no more often than every 30 seconds, and recorded once', async () => {
    const entry = await associate('SYN0000001')
    assert.equal(await followPartyEvents(t.node), 0)
    assert.equal(statusCalls(), 0, 'not before 30 seconds')
    clock.set(clock.now() + 30_001)
    assert.equal(await followPartyEvents(t.node), 0)
    assert.equal(await followPartyEvents(t.node), 0)
    assert.equal(statusCalls(), 1, 'pending: asked once')
    clock.set(clock.now() + 40_000)
    assert.equal(await followPartyEvents(t.node), 1)
    clock.set(clock.now() + 400_000)
    assert.equal(await followPartyEvents(t.node), 0)
    assert.deepEqual(await settledOf(t), [
      { of: entry, outcome: 'delivered', requested: 1, completed: 1 },
    ])
  })

  it('says how much of it failed and why, and not whom it was about', async () => {
    const before = (await settledOf(t)).length
    const entry = await associate('SYN0000001', 'SYN0000002', 'UNKNOWN-CANARY')
    clock.set(clock.now() + 70_000)
    assert.equal(await followPartyEvents(t.node), 1)
    const [settled] = (await settledOf(t)).slice(before)
    assert.deepEqual(settled, {
      of: entry,
      outcome: 'in_part',
      requested: 3,
      completed: 1,
      failures: { ALREADY_ASSIGNED: 1, INVALID_ARGUMENT: 1 },
    })
    assert.ok(!JSON.stringify(await t.entries()).includes('CANARY'))
    t.apps.service.state.failWith = 9625
    await associate('SYN0000003')
    clock.set(clock.now() + 70_000)
    await followPartyEvents(t.node)
    t.apps.service.state.failWith = 0
    assert.equal((await settledOf(t)).at(-1)?.outcome, 'rejected')
  })

  it('is settled once when several nodes ask at the same time', async () => {
    const before = (await settledOf(t)).length
    await associate('SYN0000003')
    clock.set(clock.now() + 70_000)
    const from = statusCalls()
    const settled = await Promise.all(Array.from({ length: 5 }, () => followPartyEvents(t.node)))
    assert.equal(
      settled.reduce((a, b) => a + b),
      1,
    )
    assert.equal(statusCalls(), from + 1)
    assert.equal((await settledOf(t)).length, before + 1)
  })

  it('is asked again after half an answer, a 5xx or a lost one, and unknown when Apple knows nothing of it', async () => {
    await associate('SYN0000002')
    for (const fault of [
      { kind: 'malformed' },
      { kind: 'answer', answer: { status: 400, body: {} } },
    ] as const) {
      clock.set(clock.now() + 3_600_000)
      t.apps.inject('/mdm/v2/status', fault)
      assert.equal(await followPartyEvents(t.node), 0)
    }
    t.apps.service.events.clear()
    clock.set(clock.now() + 3_700_000)
    assert.equal(await followPartyEvents(t.node), 1)
    assert.equal((await settledOf(t)).at(-1)?.outcome, 'unknown')
  })
})

describe('Sluss as its own client of Apps and Books', () => {
  const clock = manualClock(Date.now())
  let t: AppsNode
  before(async () => {
    t = await startAppsNode({ clock, apps: { users: 5, pageSize: 2, assets: 5 } })
  })
  after(() => t.stop())
  const pagesOf = (list: string) =>
    t.apps.received.filter((one) => one.target.includes(`/${list}?pageIndex`)).length

  it('reads every page of products, users and assignments, and keeps counts, no addresses and no apps', async () => {
    await t.call('POST', '/mdm/v2/users/create', { users: [{ clientUserId: 'anna' }] })
    await t.call('POST', '/mdm/v2/assets/associate', {
      assets: [ASSET, { adamId: '408709702', pricingParam: 'STDQ' }],
      serialNumbers: ['SYN0000001', 'SYN0000002'],
      clientUserIds: ['anna'],
    })
    clock.set(clock.now() + 1_000)
    assert.deepEqual(await sync(t), { assets: 5, people: 6, devices: 2 })
    const kept = await records(t)
    assert.deepEqual(
      kept.filter((one) => one.kind === 'device').map((one) => one.clear['app.assignedCount']),
      [2, 2],
    )
    const counts = kept
      .filter((one) => one.kind === 'person')
      .map((one) => one.clear['app.assignedCount'])
    assert.deepEqual(counts.toSorted(), [0, 0, 0, 0, 0, 2])
    const text = JSON.stringify(kept)
    assert.ok(!/anna|SYN0|earlier|@example|408709/.test(text), text)
    const token = await t.node.database.read(TENANT, (reader) =>
      readVppToken(reader, APPS_CONNECTION),
    )
    assert.deepEqual(
      [token?.syncStatus, token?.country, token?.locationName, token?.libraryId],
      ['completed', 'SE', 'Example site', '2049025000431439'],
    )
    const assets = await t.node.database.read(TENANT, (reader) =>
      listVppAssets(reader, APPS_CONNECTION, PAGE),
    )
    assert.equal(assets.rows.find((row) => row.adamId === ASSET.adamId)?.facts.assignedCount, 3)
  })

  it('is idempotent, and asks one page of each list while nothing changed', async () => {
    const before = await records(t)
    const from = {
      assets: pagesOf('assets'),
      users: pagesOf('users'),
      assignments: pagesOf('assignments'),
    }
    assert.deepEqual(await sync(t), { assets: 0, people: 0, devices: 0 })
    assert.deepEqual(
      [
        pagesOf('assets') - from.assets,
        pagesOf('users') - from.users,
        pagesOf('assignments') - from.assignments,
      ],
      [1, 1, 1],
    )
    assert.deepEqual(await records(t), before)
  })

  it('marks as removed who retired and what holds nothing any more', async () => {
    await t.call('POST', '/mdm/v2/users/retire', { users: [{ clientUserId: 'anna' }] })
    await t.call('POST', '/mdm/v2/assets/revoke', { serialNumbers: ['SYN0000001'] })
    clock.set(clock.now() + 1_000)
    await sync(t)
    const kept = await records(t)
    assert.deepEqual(
      ['device', 'person'].map(
        (kind) => kept.filter((one) => one.kind === kind && one.removed).length,
      ),
      [1, 1],
    )
  })

  it('begins a list anew when it is written to between two pages, and keeps what the last version said', async () => {
    await t.call('POST', '/mdm/v2/users/create', { users: [{ clientUserId: 'bo' }] })
    clock.set(clock.now() + 1_000)
    const { alter } = changing()
    t.apps.inject('/mdm/v2/users', { kind: 'alter', alter }, { kind: 'alter', alter })
    const done = await sync(t)
    assert.equal(done.people, 7)
  })

  it('keeps nothing half: what was ended on the way is read anew with the same result', async () => {
    await t.call('POST', '/mdm/v2/users/create', { users: [{ clientUserId: 'cia' }] })
    clock.set(clock.now() + 1_000)
    t.apps.inject('/mdm/v2/users', { kind: 'malformed' })
    await assert.rejects(sync(t), /^Error: an answer of Apple is no JSON$/)
    const token = await t.node.database.read(TENANT, (reader) =>
      readVppToken(reader, APPS_CONNECTION),
    )
    assert.equal(token?.syncStatus, 'failed')
    assert.equal((await sync(t)).people, 8)
  })

  it('does not bring a token back that was deleted while its lists were read', async () => {
    const tokens = () =>
      t.node.database.read(TENANT, (reader) =>
        listVppTokens(reader, PAGE).then((page) => page.rows),
      )
    await sync(t)
    assert.equal((await tokens()).length, 1)
    const undone = t.node.database.write(TENANT, async (tx) => {
      assert.ok(await deleteVppToken(tx, APPS_CONNECTION, by(t)))
      // What a synchronisation that is still under way says next.
      await keepVppFacts(tx, APPS_CONNECTION, { status: 'failed' }, by(t).at)
      const left = await listVppTokens(tx, PAGE)
      throw new Error(`${left.rows.length} left`)
    })
    await assert.rejects(undone, /^Error: 0 left$/)
  })

  it('P2 asks for nothing without consent, and says why', async () => {
    await t.node.database.write(TENANT, (tx) => withdrawConsent(tx, APPS_IN, by(t)))
    const from = t.apps.received.length
    const done = await synchroniseLicences(t.node, TENANT, APPS_CONNECTION)
    assert.equal(isRefusal(done) && done.refused, 'consent_withdrawn')
    assert.equal(t.apps.received.length, from)
  })
})

/** Page 0 as of another version: as if the list had been written to right after. */
function changing() {
  return {
    alter: (answer: { status: number; body?: unknown }) => ({
      ...answer,
      body: { ...(answer.body as object), versionId: 'written-to-meanwhile' },
    }),
  }
}

describe('Apple’s notifications', () => {
  const clock = manualClock(Date.now())
  let t: AppsNode
  let door: FrontDoor | undefined
  before(async () => {
    const port = await freePort()
    t = await startAppsNode({
      clock,
      apps: { users: 2, eventMs: 1_000 },
      environment: { SLUSS_PORT: String(port) },
    })
    door = await openFrontDoor({ node: t.node, log: silentLog, partyOrigins: new Map() })
    await sync(t)
  })
  after(async () => {
    await door?.close()
    await t.stop()
  })
  const news = () =>
    t.node.database.read(INSTALLATION, (reader) => vppTokensWithNews(reader, clock.now()))
  const intakes = async () => (await t.entries()).filter((entry) => entry.kind === 'intake').length

  it('are asked for with an address and a token of Sluss, which Apple tries before it agrees', async () => {
    const asked = await subscribeToNotifications(t.node, TENANT, APPS_CONNECTION, by(t))
    assert.ok(!isRefusal(asked) && asked.isSubscribed, JSON.stringify(asked))
    const { notificationUrl, notificationAuthToken } = t.apps.service.config
    assert.match(String(notificationUrl), /\/ingest\/example\.apps$/)
    assert.match(String(notificationAuthToken), /^[0-9a-f]{64}$/)
    assert.ok(!JSON.stringify(await t.entries()).includes(String(notificationAuthToken)))
    const read = await t.call('GET', '/mdm/v2/client/config')
    assert.equal(read.body.notificationAuthToken, undefined)
    assert.deepEqual(await news(), [], 'a test is no news')
  })

  it('bring forward what they are about, once, however often and in whatever order they come', async () => {
    const given = await t.call('POST', '/mdm/v2/assets/associate', {
      assets: [ASSET],
      serialNumbers: ['SYN0000001'],
    })
    await t.node.sharing.outcomes.idle()
    const { eventId } = given.body
    clock.set(clock.now() + 31_000)
    const from = await intakes()
    const body = {
      assignments: [{ ...ASSET, serialNumber: 'SYN-CANARY', clientUserId: 'person-canary' }],
      eventId,
      result: 'SUCCESS',
      type: 'ASSOCIATE',
    }
    const notificationId = 'a1b2'
    assert.deepEqual(
      await t.apps.notify('ASSET_MANAGEMENT', body, { times: 3, notificationId }),
      [200, 200, 200],
    )
    assert.equal(await intakes(), from + 1)
    assert.equal((await news()).length, 1)
    assert.equal(await followPartyEvents(t.node), 1)
    assert.deepEqual(
      await t.apps.notify('ASSET_MANAGEMENT', body, { notificationId: 'late' }),
      [200],
    )
    assert.equal(await followPartyEvents(t.node), 0)
    await sync(t)
    assert.deepEqual(await news(), [])
    const everything = JSON.stringify([await t.entries(), await records(t)])
    assert.ok(!/canary/i.test(everything))
  })

  it('P4 are refused without the right token, and what is no notification is told so', async () => {
    assert.deepEqual(await t.apps.notify('ASSET_COUNT', {}, { token: 'x' }), [401])
    const url = String(t.apps.service.config.notificationUrl)
    const headers = {
      authorization: `Bearer ${String(t.apps.service.config.notificationAuthToken)}`,
    }
    for (const body of [
      '',
      '[]',
      '{"notification":{}}',
      '{"notificationId":"a","notificationType":"X"}',
    ])
      assert.equal((await request(url, { method: 'POST', headers, body })).statusCode, 400, body)
    assert.deepEqual(await t.apps.notify('INVENTED_LATER', { eventId: 7 }), [200])
  })
})

describe('the end of a content token', () => {
  it('is told in time, once for each threshold, and again for a renewed one', async () => {
    const clock = manualClock(Date.now())
    const t = await startAppsNode({ clock })
    const told: unknown[] = []
    const notify = {
      notify: async (_: unknown, notice: { template: string; about: object }) =>
        void told.push([notice.template, (notice.about as { count: number }).count]),
    }
    const warn = () => warnOfVppTokens(t.node.database, notify as never, clock.now())
    try {
      await sync(t)
      const day = 86_400_000
      const start = clock.now()
      for (const at of [300, 334, 336, 337, 352, 359, 364.5, 365.5, 366]) {
        clock.set(start + at * day)
        await warn()
      }
      assert.deepEqual(told, [
        ['vppToken.ends', 29],
        ['vppToken.ends', 13],
        ['vppToken.ends', 6],
        ['vppToken.ends', 1],
        ['vppToken.ended', 0],
      ])
      const again = await t.node.database.write(TENANT, (tx) =>
        takeVppWarning(tx, APPS_CONNECTION, clock.now()),
      )
      assert.equal(again, undefined)
    } finally {
      await t.stop()
    }
  })
})
