import type { DataItem, FlowItem, ItemId } from '../catalog.ts'
import { APPLE_MDM_KEYS } from './apple-mdm-key-rows.ts'

/** Protocol rows of what managed devices report: every key that is kept as an item, each item's rows together. */
export function mdmRows(items: ReadonlyMap<ItemId, DataItem>): readonly FlowItem[] {
  return Object.entries(APPLE_MDM_KEYS).flatMap(([file, keys]) =>
    Object.entries(keys).flatMap(([key, classed]) => {
      const id = classed.split(':')[0] ?? ''
      if (!id.includes('.') || id.startsWith('never.')) return []
      const item = items.get(id)
      if (!item) throw new Error(`no item ${id} for ${key}`)
      return [rowOf(item, file.split(' ')[0] ?? '', key)]
    }),
  )
}

function rowOf(item: DataItem, file: string, key: string): FlowItem {
  const name = key.split('.').at(-1) ?? key
  return {
    item: item.id,
    source: `protocol:apple_mdm.${file}.${key}`,
    status: 'protocol',
    class: item.class,
    personal: item.personal,
    secret: item.secret,
    ...(item.need === 'optional' ? { optional: true } : {}),
    says: name,
    why: 'Reported by managed devices to the management server',
    protocolKey: name,
  }
}
