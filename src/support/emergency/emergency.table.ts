import type { Reader, Transaction } from '#database/handles.ts'
import type { ListSource } from '#database/list.ts'
import type { Emergency } from '../emergency.ts'

const COLUMNS = `tenant_id, emergency_id, case_id, asker, asker_marks, asked_at, expires_at, scope, items, precision, purpose,
  duration_ms, reason, opened_by, opener_marks, opened_at, grant_id, sealed_id, operator_review_by, operator_reviewed_at,
  tenant_review_by, tenant_reviewed_at`

export interface EmergencyRow {
  readonly tenant_id: string
  readonly emergency_id: string
  readonly case_id: string
  readonly asker: string
  readonly asker_marks: readonly string[]
  readonly asked_at: Date
  readonly expires_at: Date
  readonly scope: Buffer
  readonly items: readonly string[]
  readonly precision: 'exact' | 'masked'
  readonly purpose: string
  readonly duration_ms: number | string
  readonly reason: Buffer
  readonly opened_by: string | null
  readonly opener_marks: readonly string[]
  readonly opened_at: Date | null
  readonly grant_id: string | null
  readonly sealed_id: string | null
  readonly operator_review_by: string | null
  readonly operator_reviewed_at: Date | null
  readonly tenant_review_by: string | null
  readonly tenant_reviewed_at: Date | null
}

export function toEmergency(row: EmergencyRow): Emergency {
  return {
    emergencyId: row.emergency_id,
    tenantId: row.tenant_id,
    caseId: row.case_id,
    asker: row.asker,
    items: row.items,
    precision: row.precision,
    purpose: row.purpose,
    durationMs: Number(row.duration_ms),
    askedAt: row.asked_at.getTime(),
    expiresAt: row.expires_at.getTime(),
    openedBy: row.opened_by ?? undefined,
    openedAt: row.opened_at?.getTime(),
    grantId: row.grant_id ?? undefined,
    sealedId: row.sealed_id ?? undefined,
    operatorReviewedAt: row.operator_reviewed_at?.getTime(),
    tenantReviewedAt: row.tenant_reviewed_at?.getTime(),
  }
}

/** One emergency, held until the caller's commit. */
export async function lockEmergency(
  tx: Transaction,
  emergencyId: string,
): Promise<EmergencyRow | undefined> {
  const [row] = await tx.rows<EmergencyRow>(
    `select ${COLUMNS} from support_emergencies where tenant_id = $1 and emergency_id = $2 for no key update`,
    [tx.tenantId, emergencyId],
  )
  return row
}

export async function selectEmergency(
  reader: Reader,
  emergencyId: string,
): Promise<EmergencyRow | undefined> {
  const [row] = await reader.rows<EmergencyRow>(
    `select ${COLUMNS} from support_emergencies where tenant_id = $1 and emergency_id = $2`,
    [reader.tenantId, emergencyId],
  )
  return row
}

/** Emergencies of the tenant that were opened and that one side has not reviewed yet. */
export async function selectUnreviewed(reader: Reader): Promise<readonly Emergency[]> {
  const rows = await reader.rows<EmergencyRow>(
    `select ${COLUMNS} from support_emergencies where tenant_id = $1 and opened_at is not null
        and (operator_reviewed_at is null or tenant_reviewed_at is null) order by opened_at`,
    [reader.tenantId],
  )
  return rows.map(toEmergency)
}

const LIST_COLUMNS: ListSource['columns'] = {
  id: { sql: 'emergency_id', type: 'uuid' },
  caseId: { sql: 'case_id', type: 'uuid' },
  operatorId: { sql: 'asker', type: 'uuid' },
  createdDateTime: { sql: 'asked_at', type: 'timestamptz' },
  openedDateTime: { sql: 'opened_at', type: 'timestamptz' },
}

/** The tenant's emergencies, for `listPage` with rows of `EmergencyRow`: only those that were opened. */
export function emergencyRows(reader: Reader): ListSource {
  return {
    select: COLUMNS,
    from: 'support_emergencies where tenant_id = $1 and opened_at is not null',
    values: [reader.tenantId],
    columns: LIST_COLUMNS,
    key: 'id',
  }
}
