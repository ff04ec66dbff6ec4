import { randomBytes } from 'node:crypto'
import type { Transaction } from '#database/handles.ts'
import { sha256 } from '#foundation/hashing.ts'
import type { Keys } from '#keys/keys.ts'

/** How long the second half of a ceremony may be waited for. */
export const CEREMONY_LIFETIME_IN_MS = 5 * 60_000

/**
 * Keeps what the second half of a sign-in or passkey ceremony must know, sealed, for five minutes.
 *
 * @returns the handle under which it is taken out, once; only its hash is kept
 */
export async function beginCeremony(
  tx: Transaction,
  keys: Keys,
  kind: string,
  state: object,
  now: number,
): Promise<string> {
  const handle = randomBytes(32).toString('base64url')
  const hash = hashOf(handle)
  await tx.change('delete from ceremonies where tenant_id = $1 and expires_at <= $2', [
    tx.tenantId,
    new Date(now),
  ])
  await tx.change(
    `insert into ceremonies (tenant_id, ceremony_hash, kind, sealed, expires_at) values ($1, $2, $3, $4, $5)`,
    [
      tx.tenantId,
      hash,
      kind,
      await keys.sealForTenant(tx, place(kind, hash), Buffer.from(JSON.stringify(state))),
      new Date(now + CEREMONY_LIFETIME_IN_MS),
    ],
  )
  return handle
}

/**
 * Takes the state out. It is gone then, whatever comes of it: a second try finds nothing, and so does a caller that
 * rolls back only if nothing was answered. Undefined for a handle that is unknown, used, of another kind or too old.
 */
export async function takeCeremony<State>(
  tx: Transaction,
  keys: Keys,
  kind: string,
  handle: string,
  now: number,
): Promise<State | undefined> {
  const hash = hashOf(handle)
  const [row] = await tx.rows<{ sealed: Buffer; expires_at: Date }>(
    `delete from ceremonies where tenant_id = $1 and ceremony_hash = $2 and kind = $3
      returning sealed, expires_at`,
    [tx.tenantId, hash, kind],
  )
  if (!row || row.expires_at.getTime() <= now) return undefined
  const opened = await keys.openForTenant(tx, place(kind, hash), row.sealed)
  return JSON.parse(opened.toString()) as State
}

function place(kind: string, hash: string): string {
  return `ceremony/${kind}/${hash}`
}

function hashOf(handle: string): string {
  return sha256(handle).toString('base64url')
}
