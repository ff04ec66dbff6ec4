import { X509Certificate, createPrivateKey, generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'
import forge from 'node-forge'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'

/** A push certificate with its key, and what stands in it. */
export interface PushCertificate {
  /** PEM, the certificate itself first, then its chain. */
  readonly certificate: string
  /** PEM, PKCS #8. */
  readonly privateKey: string
  /** `com.apple.mgmt.External.<uuid>`: the UID of the subject, and what devices listen to. */
  readonly topic: string
  readonly serialNumber: string
  /** SHA-256 of the certificate, hex. */
  readonly fingerprint: string
  /** Milliseconds since 1970. */
  readonly expiresAt: number
}

/** What an admin hands over: the certificate that Apple made for our request, or one with a key of its own. */
export interface PushCertificateFile {
  /** PEM, or DER in base64. */
  readonly certificate?: string | undefined
  /** PEM; only for a certificate that was not made for our request. */
  readonly privateKey?: string | undefined
  /** PKCS #12 in base64, with its password. */
  readonly pkcs12?: string | undefined
  readonly password?: string | undefined
}

const TOPIC = /^com\.apple\.mgmt\.[A-Za-z0-9.-]{1,150}$/
const makeKeyPair = promisify(generateKeyPair)
/** Of a password's derivation; programs that make such files use some thousands. */
const MOST_ITERATIONS = 100_000
const DEEPEST = 32

/** A key pair and the request for a certificate for it (PKCS #10, PEM). Apple's portal wants it signed by an MDM vendor. */
export async function makeSigningRequest(
  commonName: string,
): Promise<{ readonly privateKey: string; readonly request: string }> {
  const { privateKey, publicKey } = await makeKeyPair('rsa', { modulusLength: 2048 })
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const request = forge.pki.createCertificationRequest()
  request.publicKey = forge.pki.publicKeyFromPem(
    publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  )
  request.setSubject([{ name: 'commonName', value: commonName }])
  request.sign(
    forge.pki.privateKeyFromPem(privateKey.export({ type: 'pkcs1', format: 'pem' }).toString()),
    forge.md.sha256.create(),
  )
  return { privateKey: key, request: forge.pki.certificationRequestToPem(request) }
}

/**
 * Reads what an admin hands over.
 *
 * @param pendingKey the key of our own request, where there is one
 * @param now milliseconds since 1970
 * @returns `push_certificate_invalid` for anything that is no push certificate of device management,
 *   `push_certificate_foreign` where its key is another, `push_certificate_expired` outside its time
 */
export function readPushCertificate(
  file: PushCertificateFile,
  pendingKey: string | undefined,
  now: number,
): PushCertificate | Refusal {
  const parts = file.pkcs12 === undefined ? readPem(file) : readPkcs12(file.pkcs12, file.password)
  if (isRefusal(parts)) return parts
  const key = parts.privateKey ?? pendingKey
  try {
    const leaf = new X509Certificate(parts.certificate)
    const subject = leaf.toLegacyObject().subject as unknown as { readonly UID?: unknown }
    const topic = typeof subject.UID === 'string' ? subject.UID : ''
    if (!TOPIC.test(topic)) return refuse('push_certificate_invalid', { field: 'UID' })
    if (key === undefined) return refuse('push_certificate_foreign', { expected: 'a private key' })
    const privateKey = createPrivateKey(key)
    if (!leaf.checkPrivateKey(privateKey)) return refuse('push_certificate_foreign')
    const expiresAt = Date.parse(leaf.validTo)
    if (!(expiresAt > now) || !(Date.parse(leaf.validFrom) <= now))
      return refuse('push_certificate_expired')
    return {
      certificate: parts.certificate,
      privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      topic,
      serialNumber: leaf.serialNumber,
      fingerprint: leaf.fingerprint256.replaceAll(':', '').toLowerCase(),
      expiresAt,
    }
  } catch {
    // What cannot be read is named by no word of it.
    return refuse('push_certificate_invalid')
  }
}

interface Parts {
  readonly certificate: string
  readonly privateKey: string | undefined
}

function readPem({ certificate = '', privateKey }: PushCertificateFile): Parts | Refusal {
  const pem = certificate.includes('-----BEGIN')
    ? certificate
    : `-----BEGIN CERTIFICATE-----\n${certificate.replaceAll(/\s+/g, '')}\n-----END CERTIFICATE-----\n`
  const found = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g)
  if (!found) return refuse('push_certificate_invalid')
  const [inside] =
    pem.match(/-----BEGIN (?:RSA )?PRIVATE KEY-----[\s\S]+?-----END [A-Z ]+-----/) ?? []
  return { certificate: found.join('\n'), privateKey: privateKey ?? inside }
}

function readPkcs12(text: string, password = ''): Parts | Refusal {
  try {
    const asn1 = forge.asn1.fromDer(forge.util.decode64(text))
    if (isCostly(asn1)) return refuse('push_certificate_invalid', { field: 'iterations' })
    const file = forge.pkcs12.pkcs12FromAsn1(asn1, password)
    const bags = file.safeContents.flatMap((content) => content.safeBags)
    const key = bags.find((bag) => bag.key)?.key
    const certificates = bags.flatMap((bag) => (bag.cert ? [bag.cert] : []))
    if (!key || certificates.length === 0) return refuse('push_certificate_invalid')
    const pem = forge.pki.privateKeyToPem(key)
    const isOwn = (one: forge.pki.Certificate): boolean =>
      new X509Certificate(forge.pki.certificateToPem(one)).checkPrivateKey(createPrivateKey(pem))
    const own = certificates.filter(isOwn)
    const chain = certificates.filter((one) => !own.includes(one))
    return {
      certificate: [...own, ...chain].map((one) => forge.pki.certificateToPem(one)).join('\n'),
      privateKey: pem,
    }
  } catch {
    // A wrong password looks like a broken file, and neither is told more of.
    return refuse('push_certificate_invalid', { expected: 'PKCS #12 with its password' })
  }
}

/**
 * Whether a file asks for more rounds of derivation than any real one: the node would do nothing else until they are
 * done. A count stands behind its salt (RFC 7292 section 4, RFC 8018 appendix A), at any depth.
 */
function isCostly(node: forge.asn1.Asn1, depth = 0): boolean {
  if (depth > DEEPEST) return true
  const { Type } = forge.asn1
  if (typeof node.value === 'string') {
    const inner = node.type === Type.OCTETSTRING ? derIn(node.value) : undefined
    return inner !== undefined && isCostly(inner, depth + 1)
  }
  const parts = node.value
  return parts.some((part, i) => {
    const isCount = part.type === Type.INTEGER && parts[i - 1]?.type === Type.OCTETSTRING
    return isCount ? numberOf(part.value) > MOST_ITERATIONS : isCostly(part, depth + 1)
  })
}

/** What an octet string holds where it is a file within the file; else it is just octets. */
function derIn(octets: string): forge.asn1.Asn1 | undefined {
  try {
    return forge.asn1.fromDer(octets)
  } catch {
    return undefined
  }
}

function numberOf(bytes: forge.asn1.Asn1['value']): number {
  return Number(`0x${forge.util.bytesToHex(String(bytes)) || '0'}`)
}
