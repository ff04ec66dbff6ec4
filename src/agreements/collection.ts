import type { Catalog, ItemId } from '#catalog/catalog.ts'
import type { Transaction } from '#database/handles.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import { type By, recordChange } from './change.ts'

/**
 * The tenant's own choice for one item: an optional one on or off, and how exactly it may be used. A choice
 * can only make an item less exact (P6); a precision the item does not offer is refused.
 */
export async function chooseCollection(
  tx: Transaction,
  catalog: Catalog,
  choice: { itemId: ItemId; on: boolean; precision?: string },
  by: By,
): Promise<Refusal | undefined> {
  const item = catalog.items.get(choice.itemId)
  if (!item) return refuse('item_unclassified', { item: choice.itemId })
  if (item.need === 'never' && choice.on) return refuse('item_never', { item: item.id })
  const { precision } = choice
  if (
    precision !== undefined &&
    precision !== 'withheld' &&
    !(item.precisions as readonly string[]).includes(precision)
  ) {
    return refuse('policy_denied', { item: item.id, expected: item.precisions, came: precision })
  }
  await tx.change(
    `insert into collection_choices (tenant_id, item_id, is_on, precision, changed_by, changed_at)
     values ($1, $2, $3, $4, $5, $6)
     on conflict (tenant_id, item_id) do update set is_on = $3, precision = $4, changed_by = $5, changed_at = $6`,
    [tx.tenantId, item.id, choice.on, precision ?? null, by.actor, new Date(by.at)],
  )
  await recordChange(tx, by, 'collection.changed', {
    item: item.id,
    on: choice.on,
    precision: precision ?? null,
  })
  return undefined
}
