import type { Direction, FeatureId, FlowId, ItemId, PartyId } from '#catalog/catalog.ts'
import type { AgentScope } from './agent-scope.ts'

/**
 * Everything the tenant and the installation have agreed that bears on one flow, read in one consistent
 * state. `sharing/gate.ts` and `intake` hand it to Cedar. Times are milliseconds.
 */
export interface FlowFacts {
  readonly tenantId: string
  /** Grows with every change of anything below; a plan is good only for the version it was made from. */
  readonly version: number
  readonly tenantOpen: boolean
  readonly flow: FlowId
  readonly direction: Direction
  readonly feature: { readonly id: FeatureId; readonly on: boolean }
  /** Hash of the flow's manifest as the catalog has it now. */
  readonly manifestHash: string
  readonly consent:
    | {
        readonly id: string
        readonly manifestHash: string
        /** The items the admin agreed to: older than the manifest where that has grown. */
        readonly items: ReadonlySet<ItemId>
        readonly from: number
        readonly until: number | undefined
        readonly withdrawnAt: number | undefined
      }
    | undefined
  readonly party: PartyFacts
  /** Optional items that are switched on, and how exactly: a tenant's own choice of precision per item. */
  readonly collection: ReadonlyMap<ItemId, CollectionChoice>
}

export interface CollectionChoice {
  readonly on: boolean
  readonly precision: string | undefined
}

export interface PartyFacts {
  readonly id: PartyId
  readonly kind: 'agent' | 'thirdParty' | 'none'
  /** For agents: listed when, lead time over when, objected when. */
  readonly listedAt: number | undefined
  readonly leadTimeOverAt: number | undefined
  readonly objectedAt: number | undefined
  /** What an agent is listed for, each part with its own lead time; undefined where it is listed without terms. */
  readonly scope?: AgentScope | undefined
  /** For others: the tenant admin's explicit permission and the contract it rests on. */
  readonly permission: { readonly id: string; readonly withdrawnAt: number | undefined } | undefined
  readonly contract:
    | {
        readonly id: string
        readonly documentHash: string
        readonly purposes: ReadonlySet<string>
        readonly from: number
        readonly until: number | undefined
      }
    | undefined
}
