import type { Direction, FlowId, FlowItem, ItemClass, ItemId, Status } from '../catalog.ts'

interface Rest {
  readonly message?: string
  readonly group?: string
  readonly protocolKey?: string
  readonly example?: string
  readonly note?: string
  readonly status?: Status
  readonly optional?: boolean
  readonly secret?: boolean
  readonly sourceRow?: number
  readonly page?: string
  readonly enforcedDirection?: Direction
}

export interface Row {
  readonly flow: FlowId
  readonly flowItem: FlowItem
}

/** One published row: its id, the item it is, its flow, its spelling, how it is classed, why, and the rest. */
export function row(
  source: string,
  item: ItemId,
  flow: FlowId,
  says: string,
  itemClass: ItemClass,
  personal: boolean,
  why: string,
  rest: Rest,
): Row {
  return {
    flow,
    flowItem: {
      item,
      source,
      class: itemClass,
      personal,
      says,
      why,
      ...rest,
      status: rest.status ?? 'published',
    },
  }
}
