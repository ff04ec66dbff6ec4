import { generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'
import forge from 'node-forge'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import type { OAuthSecrets } from './sign.ts'

const LARGEST_FILE = 64 * 1024
const CERTIFICATE_YEARS = 2

/** The key pair whose certificate the admin uploads to Apple's portal, both in PEM. */
export interface TokenKeyPair {
  readonly privateKey: string
  readonly certificate: string
}

export interface TokenFile extends OAuthSecrets {
  /** Milliseconds since 1970. */
  readonly expiresAt: number
}

/** Makes an RSA-2048 key pair with a self-signed certificate, which is all the portal asks for. */
export async function makeTokenKeyPair(now: number): Promise<TokenKeyPair> {
  const { privateKey, publicKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })
  const privatePem = privateKey.export({ type: 'pkcs1', format: 'pem' }).toString()
  const certificate = forge.pki.createCertificate()
  certificate.publicKey = forge.pki.publicKeyFromPem(
    publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  )
  certificate.serialNumber = `01${forge.util.bytesToHex(forge.random.getBytesSync(8))}`
  certificate.validity.notBefore = new Date(now - 60_000)
  certificate.validity.notAfter = new Date(now + CERTIFICATE_YEARS * 365 * 86_400_000)
  const name = [{ name: 'commonName', value: 'Sluss device enrolment' }]
  certificate.setSubject(name)
  certificate.setIssuer(name)
  certificate.sign(forge.pki.privateKeyFromPem(privatePem), forge.md.sha256.create())
  return { privateKey: privatePem, certificate: forge.pki.certificateToPem(certificate) }
}

/**
 * Reads the `*.p7m` token file of Apple's portal: MIME around CMS EnvelopedData, inside it MIME around the
 * JSON between BEGIN MESSAGE and END MESSAGE.
 *
 * @returns the secrets, or `token_file_invalid`, `token_file_foreign` (made for another key),
 *   `token_file_expired`
 */
export function readTokenFile(file: Buffer, keys: TokenKeyPair, now: number): TokenFile | Refusal {
  if (file.length > LARGEST_FILE)
    return refuse('token_file_invalid', {
      expected: `at most ${LARGEST_FILE} bytes`,
      came: file.length,
    })
  const envelope = readEnvelope(file)
  if (!envelope) return refuse('token_file_invalid', { expected: 'an S/MIME enveloped file' })
  const recipient = envelope.findRecipient(forge.pki.certificateFromPem(keys.certificate))
  if (!recipient) return refuse('token_file_foreign')
  try {
    envelope.decrypt(recipient, forge.pki.privateKeyFromPem(keys.privateKey))
  } catch {
    return refuse('token_file_foreign')
  }
  const { content: bytes } = envelope as unknown as { content?: { getBytes(): string } }
  const content = Buffer.from(bytes?.getBytes() ?? '', 'latin1').toString('utf8')
  const token = readMessage(content)
  if (!token)
    return refuse('token_file_invalid', {
      expected: 'a token between BEGIN MESSAGE and END MESSAGE',
    })
  return token.expiresAt <= now ? refuse('token_file_expired') : token
}

function readEnvelope(file: Buffer): forge.pkcs7.PkcsEnvelopedData | undefined {
  try {
    const text = file.toString('latin1')
    const encoded = /\r?\n\r?\n([A-Za-z0-9+/=\r\n\s]+)$/.exec(text)?.[1]
    const der = encoded ? Buffer.from(encoded, 'base64') : file
    const message = forge.pkcs7.messageFromAsn1(
      forge.asn1.fromDer(forge.util.createBuffer(der.toString('latin1')), {
        strict: false,
      } as never),
    )
    return 'recipients' in message ? (message as forge.pkcs7.PkcsEnvelopedData) : undefined
  } catch {
    // Whatever is wrong with it, it is no such file; what is in it goes no further.
    return undefined
  }
}

function readMessage(content: string): TokenFile | undefined {
  const json = /-----BEGIN MESSAGE-----([\s\S]*?)-----END MESSAGE-----/.exec(content)?.[1]
  try {
    const token = JSON.parse(json ?? '') as Record<string, unknown>
    const text = (name: string): string => {
      const value = token[name]
      if (typeof value !== 'string' || value === '') throw new TypeError(`no ${name}`)
      return value
    }
    const expiresAt = Date.parse(text('access_token_expiry'))
    if (Number.isNaN(expiresAt)) return undefined
    return {
      consumer_key: text('consumer_key'),
      consumer_secret: text('consumer_secret'),
      access_token: text('access_token'),
      access_secret: text('access_secret'),
      expiresAt,
    }
  } catch {
    // Not a token; the caller refuses the file without quoting it.
    return undefined
  }
}
