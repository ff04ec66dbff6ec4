import type { Catalog, ItemId } from '#catalog/catalog.ts'
import type { Precision } from '#catalog/precision.ts'
import type { Transaction } from '#database/handles.ts'
import type { Keys } from '#keys/keys.ts'
import type { MinimisedRecord, RecordKind } from './keep.ts'
import { type Kept, type Opened, openRecords } from './open-records.ts'
import { contextOf } from './sealed.ts'
import { type WrittenRecord, writeRecords } from './write-records.ts'

/** Events that add to what is kept of records, in the order in which they came. */
export interface MergeBatch {
  readonly connectionId: string
  readonly kind: RecordKind
  readonly records: readonly MergedRecord[]
  /**
   * How exactly each item may be kept now. Of what was kept before, the rest goes with the next event, and so does
   * what was kept more exactly than now.
   */
  readonly allowed: ReadonlyMap<ItemId, Precision>
  /** Milliseconds since 1970. */
  readonly now: number
}

export interface MergedRecord {
  /** The item that identifies the subject, and its value. */
  readonly subjectItem: ItemId
  readonly subject: string
  /** Another item that identifies the subject, where the record has it. */
  readonly alsoKnownBy?: ItemId | undefined
  readonly items: MinimisedRecord
  readonly removed: boolean
  /** Events of one section replace each other. */
  readonly section: string
  /** When the event happened, in milliseconds since 1970. */
  readonly at: number
}

export interface Merged {
  readonly newest: Readonly<Record<string, number>>
  readonly precisions: Readonly<Record<ItemId, Precision>>
}

/** The section under which it is kept when a record was removed. */
const REMOVED = '(removed)'

/** A record while events are added to it, in memory. */
interface State {
  readonly before: WrittenRecord['before']
  items: MinimisedRecord
  removed: boolean
  merged: Merged
  exists: boolean
  changed: boolean
}

/**
 * Keeps records that come in parts: what is kept of a record stays, but for the items that the event brings anew.
 * An event that is older than the newest of its section, or than the removal of the record, changes nothing; nor
 * does a removal that is older than anything kept. So events may come in any order, and on several nodes at once.
 * A record is opened and written once, however many events of it there are.
 *
 * @returns the subject of each event in their order; undefined for one that changed nothing
 */
export async function mergeRecords(
  tx: Transaction,
  keys: Keys,
  catalog: Catalog,
  batch: MergeBatch,
): Promise<readonly (string | undefined)[]> {
  const { connectionId, kind, records, allowed, now } = batch
  if (records.length === 0) return []
  const names = records.map((record) => nameOf(record, allowed))
  const opened = await openRecords(tx, keys, batch, names)
  const states = new Map<Opened, State>()
  for (const one of new Set(opened)) states.set(one, await stateOf(tx, keys, batch, one))
  const precisions = coarse(allowed)
  const applied = records.map((record, i) => {
    const one = opened[i]
    const state = one && states.get(one)
    return state && apply(state, record, allowed, precisions) ? one.subject : undefined
  })
  const written = [...states].flatMap(([{ subject }, state]): WrittenRecord[] =>
    state.changed ? [{ subject, ...state }] : [],
  )
  await writeRecords(tx, keys, catalog, { connectionId, kind, now, replaces: true }, written)
  return applied
}

/** A device that is known by its serial number from elsewhere is known by its other id from now on too. */
function nameOf(
  { subjectItem, subject, alsoKnownBy: item, items }: MergedRecord,
  allowed: MergeBatch['allowed'],
) {
  const value = item === undefined || allowed.get(item) !== 'exact' ? undefined : items[item]
  const other = item !== undefined && typeof value === 'string' ? { item, value } : undefined
  return { item: subjectItem, value: subject, other }
}

async function stateOf(
  tx: Transaction,
  keys: Keys,
  { kind, connectionId }: MergeBatch,
  { subject, kept }: Opened,
): Promise<State> {
  const items = kept ? await unseal(tx, keys, contextOf(kind, connectionId), subject, kept) : {}
  return {
    // A record that was removed, or is older than the index, is not in it.
    before: kept?.indexed && !kept.removed ? { id: kept.id, items } : undefined,
    items,
    removed: kept?.removed ?? false,
    merged: kept?.merged ?? { newest: {}, precisions: {} },
    exists: kept !== undefined,
    changed: false,
  }
}

async function unseal(
  tx: Transaction,
  keys: Keys,
  context: string,
  subject: string,
  { clear, sealed }: Kept,
): Promise<MinimisedRecord> {
  const opened = (await keys.openFor(tx, subject, context, sealed)).toString()
  return { ...clear, ...(JSON.parse(opened) as MinimisedRecord) }
}

/** Adds one event; false for one that comes too late. */
function apply(
  state: State,
  record: MergedRecord,
  allowed: MergeBatch['allowed'],
  precisions: Merged['precisions'],
): boolean {
  const { newest } = state.merged
  if (isLate(newest, record)) return false
  const section = record.removed ? REMOVED : record.section
  // What a removed record held goes with its retention, exactly as it was.
  const stays = record.removed && state.exists
  if (!stays) state.items = { ...mayStay(state, allowed, precisions), ...record.items }
  state.merged = {
    newest: { ...newest, [section]: record.at },
    precisions: stays ? state.merged.precisions : precisions,
  }
  state.removed = record.removed
  state.exists = true
  state.changed = true
  return true
}

function mayStay(
  { items, merged }: State,
  allowed: MergeBatch['allowed'],
  now: Merged['precisions'],
): MinimisedRecord {
  if (merged.precisions === now) return items
  return Object.fromEntries(
    Object.entries(items).filter(([item]) => {
      const precision = allowed.get(item)
      return precision === 'exact' || (precision && precision === merged.precisions[item])
    }),
  )
}

function coarse(allowed: ReadonlyMap<ItemId, Precision>): Record<ItemId, Precision> {
  return Object.fromEntries([...allowed].filter(([, precision]) => precision !== 'exact'))
}

function isLate(
  newest: Readonly<Record<string, number>>,
  { section, at, removed }: MergedRecord,
): boolean {
  if (removed) return Object.values(newest).some((known) => known > at)
  return Math.max(newest[section] ?? 0, newest[REMOVED] ?? 0) > at
}
