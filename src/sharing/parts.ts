import type { Decider } from '#access/decide.ts'
import type { Catalog } from '#catalog/catalog.ts'
import type { Lease } from '#database/lease.ts'
import type { Database } from '#database/handles.ts'
import type { Clock } from '#foundation/clock.ts'
import type { Log } from '#foundation/log.ts'
import type { Keys } from '#keys/keys.ts'
import type { SubjectNames } from '#records/name-subjects.ts'
import type { Connector, Transport } from './exchange.ts'

/** Points of one share at which a test may stop the world. */
export const SHARE_POINTS = [
  'planned',
  'projected',
  'recorded',
  'sent',
  'answered',
  'concluded',
] as const
export type SharePoint = (typeof SHARE_POINTS)[number]

/** What the door out works with; `compose.ts` hands it in. */
export interface SharingParts {
  readonly database: Database
  readonly catalog: Catalog
  readonly decider: Decider
  readonly keys: Keys
  readonly names: SubjectNames
  readonly connectors: ReadonlyMap<string, Connector>
  readonly transport: Transport
  readonly lease: Lease
  readonly clock: Clock
  readonly log: Log
  readonly reached?: (point: SharePoint) => void | Promise<void>
}
