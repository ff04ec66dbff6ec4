import type { Catalog, ItemId } from '#catalog/catalog.ts'
import type { Transaction } from '#database/handles.ts'
import { newOrderedId } from '#foundation/ids.ts'
import type { Keys } from '#keys/keys.ts'
import type { KeepBatch, MinimisedRecord } from './keep.ts'
import type { Merged } from './merge.ts'
import { type Blind, createBlinds, isLookedUp } from './record-index.ts'
import { contextOf, isSealed } from './sealed.ts'

/** What a record is to hold from now on. */
export interface WrittenRecord {
  readonly subject: string
  readonly items: MinimisedRecord
  readonly removed: boolean
  /** What it holds now, with all of that in the index. What is equal is not written again. */
  readonly before?: { readonly id: string; readonly items: MinimisedRecord } | undefined
  /** Of records that come in parts. */
  readonly merged?: Merged
}

/**
 * Writes records and their index in one statement. The keys of the subjects are loaded, and no two records are of one
 * subject. `replaces`: a record that is removed does not keep what it held, but holds what is given.
 */
export async function writeRecords(
  tx: Transaction,
  keys: Keys,
  catalog: Catalog,
  place: Pick<KeepBatch, 'connectionId' | 'kind' | 'now'> & { readonly replaces: boolean },
  records: readonly WrittenRecord[],
): Promise<void> {
  if (records.length === 0) return
  const blind = createBlinds(tx, keys)
  const touched: unknown[] = []
  const changed: unknown[] = []
  const index: Index = { added: [], gone: [], whole: [] }
  for (const record of records) {
    const { subject, items, removed, merged, before } = record
    const row = { subject, removed, ...(merged ? { merged } : {}) }
    if (before && isSame(before.items, items)) {
      touched.push(row)
      continue
    }
    const sealed = await seal(tx, keys, catalog, place, record)
    changed.push({ id: newOrderedId(place.now), ...row, ...sealed })
    if (!removed) await addToIndex(index, catalog, blind, record)
  }
  await tx.rows('select sluss_records_close($1, $2, $3, $4, $5, $6, $7, $8, $9)', [
    place.connectionId,
    place.kind,
    new Date(place.now),
    place.replaces,
    JSON.stringify(touched),
    JSON.stringify(changed),
    JSON.stringify(index.added),
    JSON.stringify(index.gone),
    JSON.stringify(index.whole),
  ])
}

interface Index {
  readonly added: { subject: string; item: ItemId; blind: string }[]
  readonly gone: { id: string; item: ItemId; blind: string }[]
  /** Records of which it is not known what of them is in the index. */
  readonly whole: { subject: string; blinds: readonly string[] }[]
}

async function addToIndex(
  { added, gone, whole }: Index,
  catalog: Catalog,
  blind: Blind,
  { subject, items, before }: WrittenRecord,
): Promise<void> {
  const fresh = await blindsOf(items, before?.items ?? {}, catalog, blind)
  for (const one of fresh) added.push({ subject, ...one })
  if (!before) {
    whole.push({ subject, blinds: fresh.map((one) => one.blind) })
    return
  }
  for (const one of await blindsOf(before.items, items, catalog, blind))
    gone.push({ id: before.id, ...one })
}

/** What is looked up of a record, but for what the other one has as well. */
async function blindsOf(
  items: MinimisedRecord,
  other: MinimisedRecord,
  catalog: Catalog,
  blind: Blind,
): Promise<readonly { item: ItemId; blind: string }[]> {
  const found: { item: ItemId; blind: string }[] = []
  for (const [item, value] of Object.entries(items))
    if (value !== other[item] && typeof value !== 'boolean' && isLookedUp(catalog.items.get(item)))
      found.push({ item, blind: await blind(item, String(value)) })
  return found
}

/** Plain facts in clear; what names or reaches a person, or identifies a device, under the subject's key. */
async function seal(
  tx: Transaction,
  keys: Keys,
  catalog: Catalog,
  { kind, connectionId }: Pick<KeepBatch, 'connectionId' | 'kind'>,
  { subject, items }: WrittenRecord,
): Promise<{ clear: MinimisedRecord; sealed: string; items: readonly ItemId[] }> {
  const sealed: Record<string, string | number | boolean> = {}
  const clear: Record<string, string | number | boolean> = {}
  for (const [id, value] of Object.entries(items)) {
    const item = catalog.items.get(id)
    if (!item || isSealed(item)) sealed[id] = value
    else clear[id] = value
  }
  const plain = Buffer.from(JSON.stringify(sealed))
  const bytes = await keys.sealFor(tx, subject, contextOf(kind, connectionId), plain)
  return { clear, sealed: bytes.toString('base64'), items: Object.keys(sealed) }
}

function isSame(one: MinimisedRecord, other: MinimisedRecord): boolean {
  const names = Object.keys(one)
  return (
    names.length === Object.keys(other).length && names.every((name) => one[name] === other[name])
  )
}
