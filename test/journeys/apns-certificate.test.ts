import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import forge from 'node-forge'
import { createConnection } from '#connections/connection.ts'
import { openCredentials } from '#connections/credentials.ts'
import { dueStep, warnOfPushCertificates } from '#connections/push-certificate-warnings.ts'
import { applePushEndpoints } from '#http/api/apple-push/push-certificate.ts'
import { connectionEndpoints } from '#http/api/sharing/connections.ts'
import { EN } from '#notify/templates/en.ts'
import { SV } from '#notify/templates/sv.ts'
import { TOPIC, type StandInAuthority, makeAuthority } from '../../sandbox/apns/certificates.ts'
import { tellOfPushCertificate } from '../../src/node/front-door-jobs.ts'
import { ACME, type ApiWorld, BETA, type Person, startApiWorld } from './api-world.ts'

const PATH = '/deviceManagement/applePushNotificationCertificate'
const DAY_IN_MS = 86_400_000

describe('the push certificate', () => {
  let world: ApiWorld
  let admin: Person
  let authority: StandInAuthority
  before(async () => {
    world = await startApiWorld({
      endpoints: (parts) => [
        ...connectionEndpoints({
          ...parts,
          origins: new Map([['apple-push', ['https://api.push.apple.com']]]),
        }),
        ...applePushEndpoints(parts),
      ],
    })
    admin = await world.administrator(ACME)
    authority = makeAuthority(world.clock.now())
  })
  after(() => world.stop())
  const call = (method: string, path: string, body?: object) =>
    world.call(admin, method, path, body)
  const upload = (body: object) => call('PATCH', PATH, body)
  const request = async (): Promise<string> => {
    const answer = await call(
      'GET',
      `${PATH}/downloadApplePushNotificationCertificateSigningRequest`,
    )
    assert.equal(answer.status, 200, answer.text)
    return answer.body.value
  }
  const code = ({ body }: { body: { error: { innerError: { code: string } } } }) =>
    body.error.innerError.code

  it('is got by what the guide says, call by call', async () => {
    const guide = readFileSync(join(import.meta.dirname, '../../docs/guide/apple-push.md'), 'utf8')
    const calls = [...guide.matchAll(/```http\n([\s\S]*?)```/g)].map(([, block = '']) => {
      const [first = '', body] = block.trim().split('\n')
      const [method = '', path = ''] = first.split(' ')
      return { method, path: path.replace('/v1.0', ''), body }
    })
    assert.equal(calls.length, 4)
    const owner = await world.administrator(BETA)
    let certificate = ''
    for (const { method, path, body } of calls) {
      const given = body === undefined ? undefined : JSON.parse(body)
      if (given?.certificate) given.certificate = certificate
      const answer = await world.call(owner, method, path, given)
      assert.ok(answer.status < 300, `${method} ${path}: ${answer.text}`)
      if (path.includes('SigningRequest'))
        certificate = authority.pushCertificate({ request: answer.body.value }).certificate
      if (method === 'GET' && !path.includes('Request'))
        assert.equal(answer.body.topicIdentifier, TOPIC)
    }
    const issued = await world.call(owner, 'POST', `${PATH}/issueClientCertificate`)
    assert.match(issued.body.privateKey, /PRIVATE KEY/)
  })

  it('is not there before there is a connection for pushes', async () => {
    assert.equal((await call('GET', PATH)).status, 404)
    assert.equal(code(await upload({ certificate: 'QUJD' })), 'connection_unknown')
    await world.endpointParts.database.write(ACME, (tx) =>
      createConnection(
        tx,
        {
          connectionId: 'apple-push',
          connectorId: 'apple-push',
          title: 'Pushes',
          origin: 'https://api.push.apple.com',
        },
        { actor: 'admin:1', at: world.clock.now() },
      ),
    )
    assert.equal((await call('GET', PATH)).status, 404)
    assert.equal(
      code(await upload({ certificate: authority.pushCertificate().certificate })),
      'push_certificate_foreign',
    )
  })

  it('is asked for with a key that never leaves, and the same request comes until it is answered', async () => {
    const first = await request()
    assert.match(first, /BEGIN CERTIFICATE REQUEST/)
    assert.ok(forge.pki.certificationRequestFromPem(first).verify())
    assert.equal(await request(), first)
    const { certificate } = authority.pushCertificate({ request: first })
    const taken = await upload({ certificate, appleIdentifier: 'it@example.org' })
    assert.equal(taken.status, 200, taken.text)
    assert.equal(taken.body.topicIdentifier, TOPIC)
    assert.equal(taken.body.appleIdentifier, null)
    assert.equal(taken.body.certificateUploadStatus, 'Success')
    const { body, text } = await call('GET', PATH)
    assert.equal(Date.parse(body.expirationDateTime), seconds(world.clock.now() + 365 * DAY_IN_MS))
    assert.ok(!text.includes('PRIVATE') && !text.includes('example.org'))
    const kept = await world.endpointParts.database.read(ACME, (reader) =>
      openCredentials(reader, world.endpointParts.keys, 'apple-push'),
    )
    assert.match(kept?.privateKey ?? '', /PRIVATE KEY/)
    assert.notEqual(await request(), first)
    const entries = JSON.stringify(await world.entries(ACME))
    assert.ok(!entries.includes('PRIVATE') && entries.includes('"credentials"'))
  })

  it('is renewed with the same topic only: another would lose every device', async () => {
    const topic = 'com.apple.mgmt.External.00000000-0000-4000-8000-0000000000bb'
    const other = authority.pushCertificate({ topic })
    const refused = await upload(other)
    assert.deepEqual([refused.status, code(refused)], [409, 'push_certificate_topic'])
    assert.equal((await call('GET', PATH)).body.topicIdentifier, TOPIC)
    const renewed = authority.pushCertificate({ until: world.clock.now() + 400 * DAY_IN_MS })
    assert.equal((await upload(renewed)).status, 200)
  })

  it('comes as PEM, as DER in base64, or as PKCS #12 with its password', async () => {
    const { certificate, privateKey } = authority.pushCertificate()
    const der = certificate.replaceAll(/-----[A-Z ]+-----|\s/g, '')
    assert.equal((await upload({ certificate: der, privateKey })).status, 200)
    assert.equal((await upload({ certificate: certificate + privateKey })).status, 200)
    const asn1 = forge.pkcs12.toPkcs12Asn1(
      forge.pki.privateKeyFromPem(privateKey),
      [forge.pki.certificateFromPem(certificate), forge.pki.certificateFromPem(authority.ca)],
      'correct',
      { algorithm: '3des', count: 100 },
    )
    const pkcs12 = forge.util.encode64(forge.asn1.toDer(asn1).getBytes())
    assert.equal((await upload({ pkcs12, password: 'correct' })).status, 200)
    assert.equal(code(await upload({ pkcs12, password: 'wrong' })), 'push_certificate_invalid')
  })

  it('is refused when it is none, of another key, or out of its time; nothing of it is quoted', async () => {
    const now = world.clock.now()
    const { certificate, privateKey } = authority.pushCertificate()
    const wrong: [object, string][] = [
      [{ certificate: 'canary' }, 'push_certificate_invalid'],
      [{ certificate: '-----BEGIN CERTIFICATE-----canary' }, 'push_certificate_invalid'],
      [{ pkcs12: 'canary' }, 'push_certificate_invalid'],
      [authority.server, 'push_certificate_invalid'],
      [authority.pushCertificate({ topic: 'com.example.app' }), 'push_certificate_invalid'],
      [{ certificate, privateKey: authority.server.privateKey }, 'push_certificate_foreign'],
      [authority.pushCertificate({ until: now - 1_000 }), 'push_certificate_expired'],
      [authority.pushCertificate({ from: now + DAY_IN_MS }), 'push_certificate_expired'],
    ]
    for (const [file, reason] of wrong) {
      const answer = await upload(file)
      assert.equal(code(answer), reason)
      assert.ok(!answer.text.includes('canary'))
    }
    assert.equal((await upload({ certificate, privateKey })).status, 200)
  })

  it('is warned of at 30, 14, 7 and 1 days and when it has ended, each once, whatever runs twice', async () => {
    const { database } = world.endpointParts
    const ends = seconds(world.clock.now() + 100 * DAY_IN_MS)
    assert.equal((await upload(authority.pushCertificate({ until: ends }))).status, 200)
    const told: [string, number][] = []
    const warn = tellOfPushCertificate({
      notify: async (_, { template, about, audience, until }) => {
        assert.deepEqual([audience, until], ['administrators', ends])
        told.push([template, Number(about.count)])
      },
    })
    for (const left of [60, 30, 29, 14, 13.5, 7, 2, 1, 0.5, 0, -3]) {
      await warnOfPushCertificates(database, ends - left * DAY_IN_MS, warn)
      await warnOfPushCertificates(database, ends - left * DAY_IN_MS, warn)
    }
    assert.deepEqual(told, [
      ['pushCertificate.ends', 30],
      ['pushCertificate.ends', 14],
      ['pushCertificate.ends', 7],
      ['pushCertificate.ends', 1],
      ['pushCertificate.ended', 0],
    ])
    for (const words of [EN, SV]) assert.match(words['pushCertificate.ends'].what, /\{count\}/)
  })

  it('is warned of once for days that were missed, and anew after a renewal; a warning that fails is given later', async () => {
    const { database } = world.endpointParts
    const ends = seconds(world.clock.now() + 100 * DAY_IN_MS)
    assert.equal((await upload(authority.pushCertificate({ until: ends }))).status, 200)
    const at = ends - 3 * DAY_IN_MS
    await assert.rejects(
      warnOfPushCertificates(database, at, async () => Promise.reject(new Error('queue'))),
    )
    let given = 0
    const warn = async () => void given++
    await warnOfPushCertificates(database, at, warn)
    await warnOfPushCertificates(database, at, warn)
    assert.equal(given, 1)
    assert.deepEqual(
      [31, 30, 20, 14, 8, 7, 6, 1, 0.1, 0].map((days) => dueStep(days * DAY_IN_MS, 0)),
      [undefined, 30, 30, 14, 14, 7, 7, 1, 1, 0],
    )
  })
})

/** Certificates have whole seconds. */
function seconds(time: number): number {
  return Math.floor(time / 1_000) * 1_000
}
