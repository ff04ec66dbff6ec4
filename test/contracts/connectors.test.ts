import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { describe, it } from 'node:test'
import { shippedCatalog } from '#catalog/shipped.ts'
import { leaf, object } from '#catalog/shape.ts'
import { appleDeviceEnrollment } from '#connectors/apple-device-enrollment/client.ts'
import { googleAndroidManagement } from '#connectors/google-android-management/client.ts'
import { GOOGLE_TOKEN_ENDPOINTS } from '#connectors/google-android-management/service-account.ts'
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

describe('the contract of connectors', () => {
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
