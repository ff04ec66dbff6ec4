import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Webhook } from 'standardwebhooks'
import { isSignedWebhook, webhookHeaders, webhookKey } from './standard-webhooks.ts'

type Check = typeof isSignedWebhook

const NOW = 1_900_000_000
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
const key = webhookKey(SECRET) ?? assert.fail()
const body = Buffer.from('{"type":"device.threat"}')
const good = webhookHeaders(key, 'msg_1', NOW, body.toString())
const other = webhookKey(`whsec_${Buffer.alloc(32, 8).toString('base64')}`) ?? assert.fail()

const CASES: readonly (readonly [string, Record<string, string | undefined>, Buffer, boolean])[] = [
  ['as it was signed', good, body, true],
  [
    'with another beside it',
    { ...good, 'webhook-signature': `v1a,x ${good['webhook-signature']}` },
    body,
    true,
  ],
  ['at the edge of the time', webhookHeaders(key, 'msg_1', NOW - 300, body.toString()), body, true],
  ['too old', webhookHeaders(key, 'msg_1', NOW - 301, body.toString()), body, false],
  ['too new', webhookHeaders(key, 'msg_1', NOW + 301, body.toString()), body, false],
  ['another body', good, Buffer.from('{}'), false],
  ['another id', { ...good, 'webhook-id': 'msg_2' }, body, false],
  ['another time', { ...good, 'webhook-timestamp': String(NOW + 1) }, body, false],
  ['another key', webhookHeaders(other, 'msg_1', NOW, body.toString()), body, false],
  ['no signature', { ...good, 'webhook-signature': undefined }, body, false],
  ['an empty signature', { ...good, 'webhook-signature': 'v1,' }, body, false],
  [
    'a beginning of it',
    { ...good, 'webhook-signature': good['webhook-signature']?.slice(0, 40) },
    body,
    false,
  ],
  [
    'another version',
    { ...good, 'webhook-signature': good['webhook-signature']?.replace('v1,', 'v2,') },
    body,
    false,
  ],
  ['no id', { ...good, 'webhook-id': undefined }, body, false],
  ['no time', { ...good, 'webhook-timestamp': 'soon' }, body, false],
]

function mistakes(check: Check): string[] {
  return CASES.filter(([, headers, sent, expected]) => {
    try {
      return check(key, (name) => headers[name], NOW, sent) !== expected
    } catch {
      return true
    }
  }).map(([name]) => name)
}

describe('Standard Webhooks', () => {
  it('signs so that the official library verifies, and verifies what it signs', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 64 }), fc.json(), (bytes, text) => {
        const secret = `whsec_${Buffer.from(bytes).toString('base64')}`
        const own = webhookKey(secret)
        assert.ok(own)
        const seconds = Math.floor(Date.now() / 1_000)
        new Webhook(secret).verify(text, webhookHeaders(own, 'msg_a', seconds, text))
        const theirs = new Webhook(secret).sign('msg_b', new Date(seconds * 1_000), text)
        const headers: Record<string, string> = {
          'webhook-id': 'msg_b',
          'webhook-timestamp': String(seconds),
          'webhook-signature': theirs,
        }
        assert.ok(isSignedWebhook(own, (name) => headers[name], seconds, Buffer.from(text)))
      }),
      { seed: 7, numRuns: 50 },
    )
  })

  it('takes no key that is none or too short', () => {
    for (const secret of ['', 'whsec_', 'whsec_c2hvcnQ=', 'not base64!', `whsec_${'A'.repeat(16)}`])
      assert.equal(webhookKey(secret), undefined, secret)
  })

  it('knows a message by body, id, time and key together', () =>
    assert.deepEqual(mistakes(isSignedWebhook), []))

  it('would notice a check that is wrong', () => {
    const twins: Record<string, Check> = {
      'forgets the time': (one, header, _, sent) =>
        isSignedWebhook(one, header, Number(header('webhook-timestamp')), sent),
      'takes any first signature for all': (one, header, seconds, sent) =>
        header('webhook-signature') !== undefined &&
        isSignedWebhook(
          one,
          (name) => (name === 'webhook-signature' ? header(name)?.split(' ')[0] : header(name)),
          seconds,
          sent,
        ),
      'does not look at the body': (one, header, seconds) =>
        isSignedWebhook(one, header, seconds, body),
    }
    for (const [name, twin] of Object.entries(twins)) assert.notDeepEqual(mistakes(twin), [], name)
  })
})
