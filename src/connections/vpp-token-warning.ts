import type { Transaction } from '#database/handles.ts'
import { readVppToken } from './vpp-token.ts'

/** Days before the end at which people are told, and once it is over. */
const WARN_AT_DAYS = [0, 1, 7, 14, 30]
const DAY_IN_MS = 86_400_000

export interface VppWarning {
  /** Whole days left; 0 or less when it is over. */
  readonly days: number
  readonly end: number
}

/** Which warning is due so long before the end; the nearest one, so that a node that was away says the right thing. */
export function warningAt(days: number): number | undefined {
  return WARN_AT_DAYS.find((threshold) => days <= threshold)
}

/**
 * The warning that is due for the token, once for each threshold of each end: a renewed token is warned of anew.
 * It counts as given with the caller's commit, which should hold the notice.
 */
export async function takeVppWarning(
  tx: Transaction,
  connectionId: string,
  now: number,
): Promise<VppWarning | undefined> {
  const token = await readVppToken(tx, connectionId)
  if (!token?.expiresAt || !token.hasCredentials) return undefined
  const end = token.expiresAt.getTime()
  const days = Math.max(0, Math.ceil((end - now) / DAY_IN_MS))
  const threshold = warningAt(days)
  if (threshold === undefined) return undefined
  const taken = await tx.change(
    `update vpp_tokens set warned_days = $3, warned_end = $4 where tenant_id = $1 and connection_id = $2
        and (warned_end is distinct from $4 or warned_days > $3)`,
    [tx.tenantId, connectionId, threshold, new Date(end)],
  )
  return taken === 1 ? { days, end } : undefined
}
