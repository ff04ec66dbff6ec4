import type { Reader, Transaction } from '#database/handles.ts'
import type { Keys } from '#keys/keys.ts'

/** For so long an event is known again. One that is older than this when it comes is not taken in. */
export const REPLAY_WINDOW_IN_MS = 7 * 24 * 60 * 60_000

export interface OpenedEvents {
  /** The version at which the tenant's facts are held until the commit. */
  readonly version: number
  /** Whether the transaction had written nothing before, so that what it reads is what others have committed. */
  readonly untouched: boolean
  /**
   * For each name whether it is new: not when it was taken in before, on whichever node, nor when it stands earlier in
   * the list. Undefined, and nothing is marked, where the facts are not at the version that was asked for.
   */
  readonly fresh: readonly boolean[] | undefined
}

interface Row {
  readonly version: number
  readonly untouched: boolean
  readonly marked: readonly string[] | null
  readonly repeats: readonly number[] | null
}

/**
 * Holds the tenant's facts at their version, and marks events as taken in, in the commit that takes them in, if the
 * facts are at the `known` version. Of names only keyed hashes are kept; repetitions are counted.
 */
export async function openEvents(
  tx: Transaction,
  keys: Keys,
  connectionId: string,
  names: readonly string[],
  { now, known }: { readonly now: number; readonly known: number | undefined },
): Promise<OpenedEvents> {
  const hash = await keys.blindIndex(tx, 'intake-event')
  const marks = names.map((name) => hash(`${connectionId} ${name}`))
  const more = new Map<string, number>()
  for (const mark of marks) more.set(mark, (more.get(mark) ?? -1) + 1)
  const [row] = await tx.rows<Row>('select * from sluss_intake_open($1, $2, $3, $4, $5, $6)', [
    connectionId,
    [...more.keys()],
    [...more.values()],
    new Date(now),
    new Date(now - 2 * REPLAY_WINDOW_IN_MS),
    known ?? null,
  ])
  if (!row) throw new Error('events are opened with one row')
  const { version, untouched, marked, repeats } = row
  // One that was there counts one repetition more than it has in the list.
  const fresh = new Set(marked?.filter((mark, i) => repeats?.[i] === more.get(mark)))
  return { version, untouched, fresh: marked ? marks.map((mark) => fresh.delete(mark)) : undefined }
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
