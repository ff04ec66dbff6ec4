import type { Reader } from '#database/handles.ts'

/** The declared incident that touched the handle's tenant and is not over, the oldest first; undefined for none. */
export async function openIncidentOf(reader: Reader): Promise<string | undefined> {
  const [row] = await reader.rows<{ id: string }>(
    'select sluss_breach_open_incidents($1) as id limit 1',
    [reader.tenantId],
  )
  return row?.id
}
