import type { Reader, Transaction } from '#database/handles.ts'

/** Tenant ids whose facts changed are announced to all nodes here, when the change commits. */
export const FACTS_CHANNEL = 'sluss_facts'

/**
 * Says that something changed that bears on decisions about this tenant. Called in the changing transaction:
 * it waits for disclosures that are committing, and those that come after see the new version.
 */
export async function bumpFactsVersion(tx: Transaction): Promise<number> {
  const [row] = await tx.rows<{ version: number }>(
    `insert into facts_versions (tenant_id, version) values ($1, 1)
     on conflict (tenant_id) do update set version = facts_versions.version + 1
     returning version, pg_notify('${FACTS_CHANNEL}', $1)`,
    [tx.tenantId],
  )
  if (!row) throw new Error('a facts version was not written')
  // This node does not wait for its own word to come back.
  tx.announce(FACTS_CHANNEL)
  return row.version
}

/** The version now; 0 before the tenant exists. */
export async function readFactsVersion(reader: Reader): Promise<number> {
  const [row] = await reader.rows<{ version: number }>(
    'select version from facts_versions where tenant_id = $1',
    [reader.tenantId],
  )
  return row?.version ?? 0
}

/** The same, held until the transaction ends: no change of facts commits between this and our commit. */
export async function lockFactsVersion(tx: Transaction): Promise<number> {
  const [row] = await tx.rows<{ version: number }>(
    'select version from facts_versions where tenant_id = $1 for share',
    [tx.tenantId],
  )
  return row?.version ?? 0
}
