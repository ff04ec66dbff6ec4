import type { Transaction } from '#database/handles.ts'
import type { Json } from '#foundation/canonical-json.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { newOrderedId } from '#foundation/ids.ts'
import { append } from '#ledger/append.ts'
import type { EntryKind } from '#ledger/entry.ts'
import { bumpFactsVersion } from '#tenants/facts-version.ts'

/** Who changes an agreement, and when. */
export interface By {
  /** `admin:<id>` or `operator:<id>`. */
  readonly actor: string
  /** Milliseconds since 1970. */
  readonly at: number
}

/** Records a change of what is agreed: evidence and effect in one commit, and every node hears of it. */
export async function recordChange(
  tx: Transaction,
  by: By,
  kind: EntryKind,
  data: { readonly [key: string]: Json },
): Promise<void> {
  await bumpFactsVersion(tx)
  await append(tx, { id: newOrderedId(by.at), at: toTimestamp(by.at), kind, actor: by.actor, data })
}
