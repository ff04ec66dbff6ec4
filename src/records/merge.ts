import type { Catalog, ItemId } from '#catalog/catalog.ts'
import type { Precision } from '#catalog/precision.ts'
import type { Transaction } from '#database/handles.ts'
import type { Keys } from '#keys/keys.ts'
import { type KeepBatch, type MinimisedRecord, keepRecords } from './keep.ts'
import { ensureSubjects, joinSubjects } from './subjects.ts'

/** Events that add to what is kept of records, at most one of each record. */
export interface MergeBatch extends KeepBatch {
  readonly records: readonly MergedRecord[]
  readonly merge: {
    /**
     * How exactly each item may be kept now. Of what was kept before, the rest goes with the next event, and so does
     * what was kept more exactly than now.
     */
    readonly allowed: ReadonlyMap<ItemId, Precision>
    /** Another item that identifies the subject, where a record has it. */
    readonly alsoKnownBy?: ItemId | undefined
  }
}

export interface MergedRecord {
  readonly subject: string
  readonly items: MinimisedRecord
  readonly removed: boolean
  /** Events of one section replace each other. */
  readonly section: string
  /** When the event happened, in milliseconds since 1970. */
  readonly at: number
}

/** The section under which it is kept when a record was removed. */
const REMOVED = '(removed)'

interface Kept {
  readonly subject_id: string
  readonly clear: Record<string, string | number | boolean>
  readonly sealed: Buffer
  readonly merged: Merged
}

interface Merged {
  readonly newest: Readonly<Record<string, number>>
  readonly precisions: Readonly<Record<ItemId, Precision>>
}

/**
 * Keeps records that come in parts: what is kept of a record stays, but for the items that the event brings anew.
 * An event that is older than the newest of its section, or than the removal of the record, changes nothing; nor
 * does a removal that is older than anything kept. So events may come in any order, and on several nodes at once.
 *
 * @returns the subjects whose records changed, with what the events brought to them
 */
export async function mergeRecords(
  tx: Transaction,
  keys: Keys,
  catalog: Catalog,
  batch: MergeBatch,
): Promise<readonly { readonly subject: string; readonly items: MinimisedRecord }[]> {
  const { connectionId, kind, subjectItem, records, merge } = batch
  if (records.length === 0) return []
  await joinNames(tx, keys, batch)
  const values = records.map((record) => record.subject)
  const subjects = await ensureSubjects(tx, keys, subjectItem, values)
  await lockSubjects(tx, connectionId, subjects)
  const kept = await readKept(tx, connectionId, kind, subjects)
  await keys.loadSubjectKeys(tx, subjects)
  const fresh: { subject: string; items: MinimisedRecord; removed: boolean }[] = []
  const changed: { subject: string; items: MinimisedRecord }[] = []
  const states: { subject: string; merged: Merged }[] = []
  for (const [i, record] of records.entries()) {
    const subject = subjects[i] ?? ''
    const old = kept.get(subject)
    if (old && isLate(old.merged.newest, record)) continue
    const before = old ? await itemsOf(tx, keys, batch, old) : {}
    changed.push({ subject, items: record.items })
    fresh.push({ ...record, items: { ...before, ...record.items } })
    const section = record.removed ? REMOVED : record.section
    const newest = { ...old?.merged.newest, [section]: record.at }
    states.push({ subject, merged: { newest, precisions: coarse(merge.allowed) } })
  }
  await keepRecords(tx, keys, catalog, { ...batch, records: fresh })
  await writeStates(tx, batch, states)
  return changed
}

/** A device that is known by its serial number from elsewhere is known by its other id from now on too. */
async function joinNames(tx: Transaction, keys: Keys, batch: MergeBatch): Promise<void> {
  const { alsoKnownBy: item, allowed } = batch.merge
  if (item === undefined || allowed.get(item) !== 'exact') return
  const pairs = batch.records.flatMap(({ subject, items }) => {
    const value = items[item]
    return typeof value === 'string' ? [[subject, value] as const] : []
  })
  await joinSubjects(tx, keys, batch.subjectItem, item, pairs)
}

function coarse(allowed: ReadonlyMap<ItemId, Precision>): Record<ItemId, Precision> {
  return Object.fromEntries([...allowed].filter(([, precision]) => precision !== 'exact'))
}

async function writeStates(
  tx: Transaction,
  { connectionId, kind }: MergeBatch,
  states: readonly { subject: string; merged: Merged }[],
): Promise<void> {
  await tx.change(
    `update records r set merged = n.merged
       from unnest($4::uuid[], $5::jsonb[]) as n (subject, merged)
      where r.tenant_id = $1 and r.connection_id = $2 and r.kind = $3 and r.subject_id = n.subject`,
    [
      tx.tenantId,
      connectionId,
      kind,
      states.map((one) => one.subject),
      states.map((one) => JSON.stringify(one.merged)),
    ],
  )
}

function isLate(
  newest: Readonly<Record<string, number>>,
  { section, at, removed }: MergedRecord,
): boolean {
  if (removed) return Object.values(newest).some((known) => known > at)
  return Math.max(newest[section] ?? 0, newest[REMOVED] ?? 0) > at
}

/** Two events of a subject that has no record yet must not both make one. In order, so that nobody waits in a ring. */
async function lockSubjects(
  tx: Transaction,
  connectionId: string,
  subjects: readonly string[],
): Promise<void> {
  const names = [...new Set(subjects)].sort()
  await tx.rows(
    'select pg_advisory_xact_lock(hashtextextended(n.name, 0)) from unnest($1::text[]) as n (name)',
    [names.map((subject) => `${tx.tenantId}/${connectionId}/${subject}`)],
  )
}

async function readKept(
  tx: Transaction,
  connectionId: string,
  kind: string,
  subjects: readonly string[],
): Promise<ReadonlyMap<string, Kept>> {
  const rows = await tx.rows<Kept>(
    `select subject_id, clear, sealed, merged from records
      where tenant_id = $1 and connection_id = $2 and kind = $3 and subject_id = any($4::uuid[]) for update`,
    [tx.tenantId, connectionId, kind, subjects],
  )
  return new Map(rows.map((row) => [row.subject_id, row]))
}

async function itemsOf(
  tx: Transaction,
  keys: Keys,
  { kind, connectionId, merge }: MergeBatch,
  { subject_id: subject, clear, sealed, merged }: Kept,
): Promise<MinimisedRecord> {
  const context = `record/${kind}/${connectionId}`
  const opened = JSON.parse(
    (await keys.openFor(tx, subject, context, sealed)).toString(),
  ) as MinimisedRecord
  return Object.fromEntries(
    Object.entries({ ...clear, ...opened }).filter(([item]) => {
      const precision = merge.allowed.get(item)
      return precision === 'exact' || (precision && precision === merged.precisions[item])
    }),
  )
}
