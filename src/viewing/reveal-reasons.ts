import type { Reader, Transaction } from '#database/handles.ts'
import type { PersonalDataHolder } from '#foundation/personal-data-holder.ts'
import type { Keys } from '#keys/keys.ts'

/** Fewer characters say nothing. */
export const LEAST_REASON = 10

/** Whether a stated reason is one at all: long enough, and not one key held down. */
export function isReason(text: string): boolean {
  const words = text.trim()
  return words.length >= LEAST_REASON && new Set(words.replaceAll(/\s/g, '')).size >= 4
}

/** Keeps the reason sealed under the key of the person it is about, in the commit of its entry. */
export async function keepReason(
  tx: Transaction,
  keys: Keys,
  entryId: string,
  subjectId: string,
  reason: string,
): Promise<void> {
  const sealed = await keys.sealFor(tx, subjectId, `reveal/${entryId}`, Buffer.from(reason))
  await tx.change(
    'insert into reveal_reasons (tenant_id, entry_id, subject_id, sealed) values ($1, $2, $3, $4)',
    [tx.tenantId, entryId, subjectId, sealed],
  )
}

interface Row {
  entry_id: string
  subject_id: string
  sealed: Buffer
}

/** Reasons by the id of their entry; those of erased people are gone. */
export async function readReasons(
  reader: Reader,
  keys: Keys,
  entryIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const rows = await reader.rows<Row>(
    'select entry_id, subject_id, sealed from reveal_reasons where tenant_id = $1 and entry_id = any($2::uuid[])',
    [reader.tenantId, entryIds],
  )
  return openAll(reader, keys, rows)
}

/** What this room keeps about people, for their rights. */
export function revealReasonHolder(keys: Keys): PersonalDataHolder<Reader, Transaction> {
  const bySubject = (reader: Reader, subjectId: string): Promise<readonly Row[]> =>
    reader.rows<Row>(
      'select entry_id, subject_id, sealed from reveal_reasons where tenant_id = $1 and subject_id = $2 order by entry_id',
      [reader.tenantId, subjectId],
    )
  return {
    holder: 'viewing',
    find: async (reader, subjectId) =>
      (await bySubject(reader, subjectId)).map((row) => ({
        recordId: row.entry_id,
        kind: 'revealReason',
        items: {},
      })),
    exportFor: async (reader, subjectId) => {
      const reasons = await openAll(reader, keys, await bySubject(reader, subjectId))
      return [...reasons].map(([recordId, reason]) => ({
        recordId,
        kind: 'revealReason',
        items: { reason },
      }))
    },
    erase: (tx, subjectId) =>
      tx.change('delete from reveal_reasons where tenant_id = $1 and subject_id = $2', [
        tx.tenantId,
        subjectId,
      ]),
  }
}

async function openAll(
  reader: Reader,
  keys: Keys,
  rows: readonly Row[],
): Promise<ReadonlyMap<string, string>> {
  await keys.loadSubjectKeys(
    reader,
    rows.map((row) => row.subject_id),
  )
  const opened = await Promise.all(
    rows.map(async (row) => {
      const context = `reveal/${row.entry_id}`
      const text = await keys.openFor(reader, row.subject_id, context, row.sealed)
      return [row.entry_id, text.toString()] as const
    }),
  )
  return new Map(opened)
}
