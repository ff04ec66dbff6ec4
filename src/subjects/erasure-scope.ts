import type { Reader } from '#database/handles.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import { subjectsOfRecords } from '#records/people.ts'

/**
 * Whom an erasure or a hold is about, by the records that somebody points at.
 *
 * @returns `record_unknown` where one of them is not there
 */
export async function subjectsBehind(
  reader: Reader,
  recordIds: readonly string[],
): Promise<readonly string[] | Refusal> {
  for (const id of recordIds)
    if ((await subjectsOfRecords(reader, [id])).length === 0)
      return refuse('record_unknown', { record: id })
  return subjectsOfRecords(reader, recordIds)
}
