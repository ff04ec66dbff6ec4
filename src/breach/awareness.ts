import { type Database, INSTALLATION, type Reader, type Transaction } from '#database/handles.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { type ClockReading, awarenessClock } from './clock.ts'
import { record } from './parts.ts'

/** By what a tenant knows: a message that was delivered, or somebody who said so. */
export type AwareHow = 'delivered' | 'acknowledged'

export interface Awareness {
  readonly tenantId: string
  readonly awareAt: number
  readonly how: AwareHow
  readonly clock: ClockReading
}

/**
 * Starts the tenant's own 72 hours, in the tenant's transaction that delivers or acknowledges. The earliest word counts:
 * a later one changes nothing, and an earlier one that comes to light moves the start back.
 *
 * @returns whether the start moved
 */
export async function recordAwareness(
  tx: Transaction,
  incidentId: string,
  word: { readonly how: AwareHow; readonly at: number },
  by: { readonly actor: string; readonly now: number },
): Promise<boolean> {
  const moved = await tx.change(
    `insert into breach_awareness (tenant_id, incident_id, aware_at, how) values ($1, $2, $3, $4)
     on conflict (tenant_id, incident_id) do update set aware_at = $3, how = $4
      where breach_awareness.aware_at > $3`,
    [tx.tenantId, incidentId, new Date(word.at), word.how],
  )
  if (moved === 0) return false
  const aware = { incident: incidentId, aware: toTimestamp(word.at), how: word.how }
  await record(tx, 'incident.aware', by, aware)
  return true
}

/** The tenant's own clock; undefined while it has not been reached. */
export async function awarenessOf(
  reader: Reader,
  incidentId: string,
  now: number,
): Promise<Awareness | undefined> {
  const [row] = await reader.rows<{ aware_at: Date; how: AwareHow }>(
    'select aware_at, how from breach_awareness where tenant_id = $1 and incident_id = $2',
    [reader.tenantId, incidentId],
  )
  return row && toAwareness(reader.tenantId, row, now)
}

/** The clocks of all tenants that were reached, for the operator: identifiers and times. */
export async function awarenessOfAll(
  database: Database,
  incidentId: string,
  now: number,
): Promise<ReadonlyMap<string, Awareness>> {
  const rows = await database.read(INSTALLATION, (reader) =>
    reader.rows<{ tenant_id: string; aware_at: Date; how: AwareHow }>(
      'select tenant_id, aware_at, how from sluss_breach_aware($1)',
      [incidentId],
    ),
  )
  return new Map(rows.map((row) => [row.tenant_id, toAwareness(row.tenant_id, row, now)]))
}

function toAwareness(
  tenantId: string,
  row: { readonly aware_at: Date; readonly how: AwareHow },
  now: number,
): Awareness {
  const awareAt = row.aware_at.getTime()
  return { tenantId, awareAt, how: row.how, clock: awarenessClock(awareAt, now) }
}
