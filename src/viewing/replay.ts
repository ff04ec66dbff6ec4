import type { Grant } from '#access/grants.ts'
import type { ItemId } from '#catalog/catalog.ts'
import type { Reader } from '#database/handles.ts'
import type { Keys } from '#keys/keys.ts'
import type { PlacedEntry } from '#ledger/list-entries.ts'
import { recordsWithSubjects } from '#records/list-records.ts'

/** One look under a grant, as its entry tells it, with the records found again by their commitments. */
export interface GrantView {
  readonly entryId: string
  /** Place in the tenant's log, so that it can be proved. */
  readonly index: number
  readonly at: string
  readonly kind: 'read' | 'reveal'
  readonly actor: string
  readonly recordIds: readonly string[]
  /** Records that cannot be named any more, because their subject was erased. */
  readonly erased: number
  readonly exact: readonly ItemId[]
  readonly masked: Readonly<Record<ItemId, string>>
}

interface ReadData {
  readonly kind?: string
  readonly records: readonly { connection: string; subjects: readonly string[] }[]
  readonly shown: { readonly exact: readonly ItemId[]; readonly masked: Record<ItemId, string> }
}

/** Only the tenant has the keys that make the commitments again; a grant's records are known, so it need not search. */
export async function resolveViews(
  reader: Reader,
  keys: Keys,
  grant: Grant,
  entries: readonly PlacedEntry[],
): Promise<readonly GrantView[]> {
  const records = await recordsWithSubjects(reader, grant.records)
  const commitments = await keys.subjectCommitments(
    reader,
    records.map((record) => record.subjectId),
  )
  const byCommitment = new Map(
    records.map((record) => [
      nameOf(record.kind, record.connectionId, commitments.get(record.subjectId) ?? ''),
      record.recordId,
    ]),
  )
  return entries.map((entry) => {
    const data = entry.data as unknown as ReadData
    const found = data.records.flatMap(({ connection, subjects }) =>
      subjects.map((subject) => byCommitment.get(nameOf(data.kind ?? '', connection, subject))),
    )
    const recordIds = found.filter((id) => id !== undefined)
    return {
      entryId: entry.id,
      index: entry.index,
      at: entry.at,
      kind: entry.kind === 'reveal' ? 'reveal' : 'read',
      actor: entry.actor,
      recordIds,
      erased: found.length - recordIds.length,
      exact: data.shown.exact,
      masked: data.shown.masked,
    }
  })
}

function nameOf(kind: string, connection: string, commitment: string): string {
  return `${kind} ${connection} ${commitment}`
}
