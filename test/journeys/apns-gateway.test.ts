import assert from 'node:assert/strict'
import { connect } from 'node:http2'
import { request as httpsRequest } from 'node:https'
import { after, before, beforeEach, describe, it } from 'node:test'
import apn from '@parse/node-apn'
import { withdrawConsent } from '#agreements/consent.ts'
import { issueClientToken } from '#connections/credentials.ts'
import { issuePushClientCertificate } from '#connections/push-certificate.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { TOPIC } from '../../sandbox/apns/certificates.ts'
import { PUSH_CONNECTION, PUSH_FLOWS, agreeToPush } from '../../sandbox/apns/connect.ts'
import { type PushNode, TENANT, startPushNode } from './apns-node.ts'

const TOKEN = 'c0ffee'.repeat(10) + 'abcd'
const MAGIC = 'CANARY-MAGIC-4711'

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: string
}

describe('pushes through the gateway', () => {
  let t: PushNode
  before(async () => {
    t = await startPushNode({ agreed: false })
  })
  beforeEach(() => {
    t.apns.received.length = 0
  })
  after(() => t.stop())

  /** A push over HTTP/2 as NanoMDM sends it: no header of APNs at all. */
  const push = async (
    headers: Record<string, string> = {},
    body: string | Buffer = JSON.stringify({ mdm: MAGIC }),
    path = `/3/device/${TOKEN}`,
  ): Promise<Answer> => {
    const session = connect(`https://127.0.0.1:${t.gateway.port}`, { ca: t.apns.authority.ca })
    try {
      return await new Promise((resolve, reject) => {
        session.once('error', reject)
        const stream = session.request({
          ':method': 'POST',
          ':path': path,
          authorization: `Bearer ${t.tokens.push}`,
          'content-type': 'application/json',
          ...headers,
        })
        let got: Record<string, unknown> = {}
        const parts: Buffer[] = []
        stream.on('response', (received) => {
          got = received
        })
        stream.on('data', (part: Buffer) => parts.push(part))
        stream.on('end', () =>
          resolve({
            status: Number(got[':status']),
            headers: got,
            body: Buffer.concat(parts).toString(),
          }),
        )
        stream.on('error', reject)
        stream.end(body)
      })
    } finally {
      session.close()
    }
  }
  const reason = ({ body }: Answer) => JSON.parse(body).reason

  it('P2 refuses while nothing is agreed, in APNs’ form, and asks Apple nothing', async () => {
    const answer = await push()
    assert.deepEqual([answer.status, reason(answer)], [403, 'Forbidden'])
    assert.equal(answer.headers['sluss-refusal'], 'feature_off')
    assert.equal(t.apns.received.length, 0)
    assert.equal(t.apns.connections().opened, 0)
  })

  it('takes what NanoMDM and Fleet send, and answers as Apple does', async () => {
    await agreeToPush(t.node, TENANT)
    const answer = await push()
    assert.equal(answer.status, 200, answer.body)
    assert.equal(answer.body, '')
    assert.match(String(answer.headers['apns-id']), /^[0-9A-F-]{36}$/)
    const [received] = t.apns.received
    assert.equal(received?.body, JSON.stringify({ mdm: MAGIC }))
    assert.equal(received?.token, TOKEN)
    assert.equal(received?.headers['apns-topic'], TOPIC)
    assert.equal(received?.headers['apns-push-type'], 'mdm')
  })

  it('P3 has the entry before the push leaves, then its outcome; neither names token or PushMagic', async () => {
    const answer = await push()
    const log = await t.entries()
    const entry = log.find(({ id }) => id === answer.headers['sluss-entry'])
    assert.deepEqual(entry?.data.items, {
      'credential.applePushCertificate': ['exact', 1],
      'device.pushMagic': ['exact', 1],
      'device.token': ['exact', 1],
    })
    assert.equal((entry?.data.subjects as unknown[] | undefined)?.length, 1)
    const outcome = log.find(({ kind, data }) => kind === 'outcome' && data.of === entry?.id)
    assert.deepEqual([outcome?.data.outcome, outcome?.data.status], ['delivered', 200])
    const text = JSON.stringify(log)
    assert.ok(!text.includes(TOKEN) && !text.includes(MAGIC) && !text.includes('PRIVATE KEY'))
  })

  it('P1 lets nothing beside the push leave: not in headers, path, query or body', async () => {
    await push({ 'x-canary': 'canary-1', 'apns-collapse-id': 'canary-2', 'user-agent': 'canary-3' })
    assert.equal((await push({}, undefined, `/3/device/${TOKEN}?canary=4`)).status, 404)
    const more = await push({}, JSON.stringify({ mdm: MAGIC, aps: { alert: 'canary-5' } }))
    assert.deepEqual([more.status, more.headers['sluss-refusal']], [400, 'item_unclassified'])
    assert.equal(t.apns.received.length, 1)
    const [{ bytes = '' } = {}] = t.apns.received
    assert.ok(!bytes.includes('canary') && !bytes.includes(t.tokens.push))
  })

  it('says of malformed pushes what APNs says, and sends none of them', async () => {
    const wrong: [
      Record<string, string>,
      string | Buffer | undefined,
      string | undefined,
      string,
    ][] = [
      [{ 'apns-id': 'x' }, undefined, undefined, 'BadMessageId'],
      [{ 'apns-priority': '7' }, undefined, undefined, 'BadPriority'],
      [{ 'apns-expiration': 'soon' }, undefined, undefined, 'BadExpirationDate'],
      [{ 'apns-push-type': 'alert' }, undefined, undefined, 'InvalidPushType'],
      [{ 'apns-topic': 'com.apple.mgmt.External.other' }, undefined, undefined, 'TopicDisallowed'],
      [{}, '', undefined, 'PayloadEmpty'],
      [{}, '{', undefined, 'PayloadEmpty'],
      [{}, JSON.stringify({ mdm: 'x'.repeat(4_100) }), undefined, 'PayloadTooLarge'],
      [{}, undefined, '/3/device/', 'MissingDeviceToken'],
      [{}, undefined, '/3/device/nothex', 'BadDeviceToken'],
      [{}, undefined, '/4/device/aa', 'BadPath'],
      [{ ':method': 'GET' }, undefined, undefined, 'MethodNotAllowed'],
      [{ authorization: 'Bearer wrong' }, undefined, undefined, 'MissingProviderToken'],
    ]
    for (const [headers, body, path, word] of wrong) {
      const answer = await push(headers, headers[':method'] === 'GET' ? '' : body, path).catch(
        (fault: Error) => fault,
      )
      if (headers[':method'] === 'GET' && answer instanceof Error) continue
      assert.ok(!(answer instanceof Error), word)
      assert.equal(reason(answer), word)
    }
    assert.equal(t.apns.received.length, 0)
  })

  it('passes Apple’s reasons on: a device that is gone is told as gone', async () => {
    t.apns.unregister('dead')
    const answer = await push({}, undefined, '/3/device/dead')
    assert.deepEqual([answer.status, reason(answer)], [410, 'Unregistered'])
    t.apns.next({ status: 400, raw: '{"reason":"canary Anna"}' })
    const odd = await push()
    assert.deepEqual([odd.status, reason(odd)], [400, 'UNDOCUMENTED_ERROR'])
  })

  it('knows a client by the certificate that Sluss issued: node-apn pushes through it, told another address', async () => {
    const issued = await t.node.database.write(TENANT, (tx) =>
      issuePushClientCertificate(tx, t.node.keys, PUSH_CONNECTION, t.by()),
    )
    assert.ok(!isRefusal(issued))
    await until(async () => {
      const note = new apn.Notification()
      Object.assign(note, { mdm: MAGIC, topic: TOPIC, pushType: 'mdm' })
      const provider = nodeApn(issued)
      const { sent } = await provider.send(note, TOKEN)
      await provider.shutdown()
      return sent.length === 1
    })
    assert.equal(t.apns.received.at(-1)?.body, JSON.stringify({ mdm: MAGIC }))
    const stranger = nodeApn(t.apns.authority.pushCertificate())
    const note = new apn.Notification()
    Object.assign(note, { mdm: MAGIC, topic: TOPIC })
    const { failed } = await stranger.send(note, TOKEN)
    assert.equal(String(failed[0]?.status), '401')
    await stranger.shutdown()
  })

  it('takes pushes over HTTP/1.1 as well', async () => {
    const status = await new Promise((resolve, reject) => {
      const call = httpsRequest(
        {
          host: '127.0.0.1',
          port: t.gateway.port,
          path: `/3/device/${TOKEN}`,
          method: 'POST',
          ca: t.apns.authority.ca,
          headers: { authorization: `Bearer ${t.tokens.push}` },
        },
        (response) => {
          response.resume()
          response.once('end', () => resolve(response.statusCode))
        },
      )
      call.once('error', reject)
      call.end(JSON.stringify({ mdm: MAGIC }))
    })
    assert.equal(status, 200)
  })

  it('P3 says unknown where nobody saw the answer, and does not push again by itself', async () => {
    t.apns.next({ cut: 'stream' })
    const answer = await push()
    assert.deepEqual(
      [answer.status, reason(answer), answer.headers['sluss-outcome']],
      [503, 'ServiceUnavailable', 'unknown'],
    )
    assert.equal(t.apns.received.length, 1)
    assert.equal((await push()).status, 200)
  })

  it('ends a token that was issued anew within a second', async () => {
    const old = t.tokens.push
    const fresh = await t.node.database.write(TENANT, (tx) =>
      issueClientToken(tx, t.node.keys, PUSH_CONNECTION, t.by()),
    )
    const began = performance.now()
    await until(async () => (await push()).status === 401)
    assert.ok(performance.now() - began < 1_000)
    t.tokens.push = fresh.token ?? ''
    assert.notEqual(t.tokens.push, old)
    assert.equal((await push()).status, 200)
  })

  it('P5 stops pushing within a second of a withdrawal', async () => {
    await t.node.database.write(TENANT, (tx) => withdrawConsent(tx, PUSH_FLOWS[0] ?? '', t.by()))
    const answer = await push()
    assert.equal(answer.headers['sluss-refusal'], 'consent_withdrawn')
    assert.equal(t.apns.received.length, 0)
  })

  function nodeApn({
    certificate: cert,
    privateKey: key,
  }: {
    certificate: string
    privateKey: string
  }) {
    return new apn.Provider({
      address: '127.0.0.1',
      port: t.gateway.port,
      ca: t.apns.authority.ca,
      cert,
      key,
      connectionRetryLimit: 0,
    } as unknown as apn.ProviderOptions)
  }
})

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 50; i++) if (await holds()) return
  assert.fail('it never came to hold')
}
