import { createHash, timingSafeEqual } from 'node:crypto'
import type { TLSSocket } from 'node:tls'

/** By what the tenant's client of a gateway for pushes proves itself: one of them is enough. */
export interface PushClients {
  /** A token that Sluss issued. */
  readonly token: string | undefined
  /** SHA-256 of the TLS client certificate that Sluss issued, hex. */
  readonly fingerprint: string | undefined
}

const BEARER = /^Bearer ([\x21-\x7e]{1,512})$/i
const BASIC = /^Basic ([A-Za-z0-9+/=]{1,1024})$/i

/** The token of an `Authorization` or `Proxy-Authorization` header: as a bearer token, or as the password of any user. */
export function holdsToken(header: string | undefined, { token }: PushClients): boolean {
  if (token === undefined || header === undefined) return false
  const [, bearer] = BEARER.exec(header) ?? []
  const [, basic] = BASIC.exec(header) ?? []
  const pair = basic === undefined ? undefined : Buffer.from(basic, 'base64').toString()
  const came = bearer ?? pair?.slice(pair.indexOf(':') + 1)
  return came !== undefined && timingSafeEqual(digest(came), digest(token))
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

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
