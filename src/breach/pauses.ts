import { INSTALLATION, type Reader } from '#database/handles.ts'
import { newId } from '#foundation/ids.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import { addToIncident } from './change-incident.ts'
import { type ClockReading, declarationClock } from './clock.ts'
import type { Incident } from './incident.table.ts'
import { type BreachParts, type By, isReason, isSamePerson } from './parts.ts'

/** Facts: process.md section 3. Notice would raise the risk for others, or legal and executive cleared another case. */
export const EXCEPTIONS = ['tipOff', 'clearedByLegal'] as const
export type ClockException = (typeof EXCEPTIONS)[number]

const HOUR_IN_MS = 3_600_000

export interface RecordedPause {
  readonly pauseId: string
  readonly exception: ClockException
  readonly askedBy: string
  readonly askedAt: number
  readonly hours: number
  /** Undefined while it waits for a second person: then the clock goes on. */
  readonly cleared:
    | { readonly accountId: string; readonly from: number; readonly until: number }
    | undefined
}

/** Asks for the clock to stand still, for at most 72 hours. It does not, until somebody else has cleared it. */
export function askPause(
  parts: BreachParts,
  incidentId: string,
  given: { readonly exception: ClockException; readonly hours: number; readonly reason: string },
  by: By,
): Promise<string | Refusal> {
  const { exception, hours, reason } = given
  if (!isReason(reason)) return Promise.resolve(refuse('reason_too_thin'))
  return addToIncident(parts, incidentId, by, async (tx, incident, tell) => {
    if (!incident.declared) return refuse('incident_state', { declared: false })
    const pauseId = newId()
    const { accountId, personMarks } = by.principal
    await tx.change(
      `insert into breach_pauses (tenant_id, incident_id, pause_id, exception, asked_by, asker_marks, asked_at, hours)
       values ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [
        tx.tenantId,
        incidentId,
        pauseId,
        exception,
        accountId,
        personMarks,
        new Date(by.now),
        hours,
      ],
    )
    const about = { pause: pauseId, exception, hours }
    await tell({ kind: 'pauseAsked', entry: 'incident.clock', about, note: reason })
    return pauseId
  })
}

/** A second person clears the exception: the clock stands still from now. */
export function clearPause(
  parts: BreachParts,
  incidentId: string,
  pauseId: string,
  by: By,
): Promise<true | Refusal> {
  return addToIncident(parts, incidentId, by, async (tx, _, tell) => {
    const [asked] = await tx.rows<{ asked_by: string; asker_marks: string[]; hours: number }>(
      `select asked_by, asker_marks, hours from breach_pauses
        where tenant_id = $1 and incident_id = $2 and pause_id = $3 and cleared_by is null for update`,
      [tx.tenantId, incidentId, pauseId],
    )
    if (!asked) return refuse('pause_unknown', { pause: pauseId })
    const asker = { accountId: asked.asked_by, marks: asked.asker_marks }
    if (isSamePerson(by.principal, asker)) return refuse('self_approval', { pause: pauseId })
    const until = by.now + asked.hours * HOUR_IN_MS
    await tx.change(
      `update breach_pauses set cleared_by = $4, from_at = $5, until_at = $6
        where tenant_id = $1 and incident_id = $2 and pause_id = $3`,
      [tx.tenantId, incidentId, pauseId, by.principal.accountId, new Date(by.now), new Date(until)],
    )
    const about = { pause: pauseId, until: toTimestamp(until) }
    await tell({ kind: 'pauseCleared', entry: 'incident.clock', about })
    return true
  })
}

/** The clock goes on at once. Anybody who works on the incident may say so. */
export function endPause(
  parts: BreachParts,
  incidentId: string,
  pauseId: string,
  by: By,
): Promise<true | Refusal> {
  return addToIncident(parts, incidentId, by, async (tx, _, tell) => {
    const ended = await tx.change(
      `update breach_pauses set until_at = greatest(from_at, $4)
        where tenant_id = $1 and incident_id = $2 and pause_id = $3 and until_at > $4`,
      [tx.tenantId, incidentId, pauseId, new Date(by.now)],
    )
    if (ended === 0) return refuse('pause_unknown', { pause: pauseId })
    await tell({ kind: 'pauseEnded', entry: 'incident.clock', about: { pause: pauseId } })
    return true
  })
}

export async function readPauses(
  reader: Reader,
  incidentId: string,
): Promise<readonly RecordedPause[]> {
  const rows = await reader.rows<{
    pause_id: string
    exception: ClockException
    asked_by: string
    asked_at: Date
    hours: number
    cleared_by: string | null
    from_at: Date | null
    until_at: Date | null
  }>(
    `select pause_id, exception, asked_by, asked_at, hours, cleared_by, from_at, until_at from breach_pauses
      where tenant_id = $1 and incident_id = $2 order by asked_at, pause_id`,
    [INSTALLATION, incidentId],
  )
  return rows.map((row) => ({
    pauseId: row.pause_id,
    exception: row.exception,
    askedBy: row.asked_by,
    askedAt: row.asked_at.getTime(),
    hours: row.hours,
    cleared:
      row.cleared_by && row.from_at && row.until_at
        ? {
            accountId: row.cleared_by,
            from: row.from_at.getTime(),
            until: row.until_at.getTime(),
          }
        : undefined,
  }))
}

/** The operator's 72 hours; undefined before the declaration. */
export async function clockOf(
  reader: Reader,
  incident: Pick<Incident, 'incidentId' | 'declared'>,
  now: number,
): Promise<ClockReading | undefined> {
  if (!incident.declared) return undefined
  const pauses = await readPauses(reader, incident.incidentId)
  const cleared = pauses.flatMap((pause) => (pause.cleared ? [pause.cleared] : []))
  return declarationClock(incident.declared.at, cleared, now)
}
