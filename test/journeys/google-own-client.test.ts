import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { approveCommand } from '#agreements/approval.ts'
import { withdrawConsent } from '#agreements/consent.ts'
import { manifestOf } from '#catalog/manifest.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { openCredentials, storeCredentials } from '#connections/credentials.ts'
import { EXCHANGES } from '#connectors/google-android-management/exchanges.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { enrollmentEndpoints } from '#http/api/google/enrollment.ts'
import { enterpriseEndpoints } from '#http/api/google/enterprise.ts'
import type { Call } from '#http/api/endpoint.ts'
import { readRecords } from '#records/read.ts'
import { consentTo } from '../../sandbox/agree.ts'
import { GOOGLE_CONNECTION, GOOGLE_IN } from '../../sandbox/google/connect.ts'
import { allExchanges } from '#sharing/permanent.ts'
import { planAndroid } from '../../src/node/android-jobs.ts'
import { synchroniseAndroid } from '../../src/node/synchronise-android.ts'
import { type GoogleNode, TENANT, startGoogleNode } from './google-node.ts'

const DEVICES = 250
const target = { tenantId: TENANT, connectionId: GOOGLE_CONNECTION }

describe('Sluss as its own client of the Android Management API', () => {
  let t: GoogleNode
  before(async () => {
    t = await startGoogleNode({ google: { devices: DEVICES } })
  })
  after(() => t.stop())
  const by = () => ({ actor: 'admin:1', at: t.node.sharing.gate.now() })
  const bind = (enterprise: string | undefined) =>
    t.node.database.write(TENANT, async (tx) => {
      const { enterprise: _, ...kept } =
        (await openCredentials(tx, t.node.keys, GOOGLE_CONNECTION)) ?? {}
      const credentials = enterprise === undefined ? kept : { ...kept, enterprise }
      await storeCredentials(tx, t.node.keys, GOOGLE_CONNECTION, credentials, {}, by())
    })
  const records = () =>
    t.node.database.read(TENANT, (reader) =>
      readRecords(reader, t.node.keys, {
        connectionId: GOOGLE_CONNECTION,
        items: new Set(manifestOf(shippedCatalog, GOOGLE_IN).items),
        limit: 1_000,
      }),
    )
  const planned = async () => {
    const found: unknown[] = []
    await planAndroid(t.node, async (one) => found.push(one))
    return found
  }
  const pages = () => t.arrived().filter(({ target: at }) => at.includes('/devices?')).length

  it('asks for nothing until it is bound to one enterprise, and its gate is open', async () => {
    const unbound = await synchroniseAndroid(t.node, target)
    assert.ok(isRefusal(unbound) && unbound.refused === 'credentials_missing')
    assert.deepEqual(await planned(), [])
    await bind(t.google.service.enterprise)
    assert.deepEqual(await planned(), [target])
    await t.node.database.write(TENANT, (tx) => withdrawConsent(tx, GOOGLE_IN, by()))
    assert.deepEqual(await planned(), [])
    const refused = await synchroniseAndroid(t.node, target)
    assert.ok(isRefusal(refused) && refused.refused === 'consent_withdrawn')
    assert.equal(pages(), 0)
    await t.node.database.write(TENANT, (tx) => consentTo(tx, t.node, 'android-enterprise'))
  })

  it('walks through the devices page by page, and goes on where it was stopped', async () => {
    await assert.rejects(
      synchroniseAndroid(t.node, target, ({ pages: done }) => {
        if (done === 1) throw new Error('stopped')
      }),
      /stopped/,
    )
    assert.equal((await records()).length, 100)
    const before = pages()
    const sum = await synchroniseAndroid(t.node, target)
    assert.ok(!isRefusal(sum))
    assert.deepEqual([sum.kept, sum.pages, sum.unknown], [150, 2, 0])
    assert.equal(pages() - before, 2)
    const kept = await records()
    assert.equal(kept.length, DEVICES)
    assert.ok(kept.every(({ items }) => items['device.deviceState'] === 'ACTIVE'))
  })

  it('P12 keeps nothing of what people do on their devices', async () => {
    for (const { items } of await records())
      assert.ok(!/555-010|org\.example\.mail|note of|ro\.synthetic/.test(JSON.stringify(items)))
    for (const entry of await t.entries())
      assert.ok(!/SYN\d{7}|person-\d|3569380/.test(JSON.stringify(entry)))
  })

  it('begins anew when Google takes a page token no longer, and never loops over one page', async () => {
    const path = `/v1/${t.google.service.enterprise}/devices`
    const stale = {
      kind: 'answer' as const,
      answer: { status: 400, body: { error: { code: 400, status: 'INVALID_ARGUMENT' } } },
    }
    t.google.inject(path, { kind: 'alter', alter: (answer) => answer }, stale)
    const sum = await synchroniseAndroid(t.node, target)
    assert.ok(!isRefusal(sum) && sum.pages === 4)
    const same = { status: 200, body: { devices: [], nextPageToken: 'again' } }
    t.google.inject(path, ...[1, 2].map(() => ({ kind: 'answer' as const, answer: same })))
    await assert.rejects(synchroniseAndroid(t.node, target), /names itself next/)
  })

  it('keeps nothing of half an answer or of wrong types', async () => {
    const path = `/v1/${t.google.service.enterprise}/devices`
    const entries = (await t.entries()).filter(({ kind }) => kind === 'intake').length
    for (const body of ['{"devices":', '{"devices":{}}', '[]', '{"nextPageToken":7}']) {
      t.google.inject(path, { kind: 'answer', answer: { status: 200, body } })
      await assert.rejects(synchroniseAndroid(t.node, target))
    }
    assert.equal((await t.entries()).filter(({ kind }) => kind === 'intake').length, entries)
  })

  const call = (): Call =>
    ({ tenantId: TENANT, actor: 'admin:1', now: t.node.sharing.gate.now() }) as Call
  const all = () => {
    const parts = {
      database: t.node.database,
      keys: t.node.keys,
      origin: 'https://sluss.example',
      androidEnterprise: {
        exchanges: EXCHANGES,
        share: t.node.sharing.share,
        synchronise: async () => {},
      },
    }
    return [...enterpriseEndpoints(parts), ...enrollmentEndpoints(parts)]
  }
  const endpoint = (id: string) => all().find((one) => one.id === id) ?? assert.fail(id)
  const allIds = () => all().map(({ path }) => path)
  const change = async (id: string, body: object, params: object = {}) => {
    const found = endpoint(id)
    assert.ok(found.kind === 'change')
    const answer = await found.change(
      call(),
      { id: GOOGLE_CONNECTION, ...params },
      found.body.parse(body) as object,
    )
    return answer as Record<string, unknown> | undefined
  }
  const list = async (id: string) => {
    const found = endpoint(id)
    assert.ok(found.kind === 'list')
    const query = { orderBy: [], top: 100, skip: 0, count: true }
    const page = await found.list(call(), { id: GOOGLE_CONNECTION }, query, undefined)
    assert.ok(!isRefusal(page))
    return page.rows as Record<string, unknown>[]
  }

  it('makes enrolment tokens, shows their value once, lists them without it, and takes them back', async () => {
    const made = await change('createAndroidEnrollmentToken', {
      policyId: 'default',
      durationInSeconds: 3_600,
    })
    assert.match(String(made?.value), /^[0-9a-f]{20}$/)
    const [listed] = await list('listAndroidEnrollmentTokens')
    assert.deepEqual([listed?.id, listed?.policyId], [made?.id, 'default'])
    assert.ok(!JSON.stringify(listed).includes(String(made?.value)))
    for (const entry of await t.entries())
      assert.ok(!JSON.stringify(entry).includes(String(made?.value)))
    const revoke = () => change('revokeAndroidEnrollmentToken', {}, { tokenId: String(made?.id) })
    assert.equal(await revoke(), undefined)
    assert.equal((await revoke())?.refused, 'party_refused')
  })

  it('configures notifications, says who may push them, and lists policies', async () => {
    const pubsubTopic = 'projects/synthetic/topics/amapi'
    const notificationTypes = ['ENROLLMENT', 'STATUS_REPORT']
    await change('configureAndroidNotifications', { pubsubTopic, notificationTypes })
    const kept = t.google.service.kept.get(t.google.service.enterprise)
    assert.deepEqual(
      [kept?.pubsubTopic, kept?.enabledNotificationTypes],
      [pubsubTopic, notificationTypes],
    )
    const answer = await change('setAndroidEventSender', { serviceAccountEmail: 'a@b.example' })
    assert.equal(
      answer?.pushEndpoint,
      `https://sluss.example/ingest/${TENANT}.${GOOGLE_CONNECTION}`,
    )
    assert.equal(answer?.audience, answer?.pushEndpoint)
    assert.deepEqual(await list('listAndroidPolicies'), [])
    const [setting] = await list('listAndroidEnterpriseSettings')
    assert.equal(setting?.bindStatus, 'boundAndValidated')
  })

  it('the guide’s calls are calls that there are', () => {
    const guide = readFileSync(join(import.meta.dirname, '../../docs/guide/googleapis.md'), 'utf8')
    const bodyAfter = (path: string): unknown =>
      JSON.parse(
        new RegExp(`POST \\S*${path}\\s*\\n\\s*(\\{[^}]*\\})`).exec(guide)?.[1] ??
          assert.fail(path),
      )
    for (const [id, path] of [
      ['setAndroidEventSender', '/setEventSender'],
      ['configureAndroidNotifications', '/configureNotifications'],
    ] as const) {
      const found = endpoint(id)
      assert.ok(found.kind === 'change' && found.path.endsWith(path))
      found.body.parse(bodyAfter(path))
    }
    const { exchangeId, command } = bodyAfter('/dataSharingApprovals') as Record<string, string>
    const exchange = allExchanges(EXCHANGES).find((one) => one.id === exchangeId)
    assert.ok(exchange?.permanent && exchange.commandWords?.words.includes(command ?? ''))
    for (const [path] of guide.matchAll(
      /(?<=google\/)(?:syncDevices|enrollmentTokens|policies|unbind)/g,
    ))
      assert.ok(
        allIds().some((one) => one.endsWith(`/${path}`)),
        path,
      )
    for (const item of ['never.androidUsage'])
      assert.ok(guide.includes(item) && shippedCatalog.items.has(item))
  })

  it('P2 deletes the enterprise only with an approval of just that, and forgets it then', async () => {
    assert.equal((await change('unbindAndroidEnterprise', {}))?.refused, 'approval_missing')
    const command = {
      connectionId: GOOGLE_CONNECTION,
      exchangeId: 'google.androidManagement.enterprises.delete',
      target: t.google.service.enterprise,
      command: '',
    }
    const terms = { until: by().at + 60_000, needsSecond: false }
    await t.node.database.write(TENANT, (tx) =>
      approveCommand(tx, t.node.keys, { ...command, target: 'enterprises/another' }, terms, by()),
    )
    assert.equal((await change('unbindAndroidEnterprise', {}))?.refused, 'approval_missing')
    await t.node.database.write(TENANT, (tx) =>
      approveCommand(tx, t.node.keys, command, terms, by()),
    )
    assert.equal(await change('unbindAndroidEnterprise', {}), undefined)
    const [setting] = await list('listAndroidEnterpriseSettings')
    assert.equal(setting?.bindStatus, 'notBound')
    const signup = { callbackUrl: 'https://example.org/back', projectId: 'synthetic' }
    const { signupUrlName } = (await change('requestSignupUrl', signup)) ?? {}
    const bound = await change('completeSignup', {
      enterpriseToken: 'synthetic-token',
      signupUrlName,
      projectId: 'synthetic',
    })
    assert.equal(bound?.enterpriseName, 'enterprises/LC01synthetic')
  })

  it('says so when the service account’s key was taken back', async () => {
    await bind(t.google.service.enterprise)
    t.google.revokeKey()
    const kept = (await records()).length
    await assert.rejects(synchroniseAndroid(t.node, target), /UNAUTHENTICATED/)
    assert.equal((await records()).length, kept)
  })
})
