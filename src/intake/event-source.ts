import type { FlowId, ItemId, PurposeId } from '#catalog/catalog.ts'
import type { ObjectShape } from '#catalog/shape.ts'
import type { Refusal } from '#foundation/refusal.ts'

/** One event of a party as its source reads it: what may be kept is decided by the door, not here. */
export interface SourceEvent {
  /** What makes the event itself and no other: a repetition has the same name. Only a keyed hash of it is kept. */
  readonly name: string
  /** When the party says that it happened, in milliseconds since 1970. */
  readonly at: number
  /** Events of one section replace each other; those of several add up to one record. */
  readonly section: string
  readonly record: Readonly<Record<string, unknown>>
  readonly shape: ObjectShape
  readonly subjectItem: ItemId
  readonly removal: { readonly item: ItemId; readonly word: string }
  /** Another item that identifies the same device where a record has it. */
  readonly alsoKnownBy?: ItemId
}

/** How the sender of events proves to be the tenant's own. */
export type EventProof =
  /** `X-Hmac-Signature`: base64 of HMAC-SHA-256 over the body (NanoMDM). */
  | 'hmac-header'
  /** `Authorization: Basic`, the secret as password (an address such as `https://sluss:SECRET@host/…`). */
  | 'basic'

/** A connector that turns one body into one event. No database, no network. */
export interface EventSource {
  readonly connectorId: string
  readonly flow: FlowId
  readonly purpose: PurposeId
  readonly proof: EventProof
  /** @returns `body_malformed` for what is no event */
  read(body: Buffer): SourceEvent | Refusal
}
