import type { IncomingMessage } from 'node:http'
import { isClientSession, issueClientSession } from '#connections/client-session.ts'
import { type KeyedHash, sameSecret } from '#foundation/hashing.ts'
import { isRefusal } from '#foundation/refusal.ts'
import type { IncomingResponse } from '#sharing/exchange.ts'
import { bearerOf } from '../bearer.ts'
import type { ClientDoor } from './client-door.ts'
import { readBody } from './read-body.ts'

const PATHS: ReadonlySet<string> = new Set(['/api/oauth/token', '/api/v1/oauth/token'])
/** A little less than a session lives, so that none ends on the way. */
const LIFE_IN_S = 1_740

export interface TokenClientDoorParts {
  readonly connectionId: string
  /** What Sluss issued for the tenant's own client, which never holds the party's. */
  readonly client: { readonly id: string; readonly secret: string }
  readonly hash: KeyedHash
  readonly now: () => number
}

/** The OAuth way: client credentials for a short-lived token, which every call names then. */
export function tokenClientDoor(parts: TokenClientDoorParts): ClientDoor {
  return {
    openSession: (request, path) =>
      PATHS.has(path) && request.method === 'POST' ? grant(parts, request) : undefined,
    isClient: (request) => {
      const token = bearerOf(request.headers.authorization)
      return (
        token !== undefined && isClientSession(parts.hash, parts.connectionId, token, parts.now())
      )
    },
  }
}

async function grant(
  { connectionId, client, hash, now }: TokenClientDoorParts,
  request: IncomingMessage,
): Promise<IncomingResponse> {
  const isForm = /^application\/x-www-form-urlencoded\s*(?:;|$)/i
  const body = await readBody(request)
  if (isRefusal(body) || !isForm.test(request.headers['content-type'] ?? ''))
    return json(400, { error: 'invalid_request' })
  const form = new URLSearchParams(body.toString('utf8'))
  if (form.get('grant_type') !== 'client_credentials')
    return json(400, { error: 'unsupported_grant_type' })
  // Both are compared, whichever is wrong.
  const idFits = sameSecret(form.get('client_id'), client.id)
  const secretFits = sameSecret(form.get('client_secret'), client.secret)
  if (!idFits || !secretFits) return json(401, { error: 'invalid_client' })
  return json(200, {
    access_token: issueClientSession(hash, connectionId, now()),
    scope: 'sluss:gateway',
    token_type: 'Bearer',
    expires_in: LIFE_IN_S,
  })
}

function json(status: number, body: unknown): IncomingResponse {
  return {
    status,
    headers: { 'content-type': 'application/json;charset=UTF8', 'cache-control': 'no-store' },
    body: Buffer.from(JSON.stringify(body)),
  }
}
