import type { ItemId } from '#catalog/catalog.ts'

/**
 * A plan made runnable for one shape. An allow-list: it builds its output from planned items and never
 * touches its input. What it does not know cannot pass.
 */
export type Projection = (document: Buffer | string) => Projected

/** What came out, and what stayed behind, counted by item. No personal value but in `json` and `subjects`. */
export interface Projected {
  /** The projected document as JSON text; `undefined` when the input is not JSON. */
  readonly json: string | undefined
  /** Values kept back, per item. */
  readonly withheld: Readonly<Record<ItemId, number>>
  /** Values that are in no shape, or not of the declared type: dropped, counted, never named. */
  readonly unknown: number
  /** Values of leaves marked `subject`, in order of appearance, each once: for ledger commitments. */
  readonly subjects: readonly string[]
  /** How many values of each item passed, at whatever precision. */
  readonly passed: Readonly<Record<ItemId, number>>
}

/** What a projection needs beside its plan. */
export interface ProjectionKeys {
  /** HMAC key for pseudonyms, one per tenant and recipient (32 bytes). */
  readonly pseudonymKey: Buffer
}
