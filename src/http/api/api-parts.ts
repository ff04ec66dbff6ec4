import type { AccessReader } from '#access/effective.ts'
import type { TokenCheck } from '#access/tokens.ts'
import type { Database } from '#database/handles.ts'
import type { Lease } from '#database/lease.ts'
import type { Clock } from '#foundation/clock.ts'
import type { Log } from '#foundation/log.ts'
import type { Keys } from '#keys/keys.ts'
import type { Endpoint } from './endpoint.ts'
import type { Rate } from './rate-limit.ts'

export interface ApiParts {
  readonly endpoints: readonly Endpoint[]
  readonly tokens: TokenCheck
  readonly access: AccessReader
  readonly database: Database
  readonly keys: Keys
  readonly lease: Pick<Lease, 'held'>
  readonly clock: Clock
  /** Milliseconds since 1970; never runs backwards on a node. */
  readonly now: () => number
  readonly log: Log
  /** `https://sluss.example.com`: what links in answers begin with. Undefined: what the caller asked for. */
  readonly publicOrigin?: string | undefined
  readonly rate?: Rate | undefined
}

/** One request of the API, by itself or inside a batch. */
export interface ApiRequest {
  readonly method: string
  /** Below `/v1.0`, still encoded. */
  readonly path: string
  readonly query: URLSearchParams
  header(name: string): string | undefined
  /** Empty where there is none; undefined where it was larger than allowed. */
  readonly body: Buffer | undefined
  /** Scheme, host and port that links in the answer begin with. */
  readonly origin: string
}

export interface ApiAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: object | undefined
  /** The endpoint that answered, for the counters. */
  readonly endpoint?: string
  /** The reason of a refusal, for the counters. */
  readonly refusedFor?: string
}
