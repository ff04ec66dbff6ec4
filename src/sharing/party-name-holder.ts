import type { Reader, Transaction } from '#database/handles.ts'
import type { HeldRecord, PersonalDataHolder } from '#foundation/personal-data-holder.ts'

/** Under which pseudonyms parties know the person. */
export function partyNameHolder(): PersonalDataHolder<Reader, Transaction> {
  const select = (reader: Reader, subjectId: string) =>
    reader.rows<{ party_id: string; item_id: string; name: string }>(
      'select party_id, item_id, name from party_names where tenant_id = $1 and subject_id = $2 order by 1, 2, 3',
      [reader.tenantId, subjectId],
    )
  const exportFor = async (reader: Reader, subjectId: string): Promise<readonly HeldRecord[]> =>
    (await select(reader, subjectId)).map((row) => ({
      recordId: `${row.party_id}/${row.item_id}/${row.name}`,
      kind: 'partyName',
      source: row.party_id,
      items: { [row.item_id]: row.name },
      precisions: { [row.item_id]: 'pseudonym' },
    }))
  return {
    holder: 'sharing',
    find: async (reader, subjectId) =>
      (await exportFor(reader, subjectId)).map((one) => ({ ...one, items: {} })),
    exportFor,
    erase: (tx, subjectId) =>
      tx.change('delete from party_names where tenant_id = $1 and subject_id = $2', [
        tx.tenantId,
        subjectId,
      ]),
  }
}
