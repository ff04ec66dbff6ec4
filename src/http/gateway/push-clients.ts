import type { TLSSocket } from 'node:tls'
import { sameSecret } from '#foundation/hashing.ts'
import { bearerOf } from '../bearer.ts'

/** By what the tenant's client of a gateway for pushes proves itself: one of them is enough. */
export interface PushClients {
  /** A token that Sluss issued. */
  readonly token: string | undefined
  /** SHA-256 of the TLS client certificate that Sluss issued, hex. */
  readonly fingerprint: string | undefined
}

const BASIC = /^Basic ([A-Za-z0-9+/=]{1,1024})$/i

/** The token of an `Authorization` or `Proxy-Authorization` header: as a bearer token, or as the password of any user. */
export function holdsToken(header: string | undefined, { token }: PushClients): boolean {
  if (token === undefined || header === undefined) return false
  const [, basic] = BASIC.exec(header) ?? []
  const pair = basic === undefined ? undefined : Buffer.from(basic, 'base64').toString()
  const came = bearerOf(header) ?? pair?.slice(pair.indexOf(':') + 1)
  return sameSecret(came, token)
}

/** Whether the connection was made with the client certificate; the handshake has proved that its key was there. */
export function holdsCertificate(socket: object, { fingerprint }: PushClients): boolean {
  // Node hands out HTTP/2's socket behind a proxy that answers for members but not for `in`.
  const secured = socket as Partial<Pick<TLSSocket, 'getPeerCertificate'>>
  if (fingerprint === undefined || typeof secured.getPeerCertificate !== 'function') return false
  const { fingerprint256 } = secured.getPeerCertificate() as { fingerprint256?: string }
  if (fingerprint256 === undefined) return false
  return fingerprint256.replaceAll(':', '').toLowerCase() === fingerprint
}
