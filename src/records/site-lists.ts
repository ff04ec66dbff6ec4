import type { ItemId } from '#catalog/catalog.ts'
import type { Reader, Transaction } from '#database/handles.ts'
import { type ListQuery, type Page, listPage } from '#database/list.ts'

export type SiteListKind = 'application' | 'collection'

/** One app or collection of an attached site, minimised. */
export interface SiteFacts {
  /** The id that the site gives it. */
  readonly name: string
  readonly facts: Readonly<Record<ItemId, string | number | boolean>>
}
export interface KeptSiteFacts extends SiteFacts {
  readonly receivedAt: Date
}

/** What a site tells no more of for so long is kept no longer. */
export const SITE_FACTS_KEPT_IN_DAYS = 30
const DAY_IN_MS = 86_400_000

/** Keeps what a site tells anew in the place of what it told before, and lets go of what it tells no more. */
export async function keepSiteFacts(
  tx: Transaction,
  kind: SiteListKind,
  rows: readonly SiteFacts[],
  now: number,
): Promise<void> {
  await tx.change('delete from site_lists where tenant_id = $1 and received_at < $2', [
    tx.tenantId,
    new Date(now - SITE_FACTS_KEPT_IN_DAYS * DAY_IN_MS),
  ])
  const newest = new Map(rows.map((row) => [row.name, row.facts]))
  await tx.change(
    `insert into site_lists (tenant_id, kind, name, facts, received_at)
     select $1, $2, n.name, n.facts, $5 from unnest($3::text[], $4::jsonb[]) as n (name, facts)
     on conflict (tenant_id, kind, name) do update set facts = excluded.facts, received_at = excluded.received_at`,
    [
      tx.tenantId,
      kind,
      [...newest.keys()],
      [...newest.values()].map((facts) => JSON.stringify(facts)),
      new Date(now),
    ],
  )
}

export function listSiteFacts(
  reader: Reader,
  kind: SiteListKind,
  query: ListQuery,
): Promise<Page<KeptSiteFacts>> {
  return listPage<KeptSiteFacts>(
    reader,
    {
      select: 'name, facts, received_at as "receivedAt"',
      from: 'site_lists where tenant_id = $1 and kind = $2',
      values: [reader.tenantId, kind],
      key: 'id',
      columns: {
        id: { sql: 'name', type: 'text' },
        receivedDateTime: { sql: 'received_at', type: 'timestamptz' },
      },
    },
    query,
  )
}
