import { type Principal, actorOf } from '#access/principal.ts'
import type { Transaction } from '#database/handles.ts'
import type { Json } from '#foundation/canonical-json.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { newOrderedId } from '#foundation/ids.ts'
import type { Keys } from '#keys/keys.ts'
import { append } from '#ledger/append.ts'
import type { EntryKind } from '#ledger/entry.ts'
import type { ScopeParts } from './scope.ts'

export interface BreachParts extends ScopeParts {
  readonly keys: Keys
}

/** Who does what goes on by itself. */
export const ACTOR = 'job:incidents'

/** Who acts, and when (UTC milliseconds, from the injected clock). */
export interface By {
  readonly principal: Principal
  readonly now: number
}

/** The least that counts as a reason. */
const REASON_LENGTH = 20

export function isReason(text: string | undefined): text is string {
  return (text ?? '').trim().length >= REASON_LENGTH
}

/** One entry in the handle's log, in the commit of what it tells of. */
export function record(
  tx: Transaction,
  kind: EntryKind,
  by: { readonly actor: string; readonly now: number },
  data: { readonly [key: string]: Json },
): Promise<void> {
  const { actor, now } = by
  return append(tx, { id: newOrderedId(now), at: toTimestamp(now), kind, actor, data })
}

export const byActor = ({ principal, now }: By) => ({ actor: actorOf(principal), now })

/** Whether two are the same human, by whichever accounts. */
export function isSamePerson(
  principal: Pick<Principal, 'accountId' | 'personMarks'>,
  other: { readonly accountId: string; readonly marks: readonly string[] },
): boolean {
  return (
    principal.accountId === other.accountId ||
    principal.personMarks.some((mark) => other.marks.includes(mark))
  )
}
