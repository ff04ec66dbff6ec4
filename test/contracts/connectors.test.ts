import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { describe, it } from 'node:test'
import { shippedCatalog } from '#catalog/shipped.ts'
import { leaf, object } from '#catalog/shape.ts'
import { appleAppsAndBooks } from '#connectors/apple-apps-and-books/client.ts'
import { applePush } from '#connectors/apple-push/client.ts'
import { applePushTunnel } from '#connectors/apple-push/tunnel.ts'
import { appleDeviceEnrollment } from '#connectors/apple-device-enrollment/client.ts'
import { googleAndroidManagement } from '#connectors/google-android-management/client.ts'
import { jamfPro, jamfProHistoric, markOf } from '#connectors/jamf-pro/client.ts'
import { GOOGLE_TOKEN_ENDPOINTS } from '#connectors/google-android-management/service-account.ts'
import type { Transport } from '#sharing/exchange.ts'
import { connectorContract, problemsOf } from './connector.ts'

const SECONDS = 1_800_000_000

connectorContract({
  connector: appleDeviceEnrollment(() => SECONDS),
  credentials: {
    consumer_key: 'CK_synthetic',
    consumer_secret: 'CS_synthetic_secret',
    access_token: 'AT_synthetic',
    access_secret: 'AS_synthetic_secret',
  },
  neverSent: ['consumer_secret', 'access_secret'],
  session: 'session-synthetic',
})

connectorContract({
  connector: appleAppsAndBooks(() => SECONDS),
  credentials: {
    content_token: 'synthetic-content-token',
    org_name: 'Example organisation',
    expires_at: '2030-01-01T00:00:00Z',
    notification_url: 'https://sluss.example.org/ingest/acme.apps',
    notification_token: 'synthetic-notification-token',
  },
  neverSent: ['notification_token'],
  session: 'session-synthetic',
})

connectorContract({
  connector: googleAndroidManagement(() => SECONDS),
  credentials: {
    client_email: 'a@synthetic.iam.gserviceaccount.com',
    private_key: generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    }).privateKey,
    private_key_id: 'k1',
    token_uri: GOOGLE_TOKEN_ENDPOINTS[0] ?? '',
  },
  neverSent: ['private_key'],
  session: `${SECONDS + 3_000} k1 ya29.synthetic`,
})

const JAMF_CLIENT = { client_id: 'client-synthetic', client_secret: 'jamf-secret-synthetic' }
connectorContract({
  connector: jamfPro(() => SECONDS),
  credentials: JAMF_CLIENT,
  neverSent: ['client_secret'],
  session: `${SECONDS + 3_000} ${markOf({ kind: 'client', name: JAMF_CLIENT.client_id, secret: JAMF_CLIENT.client_secret })} jamf.synthetic`,
})

describe('the old profile of Jamf Pro', () => {
  it('P1 P4 classifies every place in and out, and only reads', () => {
    const { exchanges } = jamfProHistoric(() => SECONDS)
    assert.deepEqual(problemsOf(exchanges, shippedCatalog), [])
    assert.ok(exchanges.every((exchange) => exchange.methods.join() === 'GET'))
  })
})

/** Pushes go over HTTP/2 with a client certificate; what is played stands at the other end of it. */
const pushOver = (transport: Transport) =>
  applePush(
    async ({ origin, path, headers, body }) => ({
      response: await transport({ origin, method: 'POST', target: path, headers, body }),
      sent: true,
    }),
    () => 0,
  )

connectorContract({
  connector: pushOver(() => assert.fail()),
  over: pushOver,
  call: { target: `/3/device/${'ab'.repeat(32)}`, body: '{"mdm":"MAGIC-SYNTHETIC"}' },
  credentials: {
    certificate: 'synthetic-certificate',
    privateKey: 'synthetic-private-key',
    fingerprint: 'f1',
    topic: 'com.apple.mgmt.External.synthetic',
  },
  neverSent: ['certificate', 'privateKey'],
  session: 'session-synthetic',
})

describe('the contract of connectors', () => {
  it('P1 P4 classifies all that a tunnel to Apple’s push service is consented to', () => {
    assert.deepEqual(problemsOf(applePushTunnel().connector.exchanges, shippedCatalog), [])
  })

  const [first] = googleAndroidManagement(() => SECONDS).exchanges
  const good = first ?? assert.fail()
  const twins = [
    [
      'sends an item of another flow',
      { query: { x: leaf('school.email') } },
      /school\.email, which is not in its flow/,
    ],
    [
      'answers an item nobody knows',
      { response: object({ x: leaf('device.invented') }) },
      /device\.invented, which is not in the catalog/,
    ],
    [
      'names a parameter it does not classify',
      { path: '/v1/{name=a/*}' },
      /another path than parameters/,
    ],
    ['needs what it does not send', { essential: ['device.imei'] }, /needs device\.imei/],
    [
      'reads and says that it must not be repeated',
      { methods: ['GET'], idempotent: false },
      /not idempotent/,
    ],
    ['has a purpose of its own', { purpose: 'marketing' }, /purpose/],
    [
      'documents a sentence as a code',
      { errors: { 400: ['Something went wrong for anna'] } },
      /no code/,
    ],
  ] as const
  for (const [name, change, says] of twins) {
    it(`would notice an exchange that ${name}`, () => {
      assert.deepEqual(problemsOf([good], shippedCatalog), [])
      assert.match(problemsOf([{ ...good, ...change }], shippedCatalog).join('\n'), says)
    })
  }
  it('would notice two of a kind', () => {
    assert.match(problemsOf([good, good], shippedCatalog).join('\n'), /is there twice/)
  })
})
