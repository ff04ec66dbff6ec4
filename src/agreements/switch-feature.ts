import type { Catalog, FeatureId } from '#catalog/catalog.ts'
import type { Transaction } from '#database/handles.ts'
import { type By, recordChange } from './change.ts'

/** Turns a feature of the tenant on or off. On alone shares nothing: its flows wait for consent. */
export async function switchFeature(
  tx: Transaction,
  catalog: Catalog,
  featureId: FeatureId,
  on: boolean,
  by: By,
): Promise<void> {
  if (!catalog.features.has(featureId)) throw new RangeError('no such feature')
  await tx.change(
    `insert into features (tenant_id, feature_id, is_on, changed_by, changed_at) values ($1, $2, $3, $4, $5)
     on conflict (tenant_id, feature_id) do update set is_on = $3, changed_by = $4, changed_at = $5`,
    [tx.tenantId, featureId, on, by.actor, new Date(by.at)],
  )
  await recordChange(tx, by, 'feature.changed', { feature: featureId, on })
}
