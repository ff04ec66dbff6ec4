import { RETENTION } from '#catalog/retention.ts'
import type { Reader, Transaction } from '#database/handles.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { countRemovedByDay, subjectsRemovedBy } from '#records/people.ts'
import { askForErasure } from './erase.ts'
import type { By } from './erasure.ts'
import { subjectsUnderWay } from './erasure.table.ts'
import { recordRights } from './record-rights.ts'

const DAY_IN_MS = 86_400_000
/** Most that one commit asks for. */
const STEP = 500
/** Erasing takes its turn: it is asked for so long before the last day of the rule. */
const AHEAD_IN_MS = DAY_IN_MS

/** The rule for what its party removed: a device that was reset or taken out, a person who was. */
const REMOVED_RULE = 'retention.factory-reset'

function daysOf(ruleId: string): number {
  const days = RETENTION.find(({ id }) => id === ruleId)?.deleteWithinDays
  if (days === undefined) throw new RangeError(`no rule ${ruleId} that deletes`)
  return days
}

/**
 * Asks for the erasure of everybody of whom nothing is left but removed records, before their rule's days are over. The
 * erasures prove what went; this entry says how many were asked for, under which rule.
 *
 * @returns how many; none means that there are no more
 */
export async function endRetention(tx: Transaction, by: By): Promise<number> {
  const before = by.at - daysOf(REMOVED_RULE) * DAY_IN_MS + AHEAD_IN_MS
  const limits = { except: await subjectsUnderWay(tx), limit: STEP }
  const ids = await subjectsRemovedBy(tx, before, limits)
  const dueAt = by.at + AHEAD_IN_MS
  for (const id of ids)
    await askForErasure(tx, { trigger: 'factoryReset', subjectIds: [id], dueAt }, by)
  const asked = ids.length
  if (asked > 0)
    await recordRights(tx, 'retention.applied', by, { rule: REMOVED_RULE, subjects: asked })
  return asked
}

/** What goes when, and by which rule. Counts only. */
export interface Forecast {
  /** UTC, `2030-01-31`. */
  readonly day: string
  readonly rule: string
  readonly subjects: number
}

/** What will go by itself, by the day on which it is gone at the latest; what a hold keeps is not taken off. */
export async function forecastRetention(reader: Reader): Promise<readonly Forecast[]> {
  const days = daysOf(REMOVED_RULE)
  const removed = (await countRemovedByDay(reader)).map(({ day, subjects }) => ({
    day: toTimestamp(Date.parse(`${day}T00:00:00Z`) + days * DAY_IN_MS).slice(0, 10),
    rule: REMOVED_RULE,
    subjects,
  }))
  const asked = await reader.rows<{ day: string; trigger: string; subjects: number }>(
    `select to_char(e.due_at at time zone 'UTC', 'YYYY-MM-DD') as day, e.trigger, count(*) as subjects
       from erasures e join erasure_subjects s on s.tenant_id = e.tenant_id and s.erasure_id = e.erasure_id
      where e.tenant_id = $1 and e.state in ('waiting', 'keysDestroyed') and e.trigger <> 'factoryReset'
      group by 1, 2 order by 1, 2`,
    [reader.tenantId],
  )
  return [
    ...removed,
    ...asked.map(({ day, trigger, subjects }) => ({
      day,
      rule: `erasure.${trigger}`,
      subjects: Number(subjects),
    })),
  ].toSorted((one, other) => (one.day < other.day ? -1 : one.day > other.day ? 1 : 0))
}
