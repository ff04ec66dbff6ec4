import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import forge from 'node-forge'
import { makeClientCertificate } from './push-certificate-client.ts'
import { readPushCertificate } from './push-certificate-file.ts'

const NOW = Date.parse('2030-01-01T00:00:00Z')
const TOPIC = 'com.apple.mgmt.External.1'

describe('a push certificate in a PKCS #12 file', () => {
  let file: forge.asn1.Asn1
  before(async () => {
    const made = await makeClientCertificate(TOPIC, NOW, NOW + 86_400_000)
    file = forge.pkcs12.toPkcs12Asn1(
      forge.pki.privateKeyFromPem(made.privateKey),
      [forge.pki.certificateFromPem(made.certificate)],
      'password',
      { algorithm: '3des', count: 2 },
    )
  })
  const read = (asn1: forge.asn1.Asn1) => {
    const pkcs12 = forge.util.encode64(forge.asn1.toDer(asn1).getBytes())
    return readPushCertificate({ pkcs12, password: 'password' }, undefined, NOW)
  }
  const children = (node: forge.asn1.Asn1 | undefined): forge.asn1.Asn1[] =>
    Array.isArray(node?.value) ? node.value : assert.fail('it has no parts')

  it('is read with its key', () => {
    const certificate = read(file)
    assert.ok('topic' in certificate)
    assert.equal(certificate.topic, TOPIC)
  })

  it('is refused unread where it asks for billions of rounds, which would stop the node', () => {
    const [, , check] = children(file)
    const [, , rounds] = children(check)
    assert.ok(rounds)
    const before = rounds.value
    rounds.value = '\x7f\xff\xff\xff'
    const refused = read(file)
    rounds.value = before
    assert.ok('refused' in refused)
    assert.deepEqual(
      [refused.refused, refused.about],
      ['push_certificate_invalid', { field: 'iterations' }],
    )
  })

  it('is refused so for rounds that stand deep within as well', () => {
    const [, content] = children(file)
    const [octets] = children(children(content)[1])
    assert.ok(octets && typeof octets.value === 'string')
    const before = octets.value
    let changed = 0
    const raise = (node: forge.asn1.Asn1): void => {
      if (typeof node.value === 'string') {
        const inner = node.type === forge.asn1.Type.OCTETSTRING ? derIn(node.value) : undefined
        if (!inner) return
        raise(inner)
        node.value = forge.asn1.toDer(inner).getBytes()
        return
      }
      const [salt, count] = node.value
      if (
        node.value.length === 2 &&
        salt?.type === forge.asn1.Type.OCTETSTRING &&
        count?.type === forge.asn1.Type.INTEGER
      ) {
        count.value = '\x7f\xff\xff\xff'
        changed++
      } else node.value.forEach(raise)
    }
    raise(octets)
    const refused = read(file)
    octets.value = before
    assert.ok(changed > 0)
    assert.ok('refused' in refused && refused.about.field === 'iterations')
  })
})

function derIn(octets: string): forge.asn1.Asn1 | undefined {
  try {
    return forge.asn1.fromDer(octets)
  } catch {
    return undefined
  }
}
