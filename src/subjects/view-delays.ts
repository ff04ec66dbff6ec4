import type { Reader, Transaction } from '#database/handles.ts'
import { isUuid } from '#foundation/ids.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import { entriesAt } from '#ledger/list-entries.ts'
import { findEntry } from '#ledger/read.ts'
import type { By } from './parts.ts'
import { recordRights } from './record-rights.ts'

const DAY_IN_MS = 86_400_000
const USUAL_DAYS = 30

/** How long a tenant lets an investigation keep a look back; no more than 90 days. */
export async function readLookDelayDays(reader: Reader): Promise<number> {
  const [row] = await reader.rows<{ days: number }>(
    'select look_delay_days as days from rights_settings where tenant_id = $1',
    [reader.tenantId],
  )
  return row?.days ?? USUAL_DAYS
}

/** Sets it, from 0 (never) to 90 days. What is kept back already stays no longer than the new limit. */
export async function changeLookDelayDays(tx: Transaction, days: number, by: By): Promise<void> {
  await tx.change(
    `insert into rights_settings (tenant_id, look_delay_days, changed_by, changed_at) values ($1, $2, $3, $4)
     on conflict (tenant_id) do update set look_delay_days = $2, changed_by = $3, changed_at = $4`,
    [tx.tenantId, days, by.actor, new Date(by.at)],
  )
  await tx.change(
    `update rights_look_delays set until_at = least(until_at, delayed_at + make_interval(days => $2::int))
      where tenant_id = $1`,
    [tx.tenantId, days],
  )
  await recordRights(tx, 'rights.settings', by, { lookDelayDays: days })
}

/**
 * Keeps a look from its person until a date, at most as long after the look as the tenant lets anybody; then it is
 * told by itself. It is counted meanwhile, and that it is kept back is an entry. Nobody keeps back their own look, and
 * a date that was set never moves out.
 *
 * @returns `not_found` for what is no look, `look_delay_own`, `look_delay_too_long`
 */
export async function delayLook(
  tx: Transaction,
  entryId: string,
  until: number,
  by: By,
): Promise<true | Refusal> {
  const place = isUuid(entryId) ? await findEntry(tx, entryId) : undefined
  const [entry] = place === undefined ? [] : await entriesAt(tx, [place])
  if (entry?.kind !== 'read' && entry?.kind !== 'reveal') return refuse('not_found')
  if (entry.actor === by.actor) return refuse('look_delay_own', { entry: entryId })
  const most = Date.parse(entry.at) + (await readLookDelayDays(tx)) * DAY_IN_MS
  if (until > most) return refuse('look_delay_too_long', { entry: entryId })
  await tx.change(
    `insert into rights_look_delays (tenant_id, entry_id, until_at, delayed_by, delayed_at)
     values ($1, $2, $3, $4, $5)
     on conflict (tenant_id, entry_id) do update set until_at = least(rights_look_delays.until_at, excluded.until_at)`,
    [tx.tenantId, entryId, new Date(until), by.actor, new Date(by.at)],
  )
  await recordRights(tx, 'rights.delayed', by, { entry: entryId, until: toTimestamp(until) })
  return true
}

/** Which of these looks are kept back at the time. */
export async function hiddenLooks(
  reader: Reader,
  entryIds: readonly string[],
  now: number,
): Promise<ReadonlySet<string>> {
  if (entryIds.length === 0) return new Set()
  const rows = await reader.rows<{ id: string }>(
    'select entry_id as id from rights_look_delays where tenant_id = $1 and entry_id = any($2::uuid[]) and until_at > $3',
    [reader.tenantId, entryIds, new Date(now)],
  )
  return new Set(rows.map((row) => row.id))
}
