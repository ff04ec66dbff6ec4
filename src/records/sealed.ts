import type { DataItem } from '#catalog/catalog.ts'

/** Sealed: what names or reaches a person, identifies a device, is a secret or free text about one. */
export function isSealed(item: DataItem): boolean {
  return (
    item.personal || item.secret || item.class === 'device-identifier' || item.class === 'person'
  )
}

/** Where the sealed part of a record stands: authenticated with it, so that rows cannot be swapped. */
export function contextOf(kind: string, connectionId: string): string {
  return `record/${kind}/${connectionId}`
}
