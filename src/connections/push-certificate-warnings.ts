import { type Database, INSTALLATION, type Transaction } from '#database/handles.ts'
import { tenantIds } from '#tenants/tenant.ts'

/** Days before its end at which a push certificate is warned of; without it no device can be reached any more. */
export const WARN_DAYS = [30, 14, 7, 1] as const
const DAY_IN_MS = 86_400_000

export interface PushCertificateWarning {
  readonly connectionId: string
  /** Whole days that are left, rounded up; 0 when it has ended. */
  readonly daysLeft: number
  readonly expiresAt: number
}

/** Called in the commit that notes the warning as given: a notice queued here is sent exactly once. */
export type WarnTenant = (tx: Transaction, warning: PushCertificateWarning) => Promise<void>

/**
 * Warns every tenant whose push certificate ends soon, once at each of `WARN_DAYS` and once when it has ended. Days
 * that were missed while no node ran are warned of once. Stopped halfway and run again, it goes on where it stopped.
 *
 * @param now milliseconds since 1970
 * @returns how many warnings were given
 */
export async function warnOfPushCertificates(
  database: Database,
  now: number,
  warn: WarnTenant,
): Promise<number> {
  let given = 0
  for (const tenantId of await database.read(INSTALLATION, tenantIds))
    given += await database.write(tenantId, (tx) => warnOne(tx, now, warn))
  return given
}

async function warnOne(tx: Transaction, now: number, warn: WarnTenant): Promise<number> {
  const rows = await tx.rows<{ id: string; ends: Date; warned: number | null }>(
    `select p.connection_id as id, p.expires_at as ends, p.warned_days as warned
       from push_certificates p join connections c using (tenant_id, connection_id)
      where p.tenant_id = $1 and c.credentials is not null and p.expires_at <= $2 for update of p`,
    [tx.tenantId, new Date(now + WARN_DAYS[0] * DAY_IN_MS)],
  )
  let given = 0
  for (const { id, ends, warned } of rows) {
    const step = dueStep(ends.getTime(), now)
    if (step === undefined || (warned !== null && warned <= step)) continue
    await tx.change(
      'update push_certificates set warned_days = $3 where tenant_id = $1 and connection_id = $2',
      [tx.tenantId, id, step],
    )
    const daysLeft = Math.max(0, Math.ceil((ends.getTime() - now) / DAY_IN_MS))
    await warn(tx, { connectionId: id, daysLeft, expiresAt: ends.getTime() })
    given++
  }
  return given
}

/** The smallest of the steps that has been reached; 0 when the certificate has ended. */
export function dueStep(expiresAt: number, now: number): number | undefined {
  if (expiresAt <= now) return 0
  return WARN_DAYS.findLast((days) => expiresAt - now <= days * DAY_IN_MS)
}
