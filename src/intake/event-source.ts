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
  /** What Sluss asks the party for because of the event, in its own time. */
  readonly wakes?: Wakes
}

/** An event that only says that there is news: the news itself is asked for through the door out. */
export interface Wakes {
  /** The party's names of events that it had accepted changes under. */
  readonly partyEvents: readonly string[]
  /** What is kept of the party may be out of date. */
  readonly synchronise: boolean
}

/** How the sender of events proves to be the tenant's own. */
export type EventProof =
  /** `X-Hmac-Signature`: base64 of HMAC-SHA-256 over the body (NanoMDM). */
  | 'hmac-header'
  /** `Authorization: Basic`, the secret as password (an address such as `https://sluss:SECRET@host/…`). */
  | 'basic'
  /** `Authorization: Basic` as above, or the secret in the header `X-Sluss-Token`: what the sender can be told to send (Jamf Pro). */
  | 'basic-or-token'
  /** `Authorization: Bearer`, the secret as token (Apple's Apps and Books). */
  | 'bearer'
  /** Standard Webhooks, symmetric: signature over id, time and body, the time within five minutes of ours. */
  | 'standard-webhooks'
  /** `Authorization: Bearer`, an OpenID Connect token that Google signed for the sender that is kept (Pub/Sub). */
  | 'google-oidc'

/** A connector that turns one body into one event. No database, no network. */
export interface EventSource {
  readonly connectorId: string
  readonly flow: FlowId
  readonly purpose: PurposeId
  readonly proof: EventProof
  /**
   * For a proof that only the source can check, by keys of another party's.
   *
   * @throws Error when it cannot be checked now
   */
  verify?(authorization: string | undefined, secret: string, now: number): Promise<boolean>
  /** @returns `body_malformed` for what is no event */
  read(body: Buffer, header?: (name: string) => string | undefined): SourceEvent | Refusal
}
