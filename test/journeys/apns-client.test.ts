import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { after, before, beforeEach, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { applePush } from '#connectors/apple-push/client.ts'
import { PUSH } from '#connectors/apple-push/exchanges.ts'
import { type Wire, type WireOptions, createWire } from '#connectors/apple-push/wire.ts'
import { systemClock } from '#foundation/clock.ts'
import type { SendResult, SessionStore } from '#sharing/exchange.ts'
import { TOPIC } from '../../sandbox/apns/certificates.ts'
import { type SandboxApns, startSandboxApns } from '../../sandbox/apns/server.ts'

const tokenOf = (i: number) => i.toString(16).padStart(64, '0')

describe('the client of Apple’s push service', () => {
  let apns: SandboxApns
  const undo: (() => Promise<void>)[] = []
  before(async () => {
    apns = await startSandboxApns({ mostStreams: 10 })
  })
  beforeEach(() => {
    apns.received.length = 0
  })
  after(async () => {
    for (const close of undo) await close()
    await apns.stop()
  })
  /** A client of its own, with a clock of its own where time matters. */
  const client = (
    options: WireOptions = {},
    elapsed: () => number = systemClock.elapsed,
    twin: (wire: Wire) => Wire = (wire) => wire,
  ) => {
    const wire = createWire(systemClock, { ca: apns.authority.ca, answerMs: 1_000, ...options })
    undo.push(wire.close)
    const connector = applePush(twin(wire.send), elapsed)
    const { certificate, privateKey } = apns.authority.pushCertificate()
    const fingerprint = new X509Certificate(certificate).fingerprint256
    let told: string | undefined
    const session: SessionStore = {
      get: async () => told,
      replace: async (_, next) => {
        told = next
      },
    }
    return {
      told: () => told,
      push: (
        i: number,
        magic = 'MAGIC',
        query = '',
        stands?: () => Promise<boolean>,
      ): Promise<SendResult> =>
        connector.send({
          ...(stands ? { stands } : {}),
          origin: apns.origin,
          credentials: { certificate, privateKey, fingerprint, topic: TOPIC },
          request: {
            exchange: PUSH,
            method: 'POST',
            target: `/3/device/${tokenOf(i)}${query}`,
            body: JSON.stringify({ mdm: magic }),
          },
          session,
          transport: () => assert.fail('pushes go over HTTP/2'),
        }),
    }
  }
  const reason = (result: SendResult) =>
    'response' in result ? JSON.parse(result.response.body.toString()).reason : undefined

  it('sends hundreds of pushes over one connection, never more at once than the peer allows', async () => {
    const before = apns.connections().opened
    const { push } = client()
    const results = await Promise.all(Array.from({ length: 300 }, (_, i) => push(i)))
    assert.ok(results.every(({ outcome, attempts }) => outcome === 'delivered' && attempts === 1))
    assert.equal(apns.received.length, 300)
    assert.equal(apns.connections().opened - before, 1)
    assert.ok(apns.mostAtOnce() <= 10, String(apns.mostAtOnce()))
  })

  it('sends the options of APNs as its headers, its own topic and kind, and nothing of ours', async () => {
    const id = '123e4567-e89b-42d3-a456-426614174000'
    const { push } = client()
    const sent = await push(1, 'M', `?apns-id=${id}&apns-expiration=1900000000&apns-priority=5`)
    assert.ok('response' in sent)
    assert.deepEqual(JSON.parse(sent.response.body.toString()), { 'apns-id': id })
    const { headers } = apns.received[0] ?? assert.fail('nothing arrived')
    assert.deepEqual(
      Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith(':'))),
      {
        'content-type': 'application/json',
        'apns-topic': TOPIC,
        'apns-push-type': 'mdm',
        'apns-id': id,
        'apns-expiration': '1900000000',
        'apns-priority': '5',
      },
    )
    assert.equal(reason(await push(1, 'M', '?apns-topic=another')), 'TopicDisallowed')
    assert.equal(apns.received.length, 1)
  })

  it('P5 a push that had to wait for the one before leaves only while it may', async () => {
    const { push } = client()
    await push(0)
    for (const may of [true, false]) {
      apns.received.length = 0
      const { release } = apns.hold()
      const first = push(8, 'first')
      await until(() => apns.received.length === 1)
      let asked = 0
      const second = push(8, 'second', '', async () => {
        asked++
        return may
      })
      await pause(300)
      release()
      assert.equal((await first).outcome, 'delivered')
      assert.equal((await second).outcome, may ? 'delivered' : 'unsent')
      assert.equal(asked, 1)
      assert.equal(apns.received.length, may ? 2 : 1)
    }
  })

  it('has one push on its way and one waiting for each device; the last PushMagic counts for all that wait', async () => {
    const { push } = client()
    await push(0)
    const { release } = apns.hold()
    const first = push(7, 'first')
    await until(() => apns.received.length === 2)
    const waiting = ['second', 'third', 'fourth'].map((magic) => push(7, magic))
    await pause(20)
    assert.equal(apns.received.length, 2)
    release()
    const results = await Promise.all([first, ...waiting])
    assert.ok(results.every(({ outcome }) => outcome === 'delivered'))
    assert.deepEqual(
      apns.received.slice(1).map(({ body }) => body),
      ['{"mdm":"first"}', '{"mdm":"fourth"}'],
    )
    assert.deepEqual(
      results.map(({ attempts }) => attempts),
      [1, 1, 0, 0],
    )
  })

  it('P3 opens a new connection after GOAWAY, and sends again only what the peer says it did not process', async () => {
    const { push } = client()
    await push(0)
    const opened = apns.connections().opened
    apns.next({ goaway: 'refused', reason: 'Shutdown' })
    const again = await push(1)
    assert.deepEqual([again.outcome, again.attempts], ['delivered', 1])
    assert.equal(apns.connections().opened, opened + 1)
    assert.equal(apns.received.filter(({ token }) => token === tokenOf(1)).length, 1)
    apns.next({ goaway: 'processed' })
    const once = await push(2)
    assert.equal(once.outcome, 'delivered')
    assert.equal(apns.received.filter(({ token }) => token === tokenOf(2)).length, 1)
    await push(3)
    assert.equal(apns.connections().opened, opened + 2)
  })

  it('P3 calls unknown what may have been taken: a cut stream, a cut connection, no answer', async () => {
    for (const fault of [{ cut: 'stream' }, { cut: 'connection' }, { never: true }] as const) {
      const { push } = client()
      apns.next(fault)
      const result = await push(1)
      assert.deepEqual([result.outcome, result.attempts], ['unknown', 1], JSON.stringify(fault))
      assert.equal((await push(2)).outcome, 'delivered')
    }
    assert.equal(apns.received.filter(({ token }) => token === tokenOf(1)).length, 3)
  })

  it('would notice a client that sends again what may have been taken', async () => {
    const sendsAgain =
      (wire: Wire): Wire =>
      (request) =>
        wire(request).catch(() => wire(request))
    const { push } = client({}, systemClock.elapsed, sendsAgain)
    apns.next({ cut: 'stream' })
    const result = await push(1)
    assert.notEqual(result.outcome, 'unknown')
    assert.equal(apns.received.length, 2)
  })

  it('would notice a client that has several pushes to one device on their way', async () => {
    let number = 0
    // Each push for a device of its own as far as the queue can tell.
    const forgetsDevices =
      (wire: Wire): Wire =>
      (request) =>
        wire({ ...request, path: request.path.slice(0, -4) + String(1_000 + number++) })
    const { push } = client({}, systemClock.elapsed, forgetsDevices)
    await push(7)
    const { release } = apns.hold()
    const all = ['first', 'second', 'third'].map((magic) => push(7, magic))
    await until(() => apns.received.length === 4)
    release()
    assert.ok((await Promise.all(all)).every(({ attempts }) => attempts === 1))
  })

  it('calls unsent what found no connection, or one that takes no certificate of ours', async () => {
    const other = await startSandboxApns()
    const wire = createWire(systemClock, { ca: other.authority.ca, connectMs: 500 })
    const connector = applePush(wire.send, systemClock.elapsed)
    const { certificate, privateKey } = apns.authority.pushCertificate()
    const call = (origin: string) => ({
      origin,
      credentials: { certificate, privateKey, fingerprint: 'x', topic: TOPIC },
      request: {
        exchange: PUSH,
        method: 'POST' as const,
        target: `/3/device/${tokenOf(1)}`,
        body: '{"mdm":"M"}',
      },
      session: { get: async () => undefined, replace: async () => {} },
      transport: () => assert.fail(),
    })
    for (const origin of [other.origin, 'https://127.0.0.1:1']) {
      const result = await connector.send(call(origin))
      assert.deepEqual(
        [result.outcome, 'code' in result && result.code],
        ['unsent', 'connect_failed'],
      )
    }
    await wire.close()
    await other.stop()
  })

  it('passes on every documented reason with its status', async () => {
    for (const [status, reasons] of Object.entries(PUSH.errors)) {
      for (const word of reasons) {
        const { push } = client()
        const fault = { status: Number(status), reason: word, retryAfter: 9 }
        apns.next(fault)
        const result = await push(1)
        if (word === 'Shutdown' || word === 'IdleTimeout') {
          assert.equal(result.outcome, 'delivered', word)
          continue
        }
        assert.equal(result.outcome, 'rejected', word)
        assert.equal(reason(result), word)
        assert.equal('response' in result && result.response.status, Number(status))
      }
    }
  })

  it('tries once more where Apple only had trouble itself, and leaves longer waits to the client', async () => {
    const { push } = client()
    apns.next({ status: 500, reason: 'InternalServerError' })
    const again = await push(1)
    assert.deepEqual([again.outcome, again.attempts], ['delivered', 2])
    apns.next({ status: 503, reason: 'ServiceUnavailable', retryAfter: 30 })
    const told = await push(2)
    assert.deepEqual([reason(told), told.attempts], ['ServiceUnavailable', 1])
    const held = await push(3)
    assert.equal('response' in held && held.response.headers['retry-after'], '30')
    assert.deepEqual([reason(held), held.attempts], ['ServiceUnavailable', 0])
  })

  it('leaves a device alone that was sent too much, and no other', async () => {
    let now = 0
    const { push } = client({}, () => now)
    apns.next({ status: 429, reason: 'TooManyRequests', retryAfter: 7 })
    await push(1)
    const held = await push(1)
    assert.deepEqual([reason(held), held.attempts], ['TooManyRequests', 0])
    assert.equal((await push(2)).outcome, 'delivered')
    now = 7_001
    assert.equal((await push(1)).outcome, 'delivered')
  })

  it('sends nothing with a certificate that Apple does not take, says why, and tries again later', async () => {
    let now = 0
    const { push, told } = client({}, () => now)
    apns.next({ status: 403, reason: 'BadCertificate' })
    assert.equal(reason(await push(1)), 'BadCertificate')
    assert.equal(JSON.parse(told() ?? '{}').reason, 'BadCertificate')
    const held = await push(2)
    assert.deepEqual([reason(held), held.attempts], ['BadCertificate', 0])
    now = 60_001
    assert.equal((await push(2)).outcome, 'delivered')
    assert.equal(told(), undefined)
  })

  it('takes a GOAWAY that names the certificate for an answer to what was not processed', async () => {
    const { push } = client()
    await push(0)
    apns.next({ goaway: 'refused', reason: 'BadCertificateEnvironment' })
    assert.equal(reason(await push(1)), 'BadCertificateEnvironment')
  })

  it('asks a quiet peer whether it is there, and closes what nobody uses', async () => {
    const { push } = client({ quietMs: 100, idleMs: 900 })
    await push(1)
    const open = apns.connections().open
    await pause(600)
    assert.equal(apns.connections().open, open)
    await until(() => apns.connections().open === open - 1)
    assert.equal((await push(1)).outcome, 'delivered')
  })
})

async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 400; i++) {
    if (holds()) return
    await pause(10)
  }
  assert.fail('it never came to hold')
}
