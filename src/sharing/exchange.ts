import type { FlowId, ItemId, PartyId, PurposeId } from '#catalog/catalog.ts'
import type { Precision } from '#catalog/precision.ts'
import type { ArrayShape, Leaf, Shape } from '#catalog/shape.ts'
import type { Refusal, RefusalCode } from '#foundation/refusal.ts'

/** One call of a party's protocol, as data: what may stand where, in both directions. */
export interface Exchange {
  /** `apple.dep.assignProfile`; stands in entries. */
  readonly id: string
  readonly methods: readonly ('GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE')[]
  /** Fixed, or with parameters as `path-template.ts` reads them: `/v1/{name=enterprises/*}`. */
  readonly path: string
  /** What each parameter of the path is. A call without one of them, or with less than its exact value, is refused. */
  readonly parameters?: Readonly<Record<string, Leaf>>
  /** Query parameters that are part of the protocol; a list where one may be repeated. Any other is dropped and counted. */
  readonly query: Readonly<Record<string, Leaf | ArrayShape>>
  readonly request?: Shape
  /** Shape of the success body; undefined where the protocol answers without one. */
  readonly response?: Shape
  /** Error codes the party documents, by status: only these words pass inward. */
  readonly errors: Readonly<Record<number, readonly string[]>>
  readonly outbound: FlowId
  readonly inbound: FlowId
  readonly purpose: PurposeId
  /** Sending it twice has the effect of sending it once. */
  readonly idempotent: boolean
  /** It cannot be undone: needs an explicit approval besides consent. */
  readonly permanent: boolean
  /** Calls of it that cannot be undone are this other exchange instead: its shape lets only them through, this one's none of them. */
  readonly variant?: Exchange
  /** Of such another exchange: the commands that it is for. */
  readonly commandWords?: CommandWords
  /** Largest number of elements in the named array of the request. */
  readonly limits?: Readonly<Record<string, number>>
  /** Items that every such call presents beside its body (the credentials): without them there is no call. */
  readonly carries: readonly ItemId[]
  /** Items without which the call has no meaning: if one is withheld the call is refused, not mutilated. */
  readonly essential: readonly ItemId[]
  /** The body replaces what stands at the party: if any of it would be kept back the call is refused, since what is missing is lost there. */
  readonly whole?: boolean
  /** Items of the body of which none may be kept back: the call would do less than it was asked for, and not say so. */
  readonly intact?: readonly ItemId[]
  /** The item by which the call's subjects are named in the ledger; `device.serialNumber` where left out. */
  readonly subject?: ItemId
  /** Where a call names subjects by several items: these, instead of `subject`. */
  readonly subjects?: readonly ItemId[]
  /** An item that went out as a pseudonym and that answers name people by: it is turned back into the tenant's own. */
  readonly returns?: ItemId
  /** The party answers with the name of an event first; the exchange that asks what became of it. */
  readonly settledBy?: string
  /** A call of the party's protocol that is never made, and why. */
  readonly refused?: RefusalCode
  /**
   * The last word on path and query, for what a shape cannot say: an expression that names items itself. Asked with what
   * the shape let through, with how exactly the answer tells each item, and with the query as it came. What it answers
   * is what leaves.
   */
  readonly vet?: (
    asked: VettedCall,
    sees: (item: ItemId) => Precision,
    came: URLSearchParams,
  ) => VettedCall | Refusal
  /** Where this is written, for people: specification section or facts row. */
  readonly source: string
}

export interface VettedCall {
  readonly path: string
  readonly query: URLSearchParams
}

/** Where the body of a call says which command it is. */
export interface CommandWords {
  /** The member that holds the word, and the words. */
  readonly field: string
  readonly words: readonly string[]
  /** Members that mean a word where it may be left out. */
  readonly implied: Readonly<Record<string, string>>
}

/** A request on its way out, after projection: exactly the bytes and headers that leave. */
export interface OutgoingRequest {
  readonly exchange: Exchange
  readonly method: Exchange['methods'][number]
  /** Path and projected query. */
  readonly target: string
  readonly body: string | undefined
}

export interface IncomingResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** Secrets of one connection, opened just for the call. */
export type Credentials = Readonly<Record<string, string>>

/** How the outcome of a sending is classed. `accepted`: the party says later what became of it. `unknown`: nobody saw the answer. */
export type Outcome = 'delivered' | 'accepted' | 'rejected' | 'unsent' | 'unknown'

/**
 * What a connector offers for its party's protocol. It does no database work; `compose.ts` hands in a
 * transport and keeps the session state between calls through `SessionStore`.
 */
export interface Connector {
  readonly id: string
  readonly party: PartyId
  readonly service: string
  readonly exchanges: readonly Exchange[]
  /** Sends one call, opening or renewing the party's session as its protocol asks. */
  send(call: PartyCall): Promise<SendResult>
  /** The party's own way to say no, for a client that speaks its protocol. Never carries a personal value. */
  refusalResponse(refusal: Refusal): IncomingResponse
  /** How the party writes its errors; where left out, as one upper-case word in plain text. */
  readonly errorForm?: ErrorForm
  /** How the gateway knows the tenant's own client: by the party's session protocol, or by a token that Sluss issued. */
  readonly clientDoor?: 'session' | 'bearer' | 'client-credentials'
  /** Bodies may come without a content type, as some clients of the party send them; they are JSON all the same. */
  readonly untypedBodies?: boolean
  /** The client's token in the form in which the party hands out its own, where clients check that; `expiresAt` in milliseconds. */
  clientToken?(secret: string, expiresAt: number | undefined): string
  /** The party knows nobody by credentials of ours: a connection has none. */
  readonly withoutCredentials?: true
  /** Reads the file in which the party hands out credentials, where it is one that needs no key of ours; a refusal quotes nothing of it. */
  readCredentials?(file: Buffer): Credentials | Refusal
}

/** A party's form of an error. Only documented codes are read from it, and only those are written. */
export interface ErrorForm {
  /** The one of these codes that an error's body names. */
  codeOf(body: Buffer, codes: readonly string[]): string | undefined
  render(status: number, code: string): { readonly type: string; readonly body: Buffer }
}

export interface PartyCall {
  /** `https://host[:port]` of the party, without a path. */
  readonly origin: string
  readonly credentials: Credentials
  readonly request: OutgoingRequest
  readonly session: SessionStore
  readonly transport: Transport
  /** Whether the call may still leave. Who lets calls wait and has a way out of its own asks before each; `transport` does by itself. */
  readonly stands?: () => Promise<boolean>
}

/** The party's session token of one connection: shared by all nodes, changed by any answer. */
export interface SessionStore {
  get(): Promise<string | undefined>
  /** Stores `next` unless another caller has replaced `previous` since. */
  replace(previous: string | undefined, next: string | undefined): Promise<void>
}

/** One HTTP request; faults are `TransportFault`s that say whether a byte may have left. */
export type Transport = (request: TransportRequest) => Promise<IncomingResponse>

export interface TransportRequest {
  readonly origin: string
  /** PEM of the certificate by which the caller shows who it is (RFC 8705), and its key. */
  readonly tls?: { readonly certificate: string; readonly privateKey: string }
  /** Only where the name leads to public addresses: for places that somebody described. */
  readonly publicOnly?: boolean
  readonly method: string
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

export type SendResult =
  | {
      readonly outcome: 'accepted'
      /** The party's name of the event, by which it is asked what became of the call. */
      readonly event: string
      readonly response: IncomingResponse
      readonly attempts: number
    }
  | {
      readonly outcome: 'delivered' | 'rejected'
      readonly response: IncomingResponse
      readonly attempts: number
    }
  | {
      readonly outcome: 'unsent' | 'unknown'
      readonly code: TransportFaultCode
      readonly attempts: number
    }

export type TransportFaultCode =
  | 'connect_failed'
  | 'timeout'
  | 'closed_early'
  | 'response_too_large'
  | 'response_malformed'
  | 'aborted'

/** The network failed. `sent` is false only where it is certain that no byte of the request left. */
export class TransportFault extends Error {
  readonly code: TransportFaultCode
  readonly sent: boolean
  constructor(code: TransportFaultCode, sent: boolean) {
    super(`transport: ${code}`)
    this.code = code
    this.sent = sent
  }
}
