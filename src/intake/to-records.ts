import type { MinimisedRecord } from '#records/keep.ts'
import type { IntakeBatch } from './receive.ts'

/** Turns projected records from the party's keys into items. A record without its subject cannot be kept. */
export function toRecords(
  json: string | undefined,
  batch: Pick<IntakeBatch, 'shape' | 'subjectItem' | 'removal'>,
): { place: number; subject: string; items: MinimisedRecord; removed: boolean }[] {
  const projected = JSON.parse(json ?? '[]') as Record<string, unknown>[]
  const leaves = Object.entries(batch.shape.fields).flatMap(([key, part]) =>
    part.kind === 'leaf' ? [[key, part.item] as const] : [],
  )
  return projected.flatMap((record, place) => {
    const items: Record<string, string | number | boolean> = {}
    for (const [key, item] of leaves) {
      const value = record[key]
      if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
        items[item] = value
    }
    const subject = items[batch.subjectItem]
    if (typeof subject !== 'string') return []
    return [{ place, subject, items, removed: items[batch.removal.item] === batch.removal.word }]
  })
}
