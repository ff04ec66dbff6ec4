import type { Decider } from '#access/decide.ts'
import type { AccessReader } from '#access/effective.ts'
import type { Catalog } from '#catalog/catalog.ts'
import type { Database } from '#database/handles.ts'
import type { Lease } from '#database/lease.ts'
import type { Clock } from '#foundation/clock.ts'
import type { Log } from '#foundation/log.ts'
import type { Keys } from '#keys/keys.ts'

/** Points of one look at which a test may stop the world. */
export const VIEW_POINTS = ['planned', 'read', 'recorded', 'committed'] as const
export type ViewPoint = (typeof VIEW_POINTS)[number]

export interface ViewingParts {
  readonly database: Database
  readonly catalog: Catalog
  readonly decider: Pick<Decider, 'decideView' | 'policyHash'>
  readonly keys: Keys
  /** Asked anew between the batches of a stream, which outlives the call that began it. */
  readonly access: AccessReader
  readonly lease: Pick<Lease, 'held'>
  readonly clock: Clock
  readonly log: Log
  readonly reached?: (point: ViewPoint) => void | Promise<void>
}
