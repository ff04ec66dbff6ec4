import assert from 'node:assert/strict'
import { type JsonWebKey, createPublicKey } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { OAuth2Client } from 'google-auth-library'
import { request } from 'undici'
import { chooseCollection } from '#agreements/collection.ts'
import { withdrawConsent } from '#agreements/consent.ts'
import { manifestOf } from '#catalog/manifest.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { storeEventSender } from '#connections/credentials.ts'
import { type VerifyToken, tokenVerifier } from '#connectors/google-events/verify-token.ts'
import { manualClock } from '#foundation/clock.ts'
import { silentLog } from '#foundation/log.ts'
import { type Ingest, ingestRoutes } from '#http/ingest/ingest-routes.ts'
import { countEvents } from '#intake/event-mark.ts'
import { readRecords } from '#records/read.ts'
import { consentTo } from '../../sandbox/agree.ts'
import { GOOGLE_CONNECTION, GOOGLE_IN } from '../../sandbox/google/connect.ts'
import { syntheticDevice } from '../../sandbox/google/devices.ts'
import {
  type PushOptions,
  type SandboxPubSub,
  startSandboxPubSub,
} from '../../sandbox/google/pubsub.ts'
import { type Served, serve } from '../serve.ts'
import { type GoogleNode, TENANT, startGoogleNode } from './google-node.ts'

const EMAIL = 'sluss-push@synthetic-project.iam.gserviceaccount.com'
const ENTERPRISE = 'enterprises/LC00synthetic'
const clock = manualClock(Date.parse('2030-01-01T00:00:00Z'))
const ANDROID_ITEMS = manifestOf(shippedCatalog, GOOGLE_IN).items
const WRONG: Record<string, PushOptions> = {
  'for another audience': { audience: 'https://elsewhere.example.org/ingest' },
  'of another service account': { email: 'other@synthetic-project.iam.gserviceaccount.com' },
  'whose e-mail nobody verified': { emailVerified: false },
  'of another issuer': { issuer: 'https://accounts.example.org' },
  'that is over': { from: -7_200, until: -3_600 },
  'that is over by more than clocks differ': { from: -3_661, until: -61 },
  'that is not yet': { from: 120, until: 3_600 },
  'that is good for too long': { from: -90_000, until: 90_000 },
  'signed with a key that Google does not have': { foreignKey: true },
  'signed with the public key as a secret': { algorithm: 'HS256' },
  'that nobody signed': { algorithm: 'none' },
  'that is none': { authorization: 'Bearer x' },
  'that is missing': { authorization: '' },
  'that is a password': { authorization: `Basic ${btoa('sluss:secret')}` },
}

/** Google's library takes the time of day from the process. */
async function atTime(time: number, work: () => Promise<void>): Promise<void> {
  const real = globalThis.Date
  class Fixed extends real {
    constructor(...given: [] | [number | string]) {
      super(given[0] ?? time)
    }
  }
  globalThis.Date = Fixed as DateConstructor
  try {
    await work()
  } finally {
    globalThis.Date = real
  }
}

describe('Google pushes notifications', () => {
  let t: GoogleNode
  let pubsub: SandboxPubSub
  let ingest: Ingest
  let server: Served
  let count = 0
  before(async () => {
    const endpoint = () => `${server.origin}/ingest/${TENANT}.${GOOGLE_CONNECTION}`
    pubsub = await startSandboxPubSub({ endpoint, email: EMAIL, now: () => clock.now() })
    t = await startGoogleNode({ clock, googleIssuer: pubsub.issuer })
    const { node } = t
    ingest = await ingestRoutes({
      ...node.parts,
      log: silentLog,
      sources: new Map(node.eventSources.map((source) => [source.connectorId, source])),
    })
    server = await serve(ingest.app)
    const by = { actor: 'admin:1', at: clock.now() }
    await node.database.write(TENANT, (tx) =>
      storeEventSender(
        tx,
        node.keys,
        GOOGLE_CONNECTION,
        { email: EMAIL, audience: endpoint() },
        by,
      ),
    )
  })
  after(async () => {
    await server.stop()
    await ingest.close()
    await t.stop()
    await pubsub.stop()
  })
  const by = () => ({ actor: 'admin:1', at: clock.now() })
  const records = () =>
    t.node.database.read(TENANT, (reader) =>
      readRecords(reader, t.node.keys, {
        connectionId: GOOGLE_CONNECTION,
        items: new Set(ANDROID_ITEMS),
        limit: 100,
      }),
    )
  const only = async (name: string) =>
    (await records()).find(({ items }) => items['device.name'] === name)?.items
  const device = (number: number) => syntheticDevice(ENTERPRISE, number, clock.now())
  const intakes = async () => (await t.entries()).filter(({ kind }) => kind === 'intake')
  const withheldOf = (entry: { data: Readonly<Record<string, unknown>> } | undefined) =>
    (entry?.data.withheld ?? {}) as Record<string, number | undefined>
  const later = () => clock.set(clock.now() + 1_000 + count++)

  it('the stand-in’s tokens are good in the eyes of Google’s own library, and its bad ones are not', async () => {
    const audience = 'https://sluss.example/ingest'
    const { keys } = (await (await request(pubsub.issuer.keys)).body.json()) as {
      keys: JsonWebKey[]
    }
    const pem = (key: JsonWebKey) =>
      createPublicKey({ key, format: 'jwk' }).export({ type: 'spki', format: 'pem' }).toString()
    const certificates = Object.fromEntries(
      keys.map((key) => [(key as { kid: string }).kid, pem(key)]),
    )
    const { issuer } = pubsub.issuer
    await atTime(clock.now(), async () => {
      const library = new OAuth2Client()
      const check = async (claims: PushOptions) =>
        library.verifySignedJwtWithCertsAsync(
          await pubsub.token({ audience, ...claims }),
          certificates,
          audience,
          [issuer],
        )
      const payload = (await check({})).getPayload()
      assert.deepEqual([payload?.email, payload?.email_verified], [EMAIL, true])
      for (const name of [
        'for another audience',
        'of another issuer',
        'that is over',
        'signed with a key that Google does not have',
      ])
        await assert.rejects(check(WRONG[name] ?? {}), Error, name)
    })
  })

  for (const unwrapped of [false, true])
    it(`an enrolment becomes a record, ${unwrapped ? 'bare' : 'wrapped'}; what managing does not need stays out`, async () => {
      later()
      const one = device(unwrapped ? 1 : 2)
      assert.equal(await pubsub.push(pubsub.message('ENROLLMENT', one), { unwrapped }), 200)
      const kept = await only(one.name)
      assert.equal(kept?.['device.serialNumber'], one.hardwareInfo.serialNumber)
      assert.equal(kept?.['device.complianceStates'], true)
      assert.equal(kept?.['device.deviceState'], 'ACTIVE')
      assert.match(String(kept?.['device.softwareInfo']), /"softwareInfo.androidVersion":"15"/)
      const entry = (await intakes()).at(-1)
      const withheld = entry?.data.withheld as Record<string, number>
      assert.ok((withheld['never.androidUsage'] ?? 0) > 3)
      assert.ok((withheld['never.androidDetails'] ?? 0) > 2)
      assert.equal(entry?.data.unknown, 0)
    })

  it('P12 of a usage log, a location and a passcode nothing is kept', async () => {
    later()
    const one = device(3)
    await pubsub.deliver(
      pubsub.message('USAGE_LOGS', {
        device: one.name,
        user: 'enterprises/x/users/canary-user',
        retrievalTime: '2030-01-01T00:00:00Z',
        usageLogEvents: [
          {
            eventId: 'canary-1',
            dnsEvent: { hostname: 'canary.example.org', ipAddresses: ['192.0.2.1'] },
          },
          {
            connectEvent: {
              destinationIpAddress: 'canary-192.0.2.2',
              packageName: 'org.example.canary',
            },
          },
          { lostModeLocationEvent: { location: { latitude: 59.3, longitude: 18.1 } } },
          { adbShellCommandEvent: { shellCmd: 'canary-command' } },
          { inventedEvent: { canary: 'canary' } },
        ],
      }),
    )
    await pubsub.deliver(
      pubsub.message('COMMAND', {
        name: `${one.name}/operations/1`,
        done: true,
        metadata: { type: 'RESET_PASSWORD', newPassword: 'canary-passcode', userName: 'u' },
        error: { code: 3, message: 'canary of free text' },
      }),
    )
    const kept = await only(one.name)
    assert.match(String(kept?.['protocol.androidCommand']), /RESET_PASSWORD/)
    assert.equal(kept?.['device.operationName'], `${one.name}/operations/1`)
    for (const { items } of await records())
      assert.ok(!/canary|192\.0\.2/.test(JSON.stringify(items)))
    for (const entry of await t.entries())
      assert.ok(!/canary|192\.0\.2/.test(JSON.stringify(entry)))
    const [log, command] = (await intakes()).slice(-2)
    assert.ok(Number(withheldOf(log)['never.androidUsage']) > 6)
    assert.equal(log?.data.unknown, 1)
    assert.equal(withheldOf(command)['never.androidSecret'], 1)
  })

  it('each message is taken once, however often and in whatever order it comes', async () => {
    later()
    const one = device(4)
    const old = pubsub.message('STATUS_REPORT', { ...one, state: 'DISABLED', apiLevel: 30 })
    later()
    const newer = pubsub.message('STATUS_REPORT', { name: one.name, state: 'ACTIVE' })
    const before = (await intakes()).length
    const statuses = await Promise.all(
      [newer, old, newer, old, newer].map((message) => pubsub.push(message)),
    )
    assert.deepEqual(statuses, [200, 200, 200, 200, 200])
    for (const message of [newer, old]) await pubsub.push(message)
    assert.match(String((await only(one.name))?.['device.deviceState']), /ACTIVE/)
    const entries = (await intakes()).slice(before)
    const subjects = entries.flatMap(({ data }) => data.subjects as string[])
    assert.ok(subjects.length <= 2, 'a repetition leaves no evidence of its own')
    const counted = await t.node.database.read(TENANT, (reader) =>
      countEvents(reader, GOOGLE_CONNECTION),
    )
    assert.ok(counted.repeats >= 5)
    await pubsub.push(
      pubsub.message('COMPLIANCE_REPORT', { name: one.name, policyCompliant: false }),
    )
    assert.equal((await only(one.name))?.['device.complianceStates'], false)
  })

  it('a device whose last report says that it was deleted is kept no longer', async () => {
    later()
    const one = device(5)
    await pubsub.push(pubsub.message('ENROLLMENT', one))
    assert.ok(await only(one.name))
    later()
    await pubsub.push(pubsub.message('STATUS_REPORT', { name: one.name, state: 'DELETED' }))
    assert.equal(await only(one.name), undefined)
    await pubsub.push(pubsub.message('STATUS_REPORT', one, { publishedAt: clock.now() - 60_000 }))
    assert.equal(await only(one.name), undefined, 'a late report does not bring it back')
  })

  it('what has no device, no known type or no sense is taken and counted, since it would come again for days', async () => {
    later()
    const before = (await intakes()).length
    const kept = (await records()).length
    for (const message of [
      pubsub.message('test', ''),
      pubsub.message('ENTERPRISE_UPGRADE', {
        enterprise: ENTERPRISE,
        upgradeState: 'UPGRADE_STATE_SUCCEEDED',
      }),
      pubsub.message('INVENTED', { canary: 1 }),
      pubsub.message(undefined, { name: 'x' }),
      pubsub.message('STATUS_REPORT', '{"name":'),
      pubsub.message('STATUS_REPORT', '"text"'),
      pubsub.message('COMMAND', { name: 'x/operations/1' }),
    ])
      assert.equal(await pubsub.deliver(message), 1)
    assert.equal((await intakes()).length, before + 7)
    assert.equal((await records()).length, kept)
  })

  it('P4 what is no delivery at all is refused, and comes in no further', async () => {
    const authorization = `Bearer ${await pubsub.token()}`
    const url = `${server.origin}/ingest/${TENANT}.${GOOGLE_CONNECTION}`
    for (const body of [
      '',
      '{}',
      '[]',
      '{"message":{}}',
      '{"message":{"messageId":"1"},"subscription":"s"}',
    ])
      assert.equal(
        (await request(url, { method: 'POST', headers: { authorization }, body })).statusCode,
        400,
        body,
      )
  })

  for (const [name, options] of Object.entries(WRONG))
    it(`P4 a push with a token ${name} is refused before it is read`, async () => {
      const message = pubsub.message('ENROLLMENT', {
        ...device(6),
        name: `${ENTERPRISE}/devices/forged`,
      })
      assert.equal(await pubsub.push(message, options), 401)
      assert.equal(await only(`${ENTERPRISE}/devices/forged`), undefined)
    })

  it('a token is good while clocks differ by less than a minute', async () => {
    for (const options of [
      { from: -3_600, until: -30 },
      { from: 30, until: 3_600 },
    ])
      assert.equal(await pubsub.push(pubsub.message('test', ''), options), 200)
  })

  it('keys are asked for once, again when a new one signs, and not for each name that somebody makes up', async () => {
    const before = pubsub.keyRequests()
    await Promise.all(Array.from({ length: 8 }, () => pubsub.push(pubsub.message('test', ''))))
    assert.ok(pubsub.keyRequests() - before <= 1)
    clock.set(clock.now() + 60_000)
    await pubsub.rotate()
    const rotated = pubsub.keyRequests()
    assert.equal(await pubsub.push(pubsub.message('test', '')), 200)
    assert.equal(pubsub.keyRequests(), rotated + 1)
    for (let i = 0; i < 5; i++) await pubsub.push(pubsub.message('test', ''), { foreignKey: true })
    assert.equal(pubsub.keyRequests(), rotated + 1)
  })

  it('a key that was taken back is good no longer than it is kept; without keys a message waits at Google', async () => {
    clock.set(clock.now() + 60_000)
    const token = `Bearer ${await pubsub.token({ until: 3_600 })}`
    await pubsub.rotate({ forget: true })
    clock.set(clock.now() + 11 * 60_000)
    assert.equal(await pubsub.push(pubsub.message('test', ''), { authorization: token }), 401)
    pubsub.keysAway(true)
    clock.set(clock.now() + 11 * 60_000)
    const message = pubsub.message('ENROLLMENT', device(7))
    assert.equal(await pubsub.push(message), 503)
    pubsub.keysAway(false)
    assert.equal(await pubsub.deliver(message), 1)
    assert.ok(await only(device(7).name))
  })

  it('a slow push is read to its end', async () => {
    later()
    assert.equal(await pubsub.push(pubsub.message('ENROLLMENT', device(8)), { pauseMs: 50 }), 200)
    assert.ok(await only(device(8).name))
  })

  it('P6 keeps what the tenant withholds out, P2 and without consent everything', async () => {
    later()
    await t.node.database.write(TENANT, (tx) =>
      chooseCollection(
        tx,
        t.node.parts.catalog,
        { itemId: 'device.imei', on: true, precision: 'withheld' },
        by(),
      ),
    )
    await pubsub.push(pubsub.message('ENROLLMENT', device(9)))
    const kept = await only(device(9).name)
    assert.ok(kept && !('device.imei' in kept))
    await t.node.database.write(TENANT, (tx) => withdrawConsent(tx, GOOGLE_IN, by()))
    const name = `${ENTERPRISE}/devices/without-consent`
    // Acknowledged: nothing that Google could do would change it. The refusal is recorded.
    assert.equal(await pubsub.push(pubsub.message('ENROLLMENT', { ...device(9), name })), 200)
    assert.equal(await only(name), undefined)
    assert.equal((await t.entries()).at(-1)?.kind, 'refusal')
    await t.node.database.write(TENANT, (tx) => consentTo(tx, t.node, 'android-enterprise'))
  })

  it('would notice a check of tokens that is wrong', async () => {
    const sender = { email: EMAIL, audience: 'https://sluss.example/ingest' }
    const real = tokenVerifier(t.node.parts.transport, pubsub.issuer)
    const twins: Record<string, VerifyToken> = {
      'takes any account of Google’s': async (authorization, { audience }, now) => {
        const [, claims = ''] = authorization?.split('.') ?? []
        const { email } = JSON.parse(Buffer.from(claims, 'base64url').toString() || '{}')
        return real(authorization, { audience, email }, now)
      },
      'takes any audience': async (authorization, { email }, now) => {
        const [, claims = ''] = authorization?.split('.') ?? []
        const { aud } = JSON.parse(Buffer.from(claims, 'base64url').toString() || '{}')
        return real(authorization, { audience: aud ?? 'none', email }, now)
      },
      'takes what is over': (authorization, one, now) => real(authorization, one, now - 3_700_000),
    }
    const mistakes = async (check: VerifyToken): Promise<string[]> => {
      const found: string[] = []
      for (const [name, options] of Object.entries(WRONG)) {
        const { audience } = sender
        const authorization =
          options.authorization ?? `Bearer ${await pubsub.token({ audience, ...options })}`
        if (await check(authorization, sender, clock.now()).catch(() => false)) found.push(name)
      }
      return found
    }
    assert.deepEqual(await mistakes(real), [])
    for (const [name, twin] of Object.entries(twins))
      assert.notDeepEqual(await mistakes(twin), [], name)
  })
})
