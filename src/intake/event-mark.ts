import type { Reader, Transaction } from '#database/handles.ts'
import type { Keys } from '#keys/keys.ts'

/** For so long an event is known again. One that is older than this when it comes is not taken in. */
export const REPLAY_WINDOW_IN_MS = 7 * 24 * 60 * 60_000
/** Tidied up with each new event, so that marks do not grow without end. */
const TIDIED_AT_ONCE = 64

/**
 * Marks events as taken in, in the commit that takes them in. Of their names only keyed hashes are kept.
 *
 * @returns for each name whether it is new: not when it was taken in before, on whichever node, nor when it stands
 *   earlier in the list. Repetitions are counted
 */
export async function markEvents(
  tx: Transaction,
  keys: Keys,
  connectionId: string,
  names: readonly string[],
  now: number,
): Promise<readonly boolean[]> {
  const hash = await keys.blindIndex(tx, 'intake-event')
  const marks = names.map((name) => hash(`${connectionId} ${name}`))
  const more = new Map<string, number>()
  for (const mark of marks.toSorted()) more.set(mark, (more.get(mark) ?? -1) + 1)
  const rows = await tx.rows<{ mark: string; repeats: number }>(
    `with gone as (
       delete from intake_events where tenant_id = $1 and connection_id = $2 and mark in (
         select mark from intake_events
          where tenant_id = $1 and connection_id = $2 and arrived_at < $6 and mark <> all($3::text[])
          order by arrived_at limit ${TIDIED_AT_ONCE} for update skip locked))
     insert into intake_events (tenant_id, connection_id, mark, arrived_at, repeats)
     select $1, $2, n.mark, $5, n.more from unnest($3::text[], $4::int[]) as n (mark, more)
     on conflict (tenant_id, connection_id, mark) do update
        set repeats = intake_events.repeats + 1 + excluded.repeats
     returning mark, repeats`,
    [
      tx.tenantId,
      connectionId,
      [...more.keys()],
      [...more.values()],
      new Date(now),
      new Date(now - 2 * REPLAY_WINDOW_IN_MS),
    ],
  )
  const fresh = new Set(rows.filter((row) => row.repeats === more.get(row.mark)).map((r) => r.mark))
  return marks.map((mark) => fresh.delete(mark))
}

/** How many events of the connection are known, and how often one came again. */
export async function countEvents(
  reader: Reader,
  connectionId: string,
): Promise<{ readonly events: number; readonly repeats: number }> {
  const [row] = await reader.rows<{ events: number; repeats: number }>(
    `select count(*)::int as events, coalesce(sum(repeats), 0)::int as repeats
       from intake_events where tenant_id = $1 and connection_id = $2`,
    [reader.tenantId, connectionId],
  )
  return row ?? { events: 0, repeats: 0 }
}
