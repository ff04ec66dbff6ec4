import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { after, describe, it } from 'node:test'
import { checkPartner } from '#catalog/check-partner.ts'
import type { PartnerDescription } from '#catalog/partner-description.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { manualClock, systemClock } from '#foundation/clock.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { newWebhookSecret } from '#foundation/standard-webhooks.ts'
import type { Connector, PartyCall, SendResult, Transport } from '#sharing/exchange.ts'
import { acmeThreat } from '../../../test/partner/descriptions.ts'
import { type SandboxPartner, startSandboxPartner } from '../../../sandbox/partner/server.ts'
import type { SandboxSignIn } from '../../../sandbox/partner/sign-in.ts'
import { certificates } from '../../../test/partner/certificates.ts'
import { createTransport } from '../transport.ts'
import { partnerConnector } from './client.ts'

const closing: (() => Promise<unknown>)[] = []
after(async () => {
  for (const close of closing.toReversed()) await close()
})

interface Scene {
  readonly partner: SandboxPartner
  readonly connector: Connector
  readonly session: { token: string | undefined }
  /** Makes the described, idempotent call, or the other one. */
  send(over?: {
    once?: boolean
    transport?: Transport
    credentials?: Record<string, string>
  }): Promise<SendResult>
}

/** A partner that signs in as said, and a connector that was described for it. */
async function scene(
  signIn: SandboxSignIn,
  auth: (partner: SandboxPartner) => Record<string, unknown>,
  credentials: Record<string, string>,
  options: {
    now?: () => number
    tls?: { key: string; cert: string; ca: string }
    ca?: string
  } = {},
): Promise<Scene> {
  const now = options.now ?? (() => Date.now())
  const partner = await startSandboxPartner({
    signIn,
    now,
    ...(options.tls ? { tls: options.tls } : {}),
  })
  closing.push(partner.stop)
  const read = checkPartner(acmeThreat(partner.origin, auth(partner)), {
    catalog: shippedCatalog,
    others: [],
    taken: new Set(),
    allowLoopback: true,
  })
  if (isRefusal(read)) throw new Error(JSON.stringify(read))
  const connector = partnerConnector(
    () => read,
    () => now() / 1_000,
    false,
  )
  const wire = createTransport(systemClock, {
    headersMs: 300,
    bodyMs: 300,
    connectMs: 500,
    ...(options.ca === undefined ? {} : { ca: options.ca }),
  })
  closing.push(wire.close)
  const file = connector.readCredentials?.(Buffer.from(JSON.stringify(credentials)))
  assert.ok(file && !isRefusal(file), JSON.stringify(file))
  const session: Scene['session'] = { token: undefined }
  const store: PartyCall['session'] = {
    get: async () => session.token,
    replace: async (_, next) => {
      session.token = next
    },
  }
  return {
    partner,
    connector,
    session,
    send: async (over = {}) => {
      const exchange = connector.exchanges[over.once ? 1 : 0] ?? assert.fail()
      return connector.send({
        origin: partner.origin,
        credentials: over.credentials ?? file,
        request: {
          exchange,
          method: 'POST',
          target: over.once ? '/v1/devices/SYN1:isolate' : '/v1/devices',
          body: '{"devices":[]}',
        },
        session: store,
        transport: over.transport ?? wire.send,
      })
    },
  }
}

const SECRET = newWebhookSecret()
const webhooks = (over: Parameters<typeof scene>[3] = {}) =>
  scene(
    { kind: 'standardWebhooks', secret: SECRET },
    () => ({ kind: 'standardWebhooks' }),
    { secret: SECRET },
    over,
  )
const CLIENT = { client_id: 'sluss at acme', client_secret: 's3cret&+=%' }
const clientCredentials = (how: 'basic' | 'post', over: Parameters<typeof scene>[3] = {}) =>
  scene(
    {
      kind: 'clientCredentials',
      clientId: CLIENT.client_id,
      clientSecret: CLIENT.client_secret,
      how,
      scope: 'devices',
    },
    ({ tokenEndpoint }) => ({
      kind: 'clientCredentials',
      tokenEndpoint,
      scope: 'devices',
      clientAuthentication: how,
    }),
    CLIENT,
    over,
  )

describe('a described party is signed in to', () => {
  it('by a signature over each message, one id for all its attempts', async () => {
    const { partner, send } = await webhooks()
    assert.equal((await send()).outcome, 'delivered')
    partner.inject('/v1/devices', { kind: 'lose-answer' })
    const { outcome, attempts } = await send()
    assert.deepEqual([outcome, attempts], ['delivered', 2])
    assert.equal(partner.received.length, 3)
    assert.equal(partner.messages().length, 2)
    partner.revoke()
    const refused = await send()
    assert.deepEqual([refused.outcome, refused.attempts], ['rejected', 1])
  })

  it('and not where the clocks are too far apart', async () => {
    const { send } = await webhooks({ now: () => Date.now() - 10 * 60_000 })
    const { outcome } = await send()
    assert.equal(outcome, 'rejected')
  })

  for (const how of ['basic', 'post'] as const)
    it(`by a token of client credentials (${how}), got once for all who wait and kept until shortly before its end`, async () => {
      const clock = manualClock()
      const { partner, send, session } = await clientCredentials(how, { now: clock.now })
      const tokens = () => partner.received.filter(({ target }) => target === '/token').length
      const results = await Promise.all(Array.from({ length: 6 }, () => send()))
      assert.ok(results.every(({ outcome }) => outcome === 'delivered'))
      assert.equal(tokens(), 1)
      clock.advance(3_500_000)
      await send()
      assert.equal(tokens(), 1)
      clock.advance(60_000)
      await send()
      assert.equal(tokens(), 2)
      // One that the party forgot is got anew within the call, also for what must not be done twice: a 401 did nothing.
      partner.endTokens()
      const again = await send({ once: true })
      assert.deepEqual([again.outcome, again.attempts, tokens()], ['delivered', 2, 3])
      // One of other credentials is never used on.
      const kept = session.token
      assert.equal(
        (await send({ credentials: { ...CLIENT, client_secret: 'other' } })).outcome,
        'rejected',
      )
      assert.notEqual(kept, undefined)
    })

  it('by a signed assertion of an account (RFC 7523)', async () => {
    const pair = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    })
    const { send, partner } = await scene(
      {
        kind: 'jwtBearer',
        issuer: 'sluss@synthetic.example.org',
        publicKey: pair.publicKey,
        scope: 'a b',
      },
      ({ tokenEndpoint }) => ({ kind: 'jwtBearer', tokenEndpoint, scope: 'a b' }),
      { issuer: 'sluss@synthetic.example.org', private_key: pair.privateKey, private_key_id: 'k1' },
    )
    assert.equal((await send()).outcome, 'delivered')
    partner.revoke()
    assert.equal((await send()).outcome, 'rejected')
  })

  it('by a fixed token', async () => {
    const token = 'tv_synthetic'
    const { send } = await scene({ kind: 'bearerToken', token }, () => ({ kind: 'bearerToken' }), {
      token,
    })
    assert.equal((await send()).outcome, 'delivered')
  })

  it('by a certificate (RFC 8705), each caller on connections of its own', async () => {
    const { ca, server, client, stranger } = certificates()
    const tls = { ...server, ca }
    const { send, partner } = await scene(
      { kind: 'mutualTls' },
      () => ({ kind: 'mutualTls' }),
      { certificate: client.cert, private_key: client.key },
      { tls, ca },
    )
    assert.equal((await send()).outcome, 'delivered')
    const unknown = await send({
      credentials: { certificate: stranger.cert, private_key: stranger.key },
    })
    assert.equal(unknown.outcome, 'rejected')
    assert.equal((await send()).outcome, 'delivered')
    assert.deepEqual(
      partner.received.map(({ status }) => status),
      [200, 401, 200],
    )
  })

  it('by a token that is bound to a certificate (RFC 8705)', async () => {
    const { ca, server, client } = certificates()
    const { send, partner } = await scene(
      { kind: 'tlsClient', clientId: 'sluss' },
      ({ tokenEndpoint }) => ({
        kind: 'clientCredentials',
        tokenEndpoint,
        clientAuthentication: 'tls',
      }),
      { client_id: 'sluss', certificate: client.cert, private_key: client.key },
      { tls: { ...server, ca }, ca },
    )
    assert.equal((await send()).outcome, 'delivered')
    assert.equal((await send()).outcome, 'delivered')
    assert.equal(partner.received.filter(({ target }) => target === '/token').length, 1)
  })
})

describe('a described party that misbehaves', () => {
  it('P3 is classed by what is certain, and sent to again only where that does no harm', async () => {
    const { partner, send } = await webhooks()
    const path = '/v1/devices/SYN1:isolate'
    for (const [fault, outcome] of [
      ['hang', 'unknown'],
      ['close', 'unknown'],
      ['lose-answer', 'unknown'],
      ['close-mid-body', 'unknown'],
      ['gzip', 'delivered'],
    ] as const) {
      partner.inject(path, { kind: fault })
      const result = await send({ once: true })
      assert.deepEqual([fault, result.outcome, result.attempts], [fault, outcome, 1])
    }
    partner.inject('/v1/devices', { kind: 'close' }, { kind: 'close' })
    assert.deepEqual([(await send()).outcome], ['unknown'])
    partner.inject('/v1/devices', { kind: 'answer', answer: { status: 503 } })
    const after = await send()
    assert.deepEqual([after.outcome, after.attempts], ['delivered', 2])
  })

  it('P3 sent nothing while only a token was asked for', async () => {
    const { partner, send } = await clientCredentials('basic')
    partner.inject('/token', { kind: 'close' })
    const { outcome, attempts } = await send()
    assert.deepEqual([outcome, attempts], ['unsent', 0])
    for (const answer of [
      { status: 200, body: { access_token: 'x' } },
      { status: 200, body: { access_token: 'a b', expires_in: 9, token_type: 'bearer' } },
      { status: 200, body: { access_token: 'x', expires_in: 9, token_type: 'mac' } },
      { status: 500 },
      { status: 401 },
    ]) {
      partner.inject('/token', { kind: 'answer', answer })
      assert.equal((await send()).outcome, 'rejected', JSON.stringify(answer))
    }
    assert.ok(partner.received.every(({ target }) => target === '/token'))
  })
})

describe('credentials of a described party', () => {
  it('are read strictly, and none is quoted', async () => {
    const { connector } = await webhooks()
    for (const file of [
      'canary',
      '[]',
      '{}',
      '{"secret":"canary!"}',
      '{"secret":"c2hvcnQ="}',
      `{"secret":"${SECRET}","canary":"x"}`,
      `{"secret":["${SECRET}"]}`,
    ]) {
      const read = connector.readCredentials?.(Buffer.from(file))
      assert.ok(isRefusal(read), file)
      assert.ok(!JSON.stringify(read).includes('canary!'))
    }
  })

  it('of a certificate belong together', () => {
    const { client, stranger } = certificates()
    const read = checkPartner(acmeThreat('https://api.acme.example.org', { kind: 'mutualTls' }), {
      catalog: shippedCatalog,
      others: [],
      taken: new Set(),
      allowLoopback: false,
    })
    assert.ok(!isRefusal(read))
    const connector = partnerConnector(
      () => read,
      () => 0,
    )
    const answer = (certificate: string, private_key: string) =>
      connector.readCredentials?.(Buffer.from(JSON.stringify({ certificate, private_key })))
    assert.ok(!isRefusal(answer(client.cert, client.key)))
    assert.ok(isRefusal(answer(client.cert, stranger.key)))
  })
})

describe('places inside the network', () => {
  const description = acmeThreat('https://api.acme.example.org') as unknown as PartnerDescription
  const call = (connector: Connector, transport: Transport, origin: string) =>
    connector.send({
      origin,
      credentials: { secret: SECRET },
      request: {
        exchange: connector.exchanges[0] ?? assert.fail(),
        method: 'POST',
        target: '/v1/devices',
        body: '{}',
      },
      session: { get: async () => undefined, replace: async () => undefined },
      transport,
    })
  const read = checkPartner(description, {
    catalog: shippedCatalog,
    others: [],
    taken: new Set(),
    allowLoopback: false,
  })
  assert.ok(!isRefusal(read))

  it('are not reached by a name that leads there: nothing is sent', async () => {
    const looked: string[] = []
    const wire = createTransport(systemClock, {
      publicLookup: (hostname, _, callback) => {
        looked.push(hostname)
        callback(Object.assign(new Error('private'), { code: 'EPRIVATEADDRESS' }), '', 0)
      },
    })
    closing.push(wire.close)
    const connector = partnerConnector(
      () => read,
      () => 0,
    )
    const result = await call(connector, wire.send, 'https://api.acme.example.org')
    assert.deepEqual(
      [result.outcome, 'code' in result && result.code],
      ['unsent', 'connect_failed'],
    )
    assert.deepEqual(looked, ['api.acme.example.org'])
    const elsewhere = await call(connector, wire.send, 'https://other.example.org')
    assert.deepEqual([elsewhere.outcome, looked.length], ['unsent', 1])
  })

  it('nor by a wire that cannot tell', async () => {
    const wire = createTransport(systemClock)
    closing.push(wire.close)
    const connector = partnerConnector(
      () => read,
      () => 0,
    )
    const result = await call(connector, wire.send, 'https://api.acme.example.org')
    assert.equal(result.outcome, 'unsent')
  })

  it('would notice a connector that does not ask for it', async () => {
    const looked: string[] = []
    const wire: Transport = async (request) => {
      looked.push(String(request.publicOnly))
      return { status: 200, headers: {}, body: Buffer.from('{}') }
    }
    const [connector, twin] = [true, false].map((isPublic) =>
      partnerConnector(
        () => read,
        () => 0,
        isPublic,
      ),
    )
    for (const one of [connector, twin])
      await call(one ?? assert.fail(), wire, 'https://api.acme.example.org')
    assert.deepEqual(looked, ['true', 'undefined'])
  })
})
