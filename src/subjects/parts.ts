import type { AccountParts } from '#access/account.ts'
import type { Catalog } from '#catalog/catalog.ts'
import type { Database, Reader, Transaction } from '#database/handles.ts'
import type { PersonalDataHolder } from '#foundation/personal-data-holder.ts'
import type { Keys } from '#keys/keys.ts'

export type Holder = PersonalDataHolder<Reader, Transaction>

/** What serving a person's rights is built from; `compose.ts` hands it in. */
export interface RightsParts {
  readonly database: Database
  readonly keys: Keys
  readonly catalog: Catalog
  /** Every room that keeps personal data: a person is told what all of them hold. */
  readonly holders: readonly Holder[]
  readonly accounts: AccountParts
  /** First part of the name of every log; archives are signed under it. */
  readonly ledgerName: string
  /** When all that was committed before has its place in the log. */
  readonly settled?: () => Promise<void>
}

/** Who does it (`admin:<id>`, `service:<id>` …), and when, in milliseconds since 1970. */
export interface By {
  readonly actor: string
  readonly accountId: string
  readonly at: number
}
