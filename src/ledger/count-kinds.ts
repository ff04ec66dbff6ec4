import type { Reader } from '#database/handles.ts'

/** How many entries of some kinds a tenant's log has of one day. */
export interface DayCount {
  /** `2030-01-31`, in UTC. */
  readonly day: string
  readonly name: string
  readonly count: number
}

/** Entries that count under one name: of these kinds, by actors whose id begins so. */
export interface EntryClass {
  readonly name: string
  readonly kinds: readonly string[]
  /** `operator:`, or undefined for anybody else. */
  readonly actor?: 'operator:' | 'others'
}

/**
 * Counts entries by day in UTC, from what they say on their outside: none is opened. Those that still wait for their
 * place are among them.
 *
 * @param from  first day, in milliseconds since 1970
 * @param to    where the last day ends
 */
export async function countEntriesByDay(
  reader: Reader,
  classes: readonly EntryClass[],
  { from, to }: { readonly from: number; readonly to: number },
): Promise<readonly DayCount[]> {
  const kinds = [...new Set(classes.flatMap((one) => one.kinds))]
  const rows = await reader.rows<{ day: string; kind: string; operator: boolean; count: number }>(
    `select to_char(e.at at time zone 'UTC', 'YYYY-MM-DD') as day, e.kind,
            e.actor like 'operator:%' as operator, count(*)::int as count
       from ledger_segments s cross join unnest(s.ats, s.kinds, s.actors) as e (at, kind, actor)
      where s.tenant_id = $1 and s.kinds && $2::text[] and e.kind = any($2::text[]) and e.at >= $3 and e.at < $4
      group by 1, 2, 3`,
    [reader.tenantId, kinds, new Date(from), new Date(to)],
  )
  const counts = new Map<string, DayCount>()
  for (const { day, kind, operator, count } of rows) {
    for (const { name, kinds: own, actor } of classes) {
      if (!own.includes(kind) || (actor !== undefined && (actor === 'operator:') !== operator))
        continue
      const place = `${day} ${name}`
      counts.set(place, { day, name, count: (counts.get(place)?.count ?? 0) + count })
    }
  }
  return [...counts.values()]
}
