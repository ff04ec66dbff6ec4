import { type Database, INSTALLATION } from '#database/handles.ts'

const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** The tenant whose records a grant of this operator account is for; undefined for another's grant, or none. */
export async function tenantOfGrant(
  database: Pick<Database, 'read'>,
  operatorAccountId: string,
  grantId: string,
): Promise<string | undefined> {
  if (!ID.test(operatorAccountId) || !ID.test(grantId)) return undefined
  const [row] = await database.read(INSTALLATION, (reader) =>
    reader.rows<{ tenant_id: string }>(
      'select g.tenant_id from sluss_grants_of_operator($1) g where g.grant_id = $2',
      [operatorAccountId, grantId],
    ),
  )
  return row?.tenant_id
}
