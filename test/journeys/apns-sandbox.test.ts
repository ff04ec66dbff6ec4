import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import apn from '@parse/node-apn'
import { PUSH } from '#connectors/apple-push/exchanges.ts'
import { type SandboxApns, startSandboxApns } from '../../sandbox/apns/server.ts'
import { TOPIC, makeAuthority } from '../../sandbox/apns/certificates.ts'

const TOKEN = 'ab'.repeat(32)

describe('the stand-in for Apple’s push service, judged by node-apn', () => {
  let apns: SandboxApns
  let provider: apn.Provider
  before(async () => {
    apns = await startSandboxApns()
    const { certificate: cert, privateKey: key } = apns.authority.pushCertificate()
    provider = new apn.Provider({
      address: '127.0.0.1',
      port: apns.port,
      ca: apns.authority.ca,
      cert,
      key,
      connectionRetryLimit: 0,
    } as unknown as apn.ProviderOptions)
  })
  beforeEach(() => {
    apns.received.length = 0
  })
  after(async () => {
    await provider.shutdown()
    await apns.stop()
  })
  const push = (magic = 'MAGIC', change: Partial<apn.Notification> = {}) => {
    const note = new apn.Notification()
    Object.assign(note, { mdm: magic, topic: TOPIC, pushType: 'mdm' }, change)
    return provider.send(note, TOKEN)
  }

  it('takes a push of device management', async () => {
    const { sent, failed } = await push()
    assert.deepEqual([sent.length, failed.length], [1, 0], JSON.stringify(failed))
    assert.equal(apns.received[0]?.body, '{"mdm":"MAGIC"}')
  })

  it('refuses what Apple refuses: topic, kind, id, priority, payload', async () => {
    const wrong: [Partial<apn.Notification>, string, string?][] = [
      [{ topic: 'com.apple.mgmt.External.other' }, 'TopicDisallowed'],
      [{ pushType: 'alert' }, 'InvalidPushType'],
      [{ id: 'no-uuid' }, 'BadMessageId'],
      [{ priority: 7 }, 'BadPriority'],
      [{}, 'PayloadTooLarge', 'x'.repeat(4_200)],
    ]
    for (const [change, reason, magic] of wrong) {
      const { failed } = await push(magic, change)
      assert.equal(failed[0]?.response?.reason, reason)
    }
  })

  it('gives every reason that APNs documents, with its status', async () => {
    for (const [status, reasons] of Object.entries(PUSH.errors)) {
      for (const reason of reasons) {
        apns.next({ status: Number(status), reason })
        const { failed } = await push()
        assert.ok(failed.length === 1, reason)
        if (failed[0]?.response) assert.equal(failed[0].response.reason, reason)
      }
    }
    apns.unregister(TOKEN, 1_800_000_000_000)
    const { failed } = await push()
    assert.equal(String(failed[0]?.status), '410')
    assert.equal(failed[0]?.response?.reason, 'Unregistered')
  })

  it('lets nobody in without a push certificate of its authority', async () => {
    const { certificate: cert, privateKey: key } = makeAuthority(Date.now()).pushCertificate()
    const stranger = new apn.Provider({
      address: '127.0.0.1',
      port: apns.port,
      ca: apns.authority.ca,
      cert,
      key,
      connectionRetryLimit: 0,
    } as unknown as apn.ProviderOptions)
    const note = new apn.Notification()
    Object.assign(note, { mdm: 'MAGIC', topic: TOPIC })
    const { sent } = await stranger.send(note, TOKEN)
    assert.equal(sent.length, 0)
    assert.equal(apns.received.length, 0)
    await stranger.shutdown()
  })
})
