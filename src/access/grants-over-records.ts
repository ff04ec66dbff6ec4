import type { Reader } from '#database/handles.ts'

/** Grants of support access, past and present, that named one of the records. */
export async function grantsOverRecords(
  reader: Reader,
  recordIds: readonly string[],
): Promise<readonly { readonly grantId: string; readonly requestId: string }[]> {
  if (recordIds.length === 0) return []
  const rows = await reader.rows<{ grant_id: string; request_id: string }>(
    'select grant_id, request_id from access_grants where tenant_id = $1 and records && $2::text[] order by grant_id',
    [reader.tenantId, recordIds],
  )
  return rows.map((row) => ({ grantId: row.grant_id, requestId: row.request_id }))
}
