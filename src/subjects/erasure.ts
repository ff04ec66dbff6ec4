import type { PartyId } from '#catalog/catalog.ts'
import type { Reader, Transaction } from '#database/handles.ts'
import type { Keys } from '#keys/keys.ts'

const DAY_IN_MS = 86_400_000

/** `retention.user-deleted` and its kin: rows are gone within so long of the signal. */
export const ROWS_GONE_IN_MS = 30 * DAY_IN_MS
/** `retention.audit-log`: what tells that there was an erasure, without the person. */
export const LOGS_KEPT_IN_MS = 365 * DAY_IN_MS
/** The longest that it is kept by which names recipients know an erased person. */
export const TELLING_KEPT_IN_MS = 30 * DAY_IN_MS

export const ERASURE_TRIGGERS = [
  'directoryDelete',
  'directoryDeactivate',
  'factoryReset',
  'selfRemoval',
  'administrator',
  'tenantClosed',
  'retentionEnd',
] as const
export type ErasureTrigger = (typeof ERASURE_TRIGGERS)[number]
export type ErasureState = 'waiting' | 'keysDestroyed' | 'erased' | 'withdrawn'

export interface Erasure {
  readonly erasureId: string
  readonly trigger: ErasureTrigger
  readonly state: ErasureState
  /** What stands in the way, by its kind and id: `hold:<id>`, `incident:<id>`; null where only time does, or nothing. */
  readonly waitsFor: string | null
  readonly askedBy: string
  readonly askedAt: Date
  readonly startsAt: Date
  readonly dueAt: Date
  readonly keysDestroyedAt: Date | null
  readonly erasedAt: Date | null
  /** Rows that went, by holder. */
  readonly removed: Readonly<Record<string, number>>
}

/** Who asks, and when. */
export interface By {
  /** `service:<id>`, `admin:<id>`, `job:<name>`. */
  readonly actor: string
  /** Milliseconds since 1970. */
  readonly at: number
}

/** A room that keeps something of people: what it does when many of them are erased. Answers how many rows went. */
export interface Eraser {
  readonly holder: string
  /** Whether many cost as little as one. */
  readonly inBulk: boolean
  eraseAll(tx: Transaction, subjectIds: readonly string[]): Promise<number>
}

/**
 * By which names the party of a connection knows the subjects; read while their keys still stand. Undefined where
 * nothing is known by which the party could be told.
 */
export type NamesKnownTo = (
  reader: Reader,
  recipient: { readonly partyId: PartyId; readonly connectionId: string },
  subjectIds: readonly string[],
) => Promise<Telling | undefined>

/** Kept sealed until the recipient has answered, and no longer than 30 days. */
export interface Telling {
  readonly names: readonly { readonly item: string; readonly value: string }[]
}

/** Why an erasure must wait, as `kind:id`; undefined where nothing is in the way. */
export type Obstacle = (
  reader: Reader,
  subjects: { readonly ids: readonly string[]; readonly commitments: readonly string[] },
  now: number,
) => Promise<string | undefined>

/** What erasing needs; `compose.ts` hands in the rooms that hold something. */
export interface ErasureParts {
  readonly keys: Keys
  /** What this node remembers of names in the ledger; they end with the keys. */
  readonly forgetNames: () => void
  readonly erasers: readonly Eraser[]
  readonly namesKnownTo: NamesKnownTo
  /** Beside legal holds, which this room keeps itself. */
  readonly obstacles: readonly Obstacle[]
  /** Whether the party behind the connection can be told to delete by its protocol. */
  readonly deletesByProtocol: (reader: Reader, connectionId: string) => Promise<boolean>
}
