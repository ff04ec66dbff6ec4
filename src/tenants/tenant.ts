import type { Reader } from '#database/handles.ts'

export type TenantState = 'open' | 'closing' | 'closed'

export interface Tenant {
  readonly tenantId: string
  readonly name: string
  readonly region: string
  readonly state: TenantState
  readonly privacyContact: string | undefined
}

/** The tenant of the handle, or undefined before `createTenant`. */
export async function readTenant(reader: Reader): Promise<Tenant | undefined> {
  const [row] = await reader.rows<{
    name: string
    region: string
    state: TenantState
    privacy_contact: string | null
  }>('select name, region, state, privacy_contact from tenants where tenant_id = $1', [
    reader.tenantId,
  ])
  return (
    row && {
      tenantId: reader.tenantId,
      name: row.name,
      region: row.region,
      state: row.state,
      privacyContact: row.privacy_contact ?? undefined,
    }
  )
}

/** Ids of all tenants of the installation; nothing else about them. */
export async function tenantIds(reader: Reader): Promise<readonly string[]> {
  const rows = await reader.rows<{ id: string }>('select sluss_tenant_ids() as id')
  return rows.map((row) => row.id)
}
