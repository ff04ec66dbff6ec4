import { generateKeyPairSync, randomBytes } from 'node:crypto'
import forge from 'node-forge'

const UID = '0.9.2342.19200300.100.1.1'
const DAY_IN_MS = 86_400_000

export interface Issued {
  /** PEM. */
  readonly certificate: string
  /** PEM; empty where the certificate was made for somebody else's request. */
  readonly privateKey: string
}

export interface StandInAuthority {
  /** PEM of the authority itself. */
  readonly ca: string
  readonly server: Issued
  /** A push certificate as Apple's portal hands it out: the topic is the subject's UID. */
  pushCertificate(options?: {
    topic?: string
    from?: number
    until?: number
    /** PKCS #10, PEM: the certificate is made for its key. */
    request?: string
  }): Issued
}

/** `com.apple.mgmt.External.<uuid>`. */
export const TOPIC = 'com.apple.mgmt.External.00000000-0000-4000-8000-0000000000aa'

/** An authority of this stand-in's own (not Apple's), made anew each time. */
export function makeAuthority(now: number): StandInAuthority {
  const { privateKey, pem } = newKey()
  const name = [{ name: 'commonName', value: 'Stand-in push authority (not Apple)' }]
  const root = blank(publicOf(pem), now - DAY_IN_MS, now + 3_650 * DAY_IN_MS)
  root.setSubject(name)
  root.setIssuer(name)
  root.setExtensions([{ name: 'basicConstraints', cA: true, critical: true }])
  root.sign(privateKey, forge.md.sha256.create())
  const sign = (certificate: forge.pki.Certificate): string => {
    certificate.setIssuer(name)
    certificate.sign(privateKey, forge.md.sha256.create())
    return forge.pki.certificateToPem(certificate)
  }
  return {
    ca: forge.pki.certificateToPem(root),
    server: serverCertificate(now, sign),
    pushCertificate: ({ topic = TOPIC, from, until, request } = {}) => {
      const own = request === undefined ? newKey().pem : ''
      const key = request === undefined ? publicOf(own) : keyOfRequest(request)
      const made = blank(key, from ?? now - DAY_IN_MS, until ?? now + 365 * DAY_IN_MS)
      made.setSubject([
        { type: UID, value: topic },
        { name: 'commonName', value: `APSP:${topic}` },
      ])
      made.setExtensions([
        { name: 'extKeyUsage', clientAuth: true },
        // By these node-apn tells for which of Apple's environments a certificate is.
        ...['1.2.840.113635.100.6.3.1', '1.2.840.113635.100.6.3.2'].map((id) => ({
          id,
          value: forge.asn1
            .toDer(forge.asn1.create(forge.asn1.Class.UNIVERSAL, forge.asn1.Type.NULL, false, ''))
            .getBytes(),
        })),
      ])
      return { certificate: sign(made), privateKey: own }
    },
  }
}

function serverCertificate(
  now: number,
  sign: (certificate: forge.pki.Certificate) => string,
): Issued {
  const { pem } = newKey()
  const made = blank(publicOf(pem), now - DAY_IN_MS, now + 365 * DAY_IN_MS)
  made.setSubject([{ name: 'commonName', value: 'localhost' }])
  made.setExtensions([
    { name: 'extKeyUsage', serverAuth: true },
    {
      name: 'subjectAltName',
      altNames: [
        { type: 2, value: 'localhost' },
        { type: 7, ip: '127.0.0.1' },
      ],
    },
  ])
  return { certificate: sign(made), privateKey: pem }
}

function newKey(): { privateKey: forge.pki.rsa.PrivateKey; pem: string } {
  const pem = generateKeyPairSync('rsa', { modulusLength: 2048 })
    .privateKey.export({ type: 'pkcs1', format: 'pem' })
    .toString()
  return { privateKey: forge.pki.privateKeyFromPem(pem), pem }
}

function publicOf(pem: string): forge.pki.rsa.PublicKey {
  const { n, e } = forge.pki.privateKeyFromPem(pem)
  return forge.pki.setRsaPublicKey(n, e)
}

function keyOfRequest(request: string): forge.pki.rsa.PublicKey {
  const read = forge.pki.certificationRequestFromPem(request)
  if (!read.verify() || !read.publicKey) throw new Error('the request is not signed by its key')
  return read.publicKey as forge.pki.rsa.PublicKey
}

function blank(key: forge.pki.PublicKey, from: number, until: number): forge.pki.Certificate {
  const made = forge.pki.createCertificate()
  made.publicKey = key
  made.serialNumber = `00${randomBytes(12).toString('hex')}`
  made.validity.notBefore = new Date(from)
  made.validity.notAfter = new Date(until)
  return made
}
