import type { Reader, Transaction } from '#database/handles.ts'
import { type ListQuery, type Page, listPage } from '#database/list.ts'

/** Notes which entries tell of looking under a grant. */
export async function keepGrantViews(
  tx: Transaction,
  grantId: string,
  entryIds: readonly string[],
): Promise<void> {
  await tx.change(
    'insert into grant_views (tenant_id, grant_id, entry_id) select $1, $2, n.id from unnest($3::uuid[]) as n (id)',
    [tx.tenantId, grantId, entryIds],
  )
}

/** Ids of those entries, page by page, in the order they were made. */
export async function listGrantViews(
  reader: Reader,
  grantId: string,
  query: ListQuery,
): Promise<Page<string>> {
  const page = await listPage<{ entry_id: string }>(
    reader,
    {
      select: 'v.entry_id',
      from: 'grant_views v where v.tenant_id = $1 and v.grant_id = $2',
      values: [reader.tenantId, grantId],
      columns: { id: { sql: 'v.entry_id', type: 'uuid' } },
      key: 'id',
    },
    query,
  )
  return { ...page, rows: page.rows.map((row) => row.entry_id) }
}
