import type { DataItem, FlowItem, ItemId } from '../catalog.ts'

/** What a row says that its item does not. */
interface Says extends Pick<FlowItem, 'source' | 'why'> {
  /** How the protocol spells it; else the item's title. */
  readonly says?: string
  readonly protocolKey?: string
  /** Whether a row of an item that is collected only where the tenant chose it says so. */
  readonly marksOptional?: boolean
}

/**
 * A row that is known from the protocol itself, not from a published table. How it is classed is what its item is.
 *
 * @throws Error for an item that is not among them: a table of ours names one that is not there
 */
export function protocolRow(
  items: ReadonlyMap<ItemId, DataItem>,
  id: ItemId,
  { source, says, why, protocolKey, marksOptional = false }: Says,
): FlowItem {
  const item = items.get(id)
  if (!item) throw new Error(`no item ${id} for ${source}`)
  return {
    item: id,
    source,
    status: 'protocol',
    class: item.class,
    personal: item.personal,
    secret: item.secret,
    ...(marksOptional && item.need === 'optional' ? { optional: true } : {}),
    says: says ?? item.title,
    why,
    ...(protocolKey === undefined ? {} : { protocolKey }),
  }
}
