/**
 * What every room that keeps personal data offers, so that a person's rights can be served over all of
 * them. The handles belong to the database room; this room knows them only as type parameters.
 */
export interface PersonalDataHolder<Reader, Transaction> {
  /** The room's own name, as it stands in evidence. */
  readonly holder: string
  /** Which of the room's records concern the subject. */
  find(reader: Reader, subjectId: string): Promise<readonly HeldRecord[]>
  /** The same records in full, for the person. */
  exportFor(reader: Reader, subjectId: string): Promise<readonly HeldRecord[]>
  /** Removes the rows. Keys are destroyed by `keys`; this removes what is left. Answers how many rows went. */
  erase(tx: Transaction, subjectId: string): Promise<number>
  /** The same for many at once, where many cost as little as one. */
  eraseAll?(tx: Transaction, subjectIds: readonly string[]): Promise<number>
}

export interface HeldRecord {
  readonly recordId: string
  readonly kind: string
  /** Item id to value; empty where only the finding matters. */
  readonly items: Readonly<Record<string, unknown>>
  /** Where it came from: a connection's id, or `organisation` for what people there entered. */
  readonly source?: string
  /** Since when it is held, and when its source last confirmed it, in milliseconds since 1970. */
  readonly since?: number
  readonly seen?: number
  /** When its source took it away; it is kept until its retention ends. */
  readonly removed?: number | undefined
  /** Items that are not kept exactly, and how. */
  readonly precisions?: Readonly<Record<string, string>>
  /** What the record holds that is not the person's to see, and why: free text of others. */
  readonly cut?: Readonly<Record<string, string>>
}
