import { type Principal, actorOf } from '#access/principal.ts'
import type { Transaction } from '#database/handles.ts'
import type { Json } from '#foundation/canonical-json.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { newOrderedId } from '#foundation/ids.ts'
import type { Refusal } from '#foundation/refusal.ts'
import { append } from '#ledger/append.ts'
import type { EntryKind } from '#ledger/entry.ts'
import type { By } from './parts.ts'

/** One entry, in the commit of what it tells of. */
export function record(
  tx: Transaction,
  kind: EntryKind,
  actor: string,
  now: number,
  data: { readonly [key: string]: Json },
): Promise<void> {
  return append(tx, { id: newOrderedId(now), at: toTimestamp(now), kind, actor, data })
}

/** Writes down that somebody tried what they may not, and passes the refusal on. */
export async function recordRefused(
  tx: Transaction,
  by: By,
  what: string,
  about: { readonly [key: string]: Json },
  refusal: Refusal,
): Promise<Refusal> {
  const data = { ...about, what, reason: refusal.refused }
  await record(tx, 'access.refused', actorOf(by.principal), by.now, data)
  return refusal
}

/** The person behind an account, as far as telling two apart needs it. */
export function personOf(principal: Principal): {
  readonly accountId: string
  readonly personMarks: readonly string[]
} {
  return { accountId: principal.accountId, personMarks: principal.personMarks }
}
