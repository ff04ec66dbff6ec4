import type { ItemId } from './catalog.ts'

/** How a record of a device fills an item that no record holds under that name. */
export interface Derived {
  readonly from: ItemId
  /** Only of records where this item is this value; where a record does not say, nothing is filled in. */
  readonly when: { readonly item: ItemId; readonly is: boolean }
}

/**
 * The app lists of Mobile Threat Defense, which the facts name by whose device it is (rows `App sync (iOS/iPadOS)`).
 * A table and no part of a description: whoever describes a party could else fill an item that was consented to with
 * one that was not.
 */
export const DERIVED: Readonly<Record<ItemId, Derived>> = {
  'app.applicationInventoryOfUnmanagedAppsOnCorporateDevices': {
    from: 'device.installedApps',
    when: { item: 'device.userEnrolment', is: false },
  },
  'app.applicationInventoryOfUnmanagedAppsOnPersonallyOwnedDevices': {
    from: 'device.installedApps',
    when: { item: 'device.userEnrolment', is: true },
  },
}

/** What a record says of an item: what it holds, or what is derived from it. */
export function valueOf(
  record: Readonly<Record<ItemId, unknown>>,
  item: ItemId,
): string | number | boolean | undefined {
  const derived = Object.hasOwn(DERIVED, item) ? DERIVED[item] : undefined
  if (derived && record[derived.when.item] !== derived.when.is) return undefined
  const value = record[derived?.from ?? item]
  return ['string', 'number', 'boolean'].includes(typeof value)
    ? (value as string | number | boolean)
    : undefined
}
