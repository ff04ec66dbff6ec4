import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { Transaction } from '#database/handles.ts'
import type { KeyedHash } from '#foundation/hashing.ts'

const LIFE_IN_MS = 30 * 60_000
const NONCES_ARE_KEPT = '15 minutes'

/**
 * A session of the tenant's own client with the gateway: it names its end and carries a keyed hash, so that
 * every node can check it without asking anybody.
 */
export function issueClientSession(hash: KeyedHash, connectionId: string, now: number): string {
  const stem = `${(now + LIFE_IN_MS).toString(36)}.${randomBytes(9).toString('base64url')}`
  return `${stem}.${hash(`${connectionId} ${stem}`)}`
}

/** Whether the token is one that `issueClientSession` gave for this connection and that has not ended. */
export function isClientSession(
  hash: KeyedHash,
  connectionId: string,
  token: string,
  now: number,
): boolean {
  const end = token.lastIndexOf('.')
  if (end < 0 || token.length > 200) return false
  const stem = token.slice(0, end)
  const came = Buffer.from(token.slice(end + 1))
  const expected = Buffer.from(hash(`${connectionId} ${stem}`))
  return (
    came.length === expected.length &&
    timingSafeEqual(came, expected) &&
    Number.parseInt(stem.split('.')[0] ?? '', 36) > now
  )
}

/** Uses up a nonce. False when it was used before, on whichever node. */
export async function useNonce(
  tx: Transaction,
  connectionId: string,
  nonce: string,
  now: number,
): Promise<boolean> {
  await tx.change(
    `delete from client_nonces where tenant_id = $1 and used_at < $2::timestamptz - interval '${NONCES_ARE_KEPT}'`,
    [tx.tenantId, new Date(now)],
  )
  const fresh = await tx.change(
    `insert into client_nonces (tenant_id, connection_id, nonce, used_at) values ($1, $2, $3, $4) on conflict do nothing`,
    [tx.tenantId, connectionId, nonce, new Date(now)],
  )
  return fresh === 1
}
