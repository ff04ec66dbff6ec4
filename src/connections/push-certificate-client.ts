import { X509Certificate, generateKeyPair, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import forge from 'node-forge'

const makeKeyPair = promisify(generateKeyPair)
const UID = '0.9.2342.19200300.100.1.1'
/** By these extensions clients tell push certificates from others before they use one. */
const APPLE_PUSH_EXTENSIONS = ['1.2.840.113635.100.6.3.1', '1.2.840.113635.100.6.3.2']

/**
 * A certificate signed by itself, with the topic where a push certificate has it. It opens the door of one gateway and
 * nothing else: Apple does not know it.
 *
 * @param from milliseconds since 1970
 * @param until milliseconds since 1970
 */
export async function makeClientCertificate(
  topic: string,
  from: number,
  until: number,
): Promise<{ certificate: string; privateKey: string; fingerprint: string }> {
  const { privateKey, publicKey } = await makeKeyPair('rsa', { modulusLength: 2048 })
  const key = privateKey.export({ type: 'pkcs1', format: 'pem' }).toString()
  const made = forge.pki.createCertificate()
  made.publicKey = forge.pki.publicKeyFromPem(
    publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  )
  made.serialNumber = `00${randomBytes(15).toString('hex')}`
  made.validity.notBefore = new Date(from - 3_600_000)
  made.validity.notAfter = new Date(until)
  const name = [
    { type: UID, value: topic },
    { name: 'commonName', value: 'Client of a Sluss gateway' },
  ]
  made.setSubject(name)
  made.setIssuer(name)
  made.setExtensions([
    { name: 'extKeyUsage', clientAuth: true },
    ...APPLE_PUSH_EXTENSIONS.map((id) => ({ id, value: forge.asn1.toDer(nothing()).getBytes() })),
  ])
  made.sign(forge.pki.privateKeyFromPem(key), forge.md.sha256.create())
  const certificate = forge.pki.certificateToPem(made)
  const { fingerprint256 } = new X509Certificate(certificate)
  return {
    certificate,
    privateKey: key,
    fingerprint: fingerprint256.replaceAll(':', '').toLowerCase(),
  }
}

function nothing(): forge.asn1.Asn1 {
  return forge.asn1.create(forge.asn1.Class.UNIVERSAL, forge.asn1.Type.NULL, false, '')
}
