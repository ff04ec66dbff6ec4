import type { DataItem, ItemId } from '#catalog/catalog.ts'
import type { RefusalCode } from '#foundation/refusal.ts'

/**
 * The facts of the door for people who look, as the Cedar schema names them. Built by the door from what is
 * known of the viewer; never from a request body.
 */
export interface ViewFacts {
  readonly tenantId: string
  readonly viewer: {
    /** `support` is the operator's staff, `self` the person whose data it is. */
    readonly kind: 'admin' | 'support' | 'self' | 'auditor'
    /** Holds `Managed devices/Read`. */
    readonly mayRead: boolean
    /** Holds `Personal data/Read`. */
    readonly mayReadPersonal: boolean
    /** Holds `Personal data/Reveal`. */
    readonly mayReveal: boolean
    /** Holds `Secrets/Reveal`. */
    readonly maySeeSecrets: boolean
  }
  readonly tenantOpen: boolean
  readonly grant: {
    readonly state: 'notNeeded' | 'inForce' | 'missing' | 'ended'
    readonly items: ReadonlySet<ItemId>
    /** Those of `items` that the grant shows exactly; the others, and all when absent, are masked. */
    readonly exactItems?: ReadonlySet<ItemId>
  }
  /** A reason was given, where one is needed. */
  readonly purposeStated: boolean
  /** `view` is a list or record; `reveal` one exact value. */
  readonly action: 'view' | 'reveal'
}

export interface ViewDecision {
  readonly item: ItemId
  /** A refused `reveal` is `withheld`: the caller answers with `reason`. */
  readonly show: 'exact' | 'masked' | 'withheld'
  /** Why not exactly; `permitted` when it is. `item_masked` is the usual reason for masking. */
  readonly reason: 'permitted' | RefusalCode
  /** Names of the policies that determined the answer. */
  readonly policies: readonly string[]
}

export type ViewItem = Pick<DataItem, 'id' | 'class' | 'personal' | 'secret' | 'need'>
