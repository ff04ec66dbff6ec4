import type { Reader, Transaction } from '#database/handles.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import { actorOf } from '#access/principal.ts'
import type { By } from './parts.ts'
import { record } from './record.ts'

/** What a tenant chose for support access. */
export interface SupportSettings {
  /** A request without an answer dies after so many hours: 1 to 96. */
  readonly answerHours: number
  /** When the time of an access begins. */
  readonly starts: 'approval' | 'firstUse'
  /** An approved access that nobody used is gone after so many hours: 1 to 168. */
  readonly lapseHours: number
}

export const DEFAULT_SETTINGS: SupportSettings = {
  answerHours: 12,
  starts: 'approval',
  lapseHours: 24,
}

export async function readSupportSettings(reader: Reader): Promise<SupportSettings> {
  const [row] = await reader.rows<SupportSettings>(
    `select answer_hours as "answerHours", starts, lapse_hours as "lapseHours"
       from support_settings where tenant_id = $1`,
    [reader.tenantId],
  )
  return row ?? DEFAULT_SETTINGS
}

/**
 * Holds for what is asked and approved from now on; requests and accesses that are there stay as they are.
 *
 * @returns `query_invalid` for hours out of bounds
 */
export async function changeSupportSettings(
  tx: Transaction,
  change: Partial<SupportSettings>,
  by: By,
): Promise<SupportSettings | Refusal> {
  const next = { ...(await readSupportSettings(tx)), ...change }
  const fits = (hours: number, most: number): boolean =>
    Number.isInteger(hours) && hours >= 1 && hours <= most
  if (!fits(next.answerHours, 96)) return refuse('query_invalid', { answerHours: '1 to 96' })
  if (!fits(next.lapseHours, 168)) return refuse('query_invalid', { lapseHours: '1 to 168' })
  const actor = actorOf(by.principal)
  await tx.change(
    `insert into support_settings (tenant_id, answer_hours, starts, lapse_hours, changed_by, changed_at)
     values ($1, $2, $3, $4, $5, $6) on conflict (tenant_id) do update
       set answer_hours = $2, starts = $3, lapse_hours = $4, changed_by = $5, changed_at = $6`,
    [tx.tenantId, next.answerHours, next.starts, next.lapseHours, actor, new Date(by.now)],
  )
  await record(tx, 'support.settings', actor, by.now, { ...next })
  return next
}
