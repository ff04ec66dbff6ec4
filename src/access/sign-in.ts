import type { Transaction } from '#database/handles.ts'
import type { Json } from '#foundation/canonical-json.ts'
import { recordOnly } from './account-change.ts'

export type SignInMethod = 'passkey' | 'provider' | 'link' | 'secret'

/** Evidence of a sign-in, in the log of the account's tenant. */
export function recordSignIn(
  tx: Transaction,
  {
    accountId,
    method,
    providerId,
  }: { accountId: string; method: SignInMethod; providerId?: string },
  now: number,
): Promise<void> {
  return recordOnly(tx, { actor: `account:${accountId}`, at: now }, 'sign-in', {
    account: accountId,
    method,
    ...(providerId === undefined ? {} : { provider: providerId }),
  })
}

export interface RefusedSignIn {
  readonly reason: string
  readonly method: SignInMethod
  readonly accountId?: string
  readonly providerId?: string
}

const MOST_IN_A_MINUTE = 20

/**
 * Evidence of sign-ins that were refused. Anybody may try, so that only so many a minute are written one by one; the
 * rest are counted in the next entry.
 */
export function createRefusedSignIns(): {
  record(tx: Transaction, refused: RefusedSignIn, now: number): Promise<void>
} {
  const windows = new Map<string, { since: number; written: number; more: number }>()
  return {
    record: async (tx, refused, now) => {
      const window = windows.get(tx.tenantId) ?? { since: now, written: 0, more: 0 }
      windows.set(tx.tenantId, window)
      if (now - window.since >= 60_000) Object.assign(window, { since: now, written: 0 })
      if (window.written >= MOST_IN_A_MINUTE) {
        window.more++
        return
      }
      const { more } = window
      Object.assign(window, { written: window.written + 1, more: 0 })
      const data: Record<string, Json> = { method: refused.method, reason: refused.reason }
      if (refused.accountId !== undefined) data.account = refused.accountId
      if (refused.providerId !== undefined) data.provider = refused.providerId
      if (more > 0) data.more = more
      await recordOnly(tx, { actor: 'anonymous', at: now }, 'sign-in.refused', data)
    },
  }
}
