import type { Transaction } from '#database/handles.ts'
import { newOrderedId } from '#foundation/ids.ts'
import type { Keys } from '#keys/keys.ts'
import { append } from '#ledger/append.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { bumpFactsVersion } from './facts-version.ts'

export interface NewTenant {
  readonly name: string
  readonly region: string
  readonly privacyContact?: string
  readonly actor: string
  /** Milliseconds since 1970. */
  readonly at: number
}

/** Makes the tenant of the handle: its row, its keys, its first ledger entry. A second call changes nothing. */
export async function createTenant(
  tx: Transaction,
  keys: Keys,
  tenant: NewTenant,
): Promise<boolean> {
  const made = await tx.change(
    `insert into tenants (tenant_id, name, region, privacy_contact, created_at)
     values ($1, $2, $3, $4, $5) on conflict do nothing`,
    [tx.tenantId, tenant.name, tenant.region, tenant.privacyContact ?? null, new Date(tenant.at)],
  )
  if (made === 0) return false
  await keys.createTenantKeys(tx)
  await bumpFactsVersion(tx)
  await append(tx, {
    id: newOrderedId(tenant.at),
    at: toTimestamp(tenant.at),
    kind: 'tenant.created',
    actor: tenant.actor,
    data: { region: tenant.region },
  })
  return true
}
