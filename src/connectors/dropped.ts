import type { ItemId } from '#catalog/catalog.ts'

/** Under which member of a flat record what is dropped for an item is counted. */
export function dropped(item: ItemId): string {
  return `- ${item}`
}

/** Counts one more that is dropped: a list with a 1 for each, and never a value. */
export function countDropped(
  record: Record<string, string | number | boolean | number[]>,
  item: ItemId,
): void {
  const member = dropped(item)
  const ones = record[member]
  if (Array.isArray(ones)) ones.push(1)
  else record[member] = [1]
}
