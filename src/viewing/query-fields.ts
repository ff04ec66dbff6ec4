import type { DataItem } from '#catalog/catalog.ts'
import { isLookedUp } from '#records/record-index.ts'
import { isSealed } from '#records/sealed.ts'

/** How a list can be asked about an item. */
export interface ItemQueries {
  readonly filter: boolean
  readonly sort: boolean
  readonly whyNot?: string
}

/** Plain items by any condition, sealed identifiers by equality, free text and secrets not at all. */
export function queriesOf(item: DataItem): ItemQueries {
  if (!isSealed(item)) return { filter: true, sort: true }
  if (isLookedUp(item))
    return { filter: true, sort: false, whyNot: 'it is sealed, and found by equality only' }
  return { filter: false, sort: false, whyNot: 'it is sealed, and not looked up by' }
}
