import type { ItemId } from '#catalog/catalog.ts'

/** No grant is longer, whatever a tenant or a setting says; the schema holds the same bound. */
export const HARD_MAXIMUM_IN_MS = 8 * 3_600_000
/** No emergency is longer. */
export const EMERGENCY_MAXIMUM_IN_MS = 3_600_000

export type EndReason = 'time' | 'lapsed' | 'revoked' | 'returned' | 'caseClosed'

/** What one operator account may see of one tenant, for a time. Times are milliseconds since 1970. */
export interface Grant {
  readonly grantId: string
  readonly tenantId: string
  /** The request, or the emergency, that it came from. */
  readonly requestId: string
  readonly caseId: string
  readonly operatorAccountId: string
  readonly kind: 'approved' | 'emergency'
  readonly items: ReadonlySet<ItemId>
  /** Record ids, as they were frozen at approval. */
  readonly records: readonly string[]
  readonly precision: 'exact' | 'masked'
  readonly purpose: string
  readonly starts: 'approval' | 'firstUse'
  readonly approvedAt: number
  readonly durationMs: number
  readonly firstUsedAt: number | undefined
  /** Undefined while its time has not begun. */
  readonly endsAt: number | undefined
  /** Unused until then, it is gone. */
  readonly lapsesAt: number
  /** The latest time at which a node looked at it. */
  readonly seenAt: number
  readonly endedAt: number | undefined
  /** `admin:<id>`, `operator:<id>`, or `clock`. */
  readonly endedBy: string | undefined
  readonly endReason: EndReason | undefined
}

export type GrantState = 'inForce' | 'notStarted' | 'ended' | 'lapsed'

/**
 * The state at a time, right whether or not any job has recorded it. A clock that was set back does not bring a
 * grant back: its time is never before the latest at which it was seen.
 */
export function grantState(grant: Grant, now: number): GrantState {
  const at = Math.max(now, grant.seenAt)
  if (grant.endedAt !== undefined) return grant.endReason === 'lapsed' ? 'lapsed' : 'ended'
  if (grant.firstUsedAt === undefined && at >= grant.lapsesAt) return 'lapsed'
  if (grant.endsAt === undefined) return 'notStarted'
  if (at < grant.endsAt) return 'inForce'
  return grant.firstUsedAt === undefined ? 'lapsed' : 'ended'
}

/** When it is over by itself at the latest, as things stand; undefined once it was ended. */
export function grantDeadline(grant: Grant): number | undefined {
  if (grant.endedAt !== undefined) return undefined
  if (grant.firstUsedAt !== undefined) return grant.endsAt
  return Math.min(grant.lapsesAt, grant.endsAt ?? grant.lapsesAt)
}
