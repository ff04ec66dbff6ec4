import type { DataItem, FlowItem, ItemId } from '../catalog.ts'
import { APPLE_MDM_KEYS } from './apple-mdm-key-rows.ts'
import { protocolRow } from './protocol-row.ts'

/** Protocol rows of what managed devices report: every key that is kept as an item, each item's rows together. */
export function mdmRows(items: ReadonlyMap<ItemId, DataItem>): readonly FlowItem[] {
  return Object.entries(APPLE_MDM_KEYS).flatMap(([file, keys]) =>
    Object.entries(keys).flatMap(([key, classed]) => {
      const id = classed.split(':')[0] ?? ''
      if (!id.includes('.') || id.startsWith('never.')) return []
      return [rowOf(id, file.split(' ')[0] ?? '', key, items)]
    }),
  )
}

function rowOf(
  id: ItemId,
  file: string,
  key: string,
  items: ReadonlyMap<ItemId, DataItem>,
): FlowItem {
  const name = key.split('.').at(-1) ?? key
  return protocolRow(items, id, {
    source: `protocol:apple_mdm.${file}.${key}`,
    marksOptional: true,
    says: name,
    why: 'Reported by managed devices to the management server',
    protocolKey: name,
  })
}
