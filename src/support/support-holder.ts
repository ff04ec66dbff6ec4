import { grantsOverRecords } from '#access/grants-over-records.ts'
import { recordIdsOf } from '#records/match-person.ts'
import type { Reader, Transaction } from '#database/handles.ts'
import type { HeldRecord, PersonalDataHolder } from '#foundation/personal-data-holder.ts'

interface Row {
  readonly request_id: string
  readonly case_id: string
  readonly purpose: string
  readonly precision: string
  readonly items: readonly string[]
  readonly state: string
  readonly created_at: Date
}

/** Why a text that somebody wrote about their work is not the person's to read. */
const OTHERS_WORDS = 'freeTextOfOthers'

/**
 * In which support cases the person's records were opened, or which cases the account worked on. What staff wrote in
 * them may be about others, and stays out.
 */
export function supportHolder(): PersonalDataHolder<Reader, Transaction> {
  const select = async (reader: Reader, subjectId: string): Promise<readonly Row[]> => {
    const grants = await grantsOverRecords(reader, await recordIdsOf(reader, subjectId))
    return reader.rows<Row>(
      `select request_id, case_id, purpose, precision, items, state, created_at from support_requests
        where tenant_id = $1 and (request_id = any($2::uuid[]) or decided_by = $3)
       union all
       select emergency_id, case_id, purpose, precision, items, 'emergency', asked_at from support_emergencies
        where tenant_id = $1 and grant_id = any($4::uuid[])
       order by 1`,
      [
        reader.tenantId,
        grants.map((grant) => grant.requestId),
        `admin:${subjectId}`,
        grants.map((grant) => grant.grantId),
      ],
    )
  }
  const cases = (reader: Reader, accountId: string) =>
    reader.rows<{ case_id: string; opened_at: Date }>(
      'select case_id, opened_at from support_cases where tenant_id = $1 and opened_by = $2 order by case_id',
      [reader.tenantId, `admin:${accountId}`],
    )
  const exportFor = async (reader: Reader, subjectId: string): Promise<readonly HeldRecord[]> => [
    ...(await select(reader, subjectId)).map((row) => ({
      recordId: row.request_id,
      kind: 'supportAccess',
      source: 'organisation',
      since: row.created_at.getTime(),
      items: {
        'support.case': row.case_id,
        'support.purpose': row.purpose,
        'support.precision': row.precision,
        'support.items': row.items.join(', '),
        'support.state': row.state,
      },
      cut: { 'support.reason': OTHERS_WORDS },
    })),
    ...(await cases(reader, subjectId)).map((row) => ({
      recordId: row.case_id,
      kind: 'supportCase',
      source: 'organisation',
      since: row.opened_at.getTime(),
      items: { 'support.case': row.case_id },
      cut: { 'support.title': OTHERS_WORDS, 'support.reference': OTHERS_WORDS },
    })),
  ]
  return {
    holder: 'support',
    find: async (reader, subjectId) =>
      (await exportFor(reader, subjectId)).map((one) => ({ ...one, items: {} })),
    exportFor,
    // What was asked and answered stays evidence; it holds ids of records that are gone with their subject.
    erase: async () => 0,
  }
}
