import type { Reader, Transaction } from '#database/handles.ts'
import { type ListQuery, type Page, listPage } from '#database/list.ts'

/** Licences of one product under one token, as Apple counted them. */
export interface VppAsset {
  readonly adamId: string
  readonly pricingParam: string
  readonly facts: Readonly<Record<string, string | number | boolean | readonly string[]>>
}

/** Puts these in the place of all that was known of the token's licences. */
export async function replaceVppAssets(
  tx: Transaction,
  connectionId: string,
  assets: readonly VppAsset[],
): Promise<void> {
  await tx.change('delete from vpp_assets where tenant_id = $1 and connection_id = $2', [
    tx.tenantId,
    connectionId,
  ])
  await tx.change(
    `insert into vpp_assets (tenant_id, connection_id, adam_id, pricing_param, facts)
     select $1, $2, n.adam, n.pricing, n.facts from unnest($3::text[], $4::text[], $5::jsonb[]) as n (adam, pricing, facts)
     on conflict do nothing`,
    [
      tx.tenantId,
      connectionId,
      assets.map((asset) => asset.adamId),
      assets.map((asset) => asset.pricingParam),
      assets.map((asset) => JSON.stringify(asset.facts)),
    ],
  )
}

export function listVppAssets(
  reader: Reader,
  connectionId: string,
  query: ListQuery,
): Promise<Page<VppAsset & { readonly id: string }>> {
  return listPage<VppAsset & { readonly id: string }>(
    reader,
    {
      select: `a.adam_id || '.' || a.pricing_param as id, a.adam_id as "adamId", a.pricing_param as "pricingParam", a.facts`,
      from: 'vpp_assets a where a.tenant_id = $1 and a.connection_id = $2',
      values: [reader.tenantId, connectionId],
      key: 'id',
      columns: {
        id: { sql: `(a.adam_id || '.' || a.pricing_param)`, type: 'text' },
        adamId: { sql: 'a.adam_id', type: 'text' },
        pricingParam: { sql: 'a.pricing_param', type: 'text' },
        productType: { sql: `(a.facts ->> 'productType')`, type: 'text' },
      },
    },
    query,
  )
}
