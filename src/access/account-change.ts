import type { Transaction } from '#database/handles.ts'
import type { Json } from '#foundation/canonical-json.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { newOrderedId } from '#foundation/ids.ts'
import { append } from '#ledger/append.ts'
import type { EntryKind } from '#ledger/entry.ts'
import { bumpFactsVersion } from '#tenants/facts-version.ts'

/** Who does it (`actorOf` of a principal, or `link:<purpose>`), and when, in milliseconds since 1970. */
export interface AccountBy {
  readonly actor: string
  readonly at: number
}

/** Evidence of what bears on who may do what; every node then forgets what it knew of the tenant. */
export async function recordAccountChange(
  tx: Transaction,
  by: AccountBy,
  kind: EntryKind,
  data: { readonly [key: string]: Json },
): Promise<void> {
  await bumpFactsVersion(tx)
  await recordOnly(tx, by, kind, data)
}

/** Evidence alone, for what changes nobody's rights. */
export async function recordOnly(
  tx: Transaction,
  by: AccountBy,
  kind: EntryKind,
  data: { readonly [key: string]: Json },
): Promise<void> {
  await append(tx, {
    id: newOrderedId(by.at),
    at: toTimestamp(by.at),
    kind,
    actor: by.actor,
    data,
  })
}
