import type { ItemId } from '#catalog/catalog.ts'
import type { Transaction } from '#database/handles.ts'
import { newId } from '#foundation/ids.ts'
import type { Keys } from '#keys/keys.ts'
import type { KeepBatch, MinimisedRecord } from './keep.ts'
import type { Merged } from './merge.ts'
import { createBlinds } from './record-index.ts'

/** A value of an item that identifies the subject, and another one that is of the same subject. */
export interface SubjectName {
  readonly item: ItemId
  readonly value: string
  readonly other?: { readonly item: ItemId; readonly value: string } | undefined
}

/** A record as it is kept, not unsealed yet. */
export interface Kept {
  readonly id: string
  readonly clear: MinimisedRecord
  readonly sealed: Buffer
  readonly merged: Merged
  readonly removed: boolean
  /** Whether all that it holds is in the index. */
  readonly indexed: boolean
}

export interface Opened {
  readonly subject: string
  readonly kept: Kept | undefined
}

type Row = { readonly place: number; readonly subject: string; readonly fresh: boolean } & (
  | Kept
  | { readonly sealed: null }
)

/**
 * Finds the subjects of names and what is kept of them, and holds both until the commit; in one statement where all
 * are known. Subjects that nobody knew are made, with their keys. A device that one party knows by one id and another
 * by another is one subject from the event on that has both.
 *
 * @returns for each name, in order; names of one subject have the very same answer
 */
export async function openRecords(
  tx: Transaction,
  keys: Keys,
  { connectionId, kind }: Pick<KeepBatch, 'connectionId' | 'kind'>,
  names: readonly SubjectName[],
): Promise<readonly Opened[]> {
  const blind = createBlinds(tx, keys)
  const distinct = new Map<string, SubjectName>()
  for (const name of names) distinct.set(wordsOf(name), name)
  const asked = [...distinct.values()]
  const blinds: string[] = []
  const others: (string | null)[] = []
  for (const { item, value, other } of asked) {
    blinds.push(await blind(item, value))
    others.push(other ? await blind(other.item, other.value) : null)
  }
  const rows = await tx.rows<Row>('select * from sluss_records_open($1, $2, $3, $4, $5, $6, $7)', [
    connectionId,
    kind,
    asked.map((name) => name.item),
    blinds,
    asked.map((name) => name.other?.item ?? null),
    others,
    asked.map(newId),
  ])
  const fresh = rows.filter((row) => row.fresh).map((row) => row.subject)
  if (fresh.length > 0) await keys.createSubjectKeys(tx, [...new Set(fresh)].sort())
  await keys.loadSubjectKeys(
    tx,
    rows.map((row) => row.subject),
  )
  return inOrderOf(names, [...distinct.keys()], rows)
}

function inOrderOf(
  names: readonly SubjectName[],
  asked: readonly string[],
  rows: readonly Row[],
): readonly Opened[] {
  const bySubject = new Map<string, Opened>()
  const byName = new Map<string, Opened>()
  for (const row of rows) {
    const { subject } = row
    const opened = bySubject.get(subject) ?? {
      subject,
      kept: row.sealed === null ? undefined : row,
    }
    bySubject.set(subject, opened)
    byName.set(asked[row.place - 1] ?? '', opened)
  }
  return names.map((name) => {
    const opened = byName.get(wordsOf(name))
    if (!opened) throw new Error('a name has no subject')
    return opened
  })
}

const wordsOf = ({ item, value, other }: SubjectName): string =>
  JSON.stringify([item, value, other?.item, other?.value])
