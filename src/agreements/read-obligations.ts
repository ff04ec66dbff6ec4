import type { Reader } from '#database/handles.ts'
import type { Obligation } from './obligation.ts'

/** Where obligations stand, for whoever opened many of them. */
export interface ObligationState {
  readonly state: Obligation['state']
  readonly dueAt: Date
  readonly evidenceHash: string | null
}

/** The obligations of these ids, in one statement. */
export async function readObligations(
  reader: Reader,
  obligationIds: readonly string[],
): Promise<ReadonlyMap<string, ObligationState>> {
  const rows = await reader.rows<ObligationState & { id: string }>(
    `select obligation_id as id, due_at as "dueAt", evidence_hash as "evidenceHash",
            case when state = 'open' and overdue_at is not null then 'overdue' else state end as state
       from obligations where tenant_id = $1 and obligation_id = any($2::uuid[])`,
    [reader.tenantId, obligationIds],
  )
  return new Map(rows.map(({ id, ...rest }) => [id, rest]))
}
