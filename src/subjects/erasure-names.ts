import type { Catalog, ItemId, PartyId } from '#catalog/catalog.ts'
import type { Reader, Transaction } from '#database/handles.ts'
import type { PersonalDataHolder } from '#foundation/personal-data-holder.ts'
import { isLookedUp } from '#records/record-index.ts'
import type { Eraser, NamesKnownTo } from './erasure.ts'

type Holder = PersonalDataHolder<Reader, Transaction>

/**
 * By which names a party can know people: values of identifying items that one of its flows carries to it. What it never
 * could get it is not told now.
 */
export function namesFromHolders(catalog: Catalog, holders: readonly Holder[]): NamesKnownTo {
  const itemsOf = (partyId: PartyId): ReadonlySet<ItemId> =>
    new Set(
      [...catalog.flows.values()]
        .filter((flow) => flow.party === partyId)
        .flatMap((flow) => flow.items.map(({ item }) => item))
        .filter((item) => isLookedUp(catalog.items.get(item))),
    )
  return async (reader, { partyId }, subjectIds) => {
    const items = itemsOf(partyId)
    const names = new Map<string, { item: ItemId; value: string }>()
    for (const holder of holders)
      for (const id of subjectIds)
        for (const record of await holder.exportFor(reader, id))
          for (const [item, value] of Object.entries(record.items))
            if (items.has(item) && typeof value === 'string')
              names.set(`${item} ${value}`, { item, value })
    return names.size === 0 ? undefined : { names: [...names.values()] }
  }
}

/** A holder as one that erases many: in bulk where it can, else one by one. */
export function eraserOf(holder: Holder): Eraser {
  const { eraseAll } = holder
  if (eraseAll) return { holder: holder.holder, inBulk: true, eraseAll }
  return {
    holder: holder.holder,
    inBulk: false,
    eraseAll: async (tx, subjectIds) => {
      let gone = 0
      for (const id of subjectIds) gone += await holder.erase(tx, id)
      return gone
    },
  }
}
