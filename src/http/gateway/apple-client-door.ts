import type { IncomingMessage } from 'node:http'
import { isClientSession, issueClientSession, useNonce } from '#connections/client-session.ts'
import type { IncomingResponse } from '#sharing/exchange.ts'
import type { Transaction } from '#database/handles.ts'
import type { KeyedHash } from '#foundation/hashing.ts'
import type { ClientDoor } from './client-door.ts'

/** Checks a signed session request; handed in from the connector, which knows the protocol. */
export type VerifySession = (request: {
  readonly header: string | undefined
  readonly urls: readonly string[]
  readonly seconds: number
}) => { readonly nonce: string } | { readonly status: number; readonly code: string }

export interface AppleClientDoorParts {
  readonly connectionId: string
  readonly verify: VerifySession
  readonly hash: KeyedHash
  /** Where the client may have seen us, without a path: configured, since a proxy may stand before us. */
  readonly origins: (request: IncomingMessage) => readonly string[]
  readonly write: <Result>(work: (tx: Transaction) => Promise<Result>) => Promise<Result>
  readonly now: () => number
}

/** The Device Enrollment way: `GET /session` signed with OAuth 1.0a, then a session named in a header. */
export function appleClientDoor(parts: AppleClientDoorParts): ClientDoor {
  return {
    openSession: (request, path) =>
      path === '/session' && request.method === 'GET' ? openSession(parts, request) : undefined,
    isClient: (request) => {
      const token = request.headers['x-adm-auth-session']
      return (
        typeof token === 'string' &&
        isClientSession(parts.hash, parts.connectionId, token, parts.now())
      )
    },
  }
}

async function openSession(
  parts: AppleClientDoorParts,
  request: IncomingMessage,
): Promise<IncomingResponse> {
  const now = parts.now()
  const verified = parts.verify({
    header: request.headers.authorization,
    urls: parts.origins(request).map((origin) => `${origin}/session`),
    seconds: now / 1000,
  })
  if (!('nonce' in verified)) return text(verified.status, verified.code)
  const fresh = await parts.write((tx) => useNonce(tx, parts.connectionId, verified.nonce, now))
  if (!fresh) return text(401, 'INVALID_NONCE')
  const token = issueClientSession(parts.hash, parts.connectionId, now)
  return {
    status: 200,
    headers: { 'content-type': 'application/json;charset=UTF8' },
    body: Buffer.from(JSON.stringify({ auth_session_token: token })),
  }
}

function text(status: number, code: string): IncomingResponse {
  return { status, headers: { 'content-type': 'text/plain;charset=UTF8' }, body: Buffer.from(code) }
}
