import type { Reader, Transaction } from '#database/handles.ts'
import type { HeldRecord, PersonalDataHolder } from '#foundation/personal-data-holder.ts'

interface Row {
  readonly id: string
  readonly kind: string
  readonly at: Date
}

/** What somebody agreed to on behalf of the tenant; a subject is an account's id. */
export function actorHolder(): PersonalDataHolder<Reader, Transaction> {
  const select = (reader: Reader, accountId: string): Promise<readonly Row[]> =>
    reader.rows<Row>(
      `select id, kind, at from (
         select consent_id::text as id, 'consent' as kind, given_at as at from consents
          where tenant_id = $1 and given_by = $2
         union all select permission_id::text, 'permission', given_at from permissions
          where tenant_id = $1 and given_by = $2
         union all select approval_id::text, 'approval', given_at from approvals
          where tenant_id = $1 and given_by = $2
         union all select contract_id::text, 'contract', valid_from from contracts
          where tenant_id = $1 and recorded_by = $2
         union all select item_id, 'collectionChoice', changed_at from collection_choices
          where tenant_id = $1 and changed_by = $2
         union all select obligation_id::text, 'obligation', opened_at from obligations
          where tenant_id = $1 and opened_by = $2) a
        order by kind, id`,
      [reader.tenantId, `admin:${accountId}`],
    )
  const held = (row: Row): HeldRecord => ({ recordId: row.id, kind: row.kind, items: {} })
  return {
    holder: 'agreements',
    find: async (reader, accountId) => (await select(reader, accountId)).map(held),
    exportFor: async (reader, accountId) =>
      (await select(reader, accountId)).map((row) => ({
        ...held(row),
        source: 'organisation',
        since: row.at.getTime(),
        items: { [`${row.kind}.recordedBy`]: accountId },
      })),
    // Who agreed stays evidence by an id that stands for nobody once the account is erased.
    erase: async () => 0,
  }
}
