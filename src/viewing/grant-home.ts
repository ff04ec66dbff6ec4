import { type Database, INSTALLATION } from '#database/handles.ts'
import { isUuid } from '#foundation/ids.ts'

/** The tenant whose records a grant of this operator account is for; undefined for another's grant, or none. */
export async function tenantOfGrant(
  database: Pick<Database, 'read'>,
  operatorAccountId: string,
  grantId: string,
): Promise<string | undefined> {
  if (!isUuid(operatorAccountId) || !isUuid(grantId)) return undefined
  const [row] = await database.read(INSTALLATION, (reader) =>
    reader.rows<{ tenant_id: string }>(
      'select g.tenant_id from sluss_grants_of_operator($1) g where g.grant_id = $2',
      [operatorAccountId, grantId],
    ),
  )
  return row?.tenant_id
}
