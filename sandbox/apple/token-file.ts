import forge from 'node-forge'
import type { SandboxToken } from './oauth.ts'

/** Wraps a token for a certificate as Apple's portal does: MIME around CMS EnvelopedData around MIME. */
export function makeTokenFile(token: SandboxToken, certificate: string, expiry: string): Buffer {
  const inner = [
    'Content-Type: text/plain;charset=UTF-8',
    'Content-Transfer-Encoding: 7bit',
    '',
    '-----BEGIN MESSAGE-----',
    JSON.stringify({ ...token, access_token_expiry: expiry }),
    '-----END MESSAGE-----',
    '',
  ].join('\r\n')
  const envelope = forge.pkcs7.createEnvelopedData()
  envelope.addRecipient(forge.pki.certificateFromPem(certificate))
  envelope.content = forge.util.createBuffer(forge.util.encodeUtf8(inner))
  envelope.encrypt()
  const der = Buffer.from(forge.asn1.toDer(envelope.toAsn1()).getBytes(), 'latin1')
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return Buffer.from(
    [
      'Content-Type: application/pkcs7-mime; name="smime.p7m"; smime-type=enveloped-data',
      'Content-Transfer-Encoding: base64',
      'Content-Disposition: attachment; filename="smime.p7m"',
      'Content-Description: S/MIME Encrypted Message',
      '',
      ...lines,
      '',
    ].join('\r\n'),
  )
}
