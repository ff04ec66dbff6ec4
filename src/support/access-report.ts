import { type Grant, grantState } from '#access/grant.ts'
import { selectGrants } from '#access/grant.table.ts'
import type { PermissionId } from '#access/permission.ts'
import type { Reader } from '#database/handles.ts'
import type { Emergency } from './emergency.ts'
import { selectUnreviewed } from './emergency/emergency.table.ts'
import type { SupportParts } from './parts.ts'
import { type SealedClass, sealedCounts } from './sealed.ts'

/** The security officer's one report on a tenant, as of one moment. */
export interface AccessReport {
  /** Operator's staff who can read something right now, and what. */
  readonly canReadNow: readonly Grant[]
  /** Approved, and not begun: who could read if they began. */
  readonly couldRead: readonly Grant[]
  /** Of those that were approved in the last 90 days. */
  readonly lapsedUnused: readonly Grant[]
  readonly emergenciesNotReviewed: readonly Emergency[]
  readonly sealed: readonly {
    readonly class: SealedClass
    readonly count: number
    readonly latestOpening: number
  }[]
  /** Accounts of the tenant by what they may do. */
  readonly holders: Readonly<Record<PermissionId, readonly string[]>>
}

const LAPSED_SHOWN_IN_MS = 90 * 86_400_000

/** What lets somebody read, or decide who reads. */
const TELLING: readonly PermissionId[] = [
  'Managed devices/Read',
  'Personal data/Read',
  'Personal data/Reveal',
  'Secrets/Reveal',
  'Audit data/Read',
  'Support requests/Approve',
]

/** Reads it in one consistent state. Right at `now`, whether or not any job has run. */
export async function accessReport(
  reader: Reader,
  parts: Pick<SupportParts, 'holders'>,
  now: number,
): Promise<AccessReport> {
  const grants = await selectGrants(reader, { approvedSince: now - LAPSED_SHOWN_IN_MS })
  const inState = (state: ReturnType<typeof grantState>): readonly Grant[] =>
    grants.filter((grant) => grantState(grant, now) === state)
  const holders: Record<PermissionId, readonly string[]> = {}
  for (const permission of TELLING) holders[permission] = await parts.holders(reader, permission)
  return {
    canReadNow: inState('inForce'),
    couldRead: inState('notStarted'),
    lapsedUnused: inState('lapsed'),
    emergenciesNotReviewed: await selectUnreviewed(reader),
    sealed: await sealedCounts(reader),
    holders,
  }
}
