import type { Precision } from './precision.ts'

export type ItemId = string
export type FlowId = string
export type PartyId = string
export type FeatureId = string
export type PurposeId = string

/** Classes of `facts/flows.json`, plus `sensitive` for the never list. */
export type ItemClass =
  | 'person'
  | 'device-identifier'
  | 'device-attribute'
  | 'credential'
  | 'organisation'
  | 'app'
  | 'policy'
  | 'protocol'
  | 'aggregate'
  | 'sensitive'

export type Need = 'required' | 'optional' | 'never'

/** `historic`: the source no longer publishes the list. `partial`: named in prose, not a full list. */
export type Status = 'published' | 'historic' | 'partial' | 'protocol'

/** One named fact we may hold about a device, a person, an organisation or a call. */
export interface DataItem {
  readonly id: ItemId
  /** Short name for people, English. */
  readonly title: string
  readonly category: string
  readonly class: ItemClass
  /** Names or reaches a person, can be tied to one, or is free text that can. */
  readonly personal: boolean
  readonly secret: boolean
  readonly need: Need
  /** The optional-collection or feature switch an `optional` item hangs on. */
  readonly feature?: FeatureId
  readonly purposes: readonly PurposeId[]
  /** Precisions a tenant may choose, most exact first; `withheld` is always possible. */
  readonly precisions: readonly Precision[]
  /** Id of the rule in `retention.ts` that says how long it may be kept. */
  readonly retention: string
  /** Also collected where only apps are managed, not the device. */
  readonly mamOnly?: boolean
  /** W3C DPV personal-data category. */
  readonly dpv: string
}

export type Direction = 'outbound' | 'inbound'

/** One row of the fact files inside a flow: which item, under which key, and who says so. */
export interface FlowItem {
  readonly item: ItemId
  /** Fact row id, or a protocol reference such as `protocol:apple_dep.Profile.url`. */
  readonly source: string
  readonly status: Status
  /** How the source classes this very row; an item takes the strictest of its rows. */
  readonly class: ItemClass
  readonly personal: boolean
  readonly secret?: boolean
  /** The item as the source spells it. */
  readonly says: string
  /** Why, in the words of the facts. */
  readonly why: string
  readonly protocolKey?: string
  readonly optional?: boolean
  readonly message?: string
  readonly group?: string
  readonly example?: string
  readonly sourceRow?: number
  /** The published page the row stands on. */
  readonly page?: string
  /**
   * Where the published page and the party's protocol disagree on the direction: the direction the protocol
   * really has. `undefined` where they agree. The protocol's is the one the gate enforces.
   */
  readonly enforcedDirection?: Direction
  /** How exactly the item goes in this flow while the tenant chose nothing; exactly where left out. */
  readonly defaultPrecision?: Precision
  readonly note?: string
}

/** Party, service, direction, items, purposes: what a consent is about. */
export interface Flow {
  readonly id: FlowId
  readonly party: PartyId
  readonly service: string
  readonly direction: Direction
  readonly feature: FeatureId
  readonly status: Status
  readonly purposes: readonly PurposeId[]
  readonly items: readonly FlowItem[]
}

export interface Party {
  readonly id: PartyId
  readonly name: string
  /** What the party may be at all: Configuration Manager is `none` and nothing changes that. */
  readonly standing: 'agent' | 'thirdParty' | 'none'
}

export interface Feature {
  readonly id: FeatureId
  readonly title: string
  readonly flows: readonly FlowId[]
}

export interface Purpose {
  readonly id: PurposeId
  readonly title: string
  readonly dpv: string
  /** Profiling, advertising, marketing: declared so that they can be refused by name. */
  readonly forbidden: boolean
}

/** All that ships, as one value: `compose.ts` hands it in, and a test may hand in a grown one. */
export interface Catalog {
  readonly items: ReadonlyMap<ItemId, DataItem>
  readonly flows: ReadonlyMap<FlowId, Flow>
  readonly parties: ReadonlyMap<PartyId, Party>
  readonly features: ReadonlyMap<FeatureId, Feature>
  readonly purposes: ReadonlyMap<PurposeId, Purpose>
}
