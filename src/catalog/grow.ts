import type { Catalog, DataItem, FlowId, FlowItem, ItemId } from './catalog.ts'

/** A catalog with one more item in one flow, as a newer version would ship it. The given one is untouched. */
export function withFlowItem(
  catalog: Catalog,
  flowId: FlowId,
  item: DataItem,
  flowItem: FlowItem,
): Catalog {
  const flow = flowOf(catalog, flowId)
  return {
    ...catalog,
    items: new Map(catalog.items).set(item.id, item),
    flows: new Map(catalog.flows).set(flowId, { ...flow, items: [...flow.items, flowItem] }),
  }
}

/** A catalog in which the flow does not know the item yet, as an older version shipped it. */
export function withoutFlowItem(catalog: Catalog, flowId: FlowId, item: ItemId): Catalog {
  const flow = flowOf(catalog, flowId)
  return {
    ...catalog,
    flows: new Map(catalog.flows).set(flowId, {
      ...flow,
      items: flow.items.filter((row) => row.item !== item),
    }),
  }
}

function flowOf(catalog: Catalog, flowId: FlowId) {
  const flow = catalog.flows.get(flowId)
  if (!flow) throw new RangeError(`no flow ${flowId} in the catalog`)
  return flow
}
