import { generateKeyPairSync } from 'node:crypto'
import forge from 'node-forge'

export interface KeyAndCertificate {
  readonly key: string
  readonly cert: string
}

type Pair = KeyAndCertificate & { readonly signer: forge.pki.PrivateKey }
let made: ReturnType<typeof make> | undefined

/** A certificate authority, a server and a client that it signed, and a client that nobody knows. Made once. */
export function certificates(): ReturnType<typeof make> {
  made ??= make()
  return made
}

function make() {
  const authority = issue('Synthetic authority', undefined)
  const { cert: ca } = authority
  return {
    ca,
    server: plain(issue('localhost', authority)),
    client: plain(issue('sluss', authority)),
    stranger: plain(issue('stranger', undefined)),
  }
}

function plain({ key, cert }: Pair): KeyAndCertificate {
  return { key, cert }
}

function issue(name: string, by: Pair | undefined): Pair {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const key = privateKey.export({ type: 'pkcs1', format: 'pem' }).toString()
  const certificate = forge.pki.createCertificate()
  certificate.publicKey = forge.pki.publicKeyFromPem(
    publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  )
  certificate.serialNumber = `0${Math.floor(Math.random() * 1e9).toString(16)}`
  certificate.validity.notBefore = new Date(Date.now() - 3_600_000)
  certificate.validity.notAfter = new Date(Date.now() + 86_400_000)
  const subject = [{ name: 'commonName', value: name }]
  certificate.setSubject(subject)
  certificate.setIssuer(by ? forge.pki.certificateFromPem(by.cert).subject.attributes : subject)
  certificate.setExtensions([
    { name: 'basicConstraints', cA: by === undefined },
    {
      name: 'subjectAltName',
      altNames: [
        { type: 2, value: 'localhost' },
        { type: 7, ip: '127.0.0.1' },
      ],
    },
  ])
  const signer = by?.signer ?? forge.pki.privateKeyFromPem(key)
  certificate.sign(signer as forge.pki.rsa.PrivateKey, forge.md.sha256.create())
  return { key, cert: forge.pki.certificateToPem(certificate), signer }
}
