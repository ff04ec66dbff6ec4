import type { ItemId } from '#catalog/catalog.ts'
import type { Reader } from '#database/handles.ts'
import type { ListSource } from '#database/list.ts'
import type { SupportParts } from './parts.ts'
import {
  type EmergencyRow,
  emergencyRows,
  selectEmergency,
  toEmergency,
} from './emergency/emergency.table.ts'

/** Access that two operators open without the customer, who is told at once. Times are milliseconds since 1970. */
export interface Emergency {
  readonly emergencyId: string
  readonly tenantId: string
  readonly caseId: string
  readonly asker: string
  readonly items: readonly ItemId[]
  readonly precision: 'exact' | 'masked'
  readonly purpose: string
  readonly durationMs: number
  readonly askedAt: number
  /** Unless a second operator opens it before, it is gone. */
  readonly expiresAt: number
  readonly openedBy: string | undefined
  readonly openedAt: number | undefined
  readonly grantId: string | undefined
  readonly sealedId: string | undefined
  readonly operatorReviewedAt: number | undefined
  readonly tenantReviewedAt: number | undefined
}

export const emergencyPlace = (emergencyId: string, field: string): string =>
  `support-emergency/${emergencyId}/${field}`

/** An emergency of the tenant and why it was asked for; undefined when there is none. */
export async function readEmergency(
  reader: Reader,
  parts: Pick<SupportParts, 'keys'>,
  emergencyId: string,
): Promise<(Emergency & { readonly reason: string }) | undefined> {
  const row = await selectEmergency(reader, emergencyId)
  if (!row) return undefined
  const place = emergencyPlace(emergencyId, 'reason')
  const reason = (await parts.keys.openForTenant(reader, place, row.reason)).toString()
  return { ...toEmergency(row), reason }
}

/** The tenant's opened emergencies, for `listPage`; hand its rows to `emergencyOf`. */
export function emergencyList(reader: Reader): ListSource {
  return emergencyRows(reader)
}

export type EmergencyListRow = EmergencyRow

export function emergencyOf(row: EmergencyListRow): Emergency {
  return toEmergency(row)
}

/** Emergencies across tenants, for the operator. Identifiers and dates only. */
export function emergenciesAcrossTenants(): ListSource {
  return {
    select: 'e.tenant_id, e.emergency_id',
    from: 'sluss_support_emergencies() as e where true',
    values: [],
    columns: {
      id: { sql: 'e.emergency_id', type: 'uuid' },
      tenantId: { sql: 'e.tenant_id', type: 'text' },
      createdDateTime: { sql: 'e.asked_at', type: 'timestamptz' },
    },
    key: 'id',
  }
}
