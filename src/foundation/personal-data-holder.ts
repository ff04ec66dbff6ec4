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
}

export interface HeldRecord {
  readonly recordId: string
  readonly kind: string
  /** Item id to value; empty where only the finding matters. */
  readonly items: Readonly<Record<string, unknown>>
}
