import type { DataItem } from '#catalog/catalog.ts'

/** Sealed: what names or reaches a person, identifies a device, is a secret or free text about one. */
export function isSealed(item: DataItem): boolean {
  return (
    item.personal || item.secret || item.class === 'device-identifier' || item.class === 'person'
  )
}
