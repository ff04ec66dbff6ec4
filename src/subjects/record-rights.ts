import type { Transaction } from '#database/handles.ts'
import type { Json } from '#foundation/canonical-json.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { newOrderedId } from '#foundation/ids.ts'
import { append } from '#ledger/append.ts'
import type { EntryKind } from '#ledger/entry.ts'
import type { By } from './parts.ts'

/** One entry, in the commit of what it tells of; answers its id. Identifiers and counts only. */
export async function recordRights(
  tx: Transaction,
  kind: EntryKind,
  by: Pick<By, 'actor' | 'at'>,
  data: { readonly [key: string]: Json },
): Promise<string> {
  const id = newOrderedId(by.at)
  await append(tx, { id, at: toTimestamp(by.at), kind, actor: by.actor, data })
  return id
}
