import { INSTALLATION, type Reader } from '#database/handles.ts'
import type { Duty } from './incidents.ts'

export interface IncidentPerson {
  readonly accountId: string
  readonly duty: Duty
  readonly addedAt: number
}

/** Who works on the incident, by account. */
export async function listPeople(
  reader: Reader,
  incidentId: string,
): Promise<readonly IncidentPerson[]> {
  const rows = await reader.rows<{ account_id: string; duty: Duty; added_at: Date }>(
    `select account_id, duty, added_at from breach_people
      where tenant_id = $1 and incident_id = $2 order by added_at, account_id, duty`,
    [INSTALLATION, incidentId],
  )
  return rows.map((row) => ({
    accountId: row.account_id,
    duty: row.duty,
    addedAt: row.added_at.getTime(),
  }))
}
