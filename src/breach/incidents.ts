import { actorOf } from '#access/principal.ts'
import { readAccount } from '#access/account.ts'
import { INSTALLATION } from '#database/handles.ts'
import { newId } from '#foundation/ids.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import { addToIncident, changing } from './change-incident.ts'
import { type Criterion, criterionRefusal } from './criterion.ts'
import { type Ground, type Impact, type IncidentClass, PHASES, type Phase } from './incident.ts'
import { type Incident, insertIncident, readIncident } from './incident.table.ts'
import { type BreachParts, type By, isReason, isSamePerson } from './parts.ts'
import { addToTimeline, hasDecision } from './timeline.ts'

export const DUTIES = [
  'lead',
  'responder',
  'engineer',
  'communications',
  'legal',
  'executive',
] as const
export type Duty = (typeof DUTIES)[number]

/** `keysSafe` lets unreadable data be left out of the scope; `postMortem` is what closing needs. */
export const DECISIONS = ['general', 'keysSafe', 'noNotice', 'postMortem'] as const
export type DecisionKind = (typeof DECISIONS)[number]

type Answer = Promise<Incident | Refusal>

/** Opens a record. That something was detected is no judgement yet, and no clock runs. */
export async function openIncident(
  parts: BreachParts,
  given: { readonly title: string; readonly detectedAt?: number | undefined },
  by: By,
): Answer {
  const incidentId = newId()
  const { now } = by
  const actor = actorOf(by.principal)
  // What is detected tomorrow is a slip of a clock or of a time zone.
  const detectedAt = given.detectedAt ?? now
  if (detectedAt > now) return refuse('query_invalid', { field: 'detectedDateTime' })
  return parts.database.write(INSTALLATION, async (tx) => {
    const made = { incidentId, title: given.title, detectedAt, openedBy: actor, openedAt: now }
    await insertIncident(tx, parts.keys, made)
    await addToTimeline(tx, parts.keys, incidentId, {
      kind: 'opened',
      entry: 'incident.opened',
      by: { actor, now },
      at: detectedAt,
      about: { detected: toTimestamp(detectedAt) },
    })
    return (await readIncident(tx, parts.keys, incidentId)) as Incident
  })
}

/** To the next phase, or back to an earlier one with a reason. */
export function moveTo(
  parts: BreachParts,
  incidentId: string,
  given: { readonly phase: Phase; readonly reason?: string | undefined },
  by: By,
): Answer {
  const { phase, reason } = given
  return changing(parts, incidentId, by, (incident) => ({
    event: { event: 'moveTo', phase, hasReason: isReason(reason) },
    kind: 'moved',
    entry: 'incident.moved',
    about: {
      from: incident.phase,
      to: phase,
      back: PHASES.indexOf(phase) < PHASES.indexOf(incident.phase),
    },
    note: reason,
  }))
}

/** What kind of event it is, and what it did to information. */
export function classify(
  parts: BreachParts,
  incidentId: string,
  given: { readonly class: IncidentClass; readonly impact: Impact; readonly reason: string },
  by: By,
): Answer {
  const { class: to, impact, reason } = given
  if (!isReason(reason)) return Promise.resolve(refuse('reason_too_thin'))
  return changing(parts, incidentId, by, (incident) => ({
    event: { event: 'classify', class: to, impact },
    kind: 'classified',
    entry: 'incident.changed',
    about: { from: incident.class, to, impact },
    note: reason,
  }))
}

/**
 * Declares a customer-reportable security incident on a stated ground. The operator's 72 hours start now: at the
 * declaration, whenever it was detected.
 */
export function declare(
  parts: BreachParts,
  incidentId: string,
  given: {
    readonly ground: Ground
    readonly statement: string
    readonly class: 'customerReportable' | 'privacyBreach'
  },
  by: By,
): Answer {
  const { ground, statement } = given
  if (!isReason(statement)) return Promise.resolve(refuse('reason_too_thin'))
  const { accountId, personMarks: marks } = by.principal
  return changing(parts, incidentId, by, () => ({
    event: { event: 'declare', class: given.class },
    kind: 'declared',
    entry: 'incident.declared',
    about: { ground, class: given.class },
    note: statement,
    over: { declared: { at: by.now, accountId, marks, ground } },
  }))
}

/** Something that happened, at the time it happened. */
export function addNote(
  parts: BreachParts,
  incidentId: string,
  given: { readonly text: string; readonly at?: number | undefined },
  by: By,
): Promise<string | Refusal> {
  if ((given.at ?? by.now) > by.now)
    return Promise.resolve(refuse('query_invalid', { field: 'eventDateTime' }))
  return addToIncident(parts, incidentId, by, (_, __, tell) =>
    tell({ kind: 'noted', entry: 'incident.changed', at: given.at, note: given.text }),
  )
}

/** A decision and why it was taken. A post-mortem is one, and needs the incident to be in its last phase. */
export async function addDecision(
  parts: BreachParts,
  incidentId: string,
  given: { readonly kind: DecisionKind; readonly text: string; readonly reason: string },
  by: By,
): Promise<string | Refusal> {
  const { kind: decision, text, reason } = given
  if (!isReason(reason)) return refuse('reason_too_thin')
  const note = `${text}\n\n${reason}`
  const event = { kind: 'decided', entry: 'incident.decided', about: { decision }, note } as const
  if (decision !== 'postMortem')
    return addToIncident(parts, incidentId, by, (_, __, tell) => tell(event))
  const changed = await changing(parts, incidentId, by, () => ({
    ...event,
    event: { event: 'postMortem' },
  }))
  return isRefusal(changed) ? changed : changed.incidentId
}

/** People are accounts of the operator; each has a duty, and somebody may have several. */
export function addPerson(
  parts: BreachParts,
  incidentId: string,
  given: { readonly accountId: string; readonly duty: Duty },
  by: By,
): Promise<true | Refusal> {
  const { accountId, duty } = given
  return addToIncident(parts, incidentId, by, async (tx, _, tell) => {
    if (!(await readAccount(tx, accountId)))
      return refuse('account_unknown', { account: accountId })
    const made = await tx.change(
      `insert into breach_people (tenant_id, incident_id, account_id, duty, added_at) values ($1, $2, $3, $4, $5)
       on conflict do nothing`,
      [tx.tenantId, incidentId, accountId, duty, new Date(by.now)],
    )
    const about = { account: accountId, duty }
    if (made === 1) await tell({ kind: 'personAdded', entry: 'incident.changed', about })
    return true
  })
}

export function removePerson(
  parts: BreachParts,
  incidentId: string,
  given: { readonly accountId: string; readonly duty: Duty },
  by: By,
): Promise<true | Refusal> {
  const { accountId, duty } = given
  return addToIncident<true>(parts, incidentId, by, async (tx, _, tell) => {
    const gone = await tx.change(
      'delete from breach_people where tenant_id = $1 and incident_id = $2 and account_id = $3 and duty = $4',
      [tx.tenantId, incidentId, accountId, duty],
    )
    const about = { account: accountId, duty }
    if (gone === 1) await tell({ kind: 'personRemoved', entry: 'incident.changed', about })
    return true
  })
}

/**
 * Says what the scope begins from. Where not all was readable to the holder, it names the decision of this record that
 * the keys are safe.
 *
 * @returns id of the criterion
 */
export function addCriterion(
  parts: BreachParts,
  incidentId: string,
  criterion: Criterion,
  by: By,
): Promise<string | Refusal> {
  const refusal = criterionRefusal(criterion)
  if (refusal) return Promise.resolve(refusal)
  const decision = criterion.keysSafeDecision
  return addToIncident(parts, incidentId, by, async (tx, _, tell) => {
    if (decision !== undefined && !(await hasDecision(tx, incidentId, decision, 'keysSafe')))
      return refuse('keys_not_confirmed', { decision })
    const criterionId = newId()
    await tx.change(
      `insert into breach_criteria (tenant_id, incident_id, criterion_id, criterion, added_by, added_at)
       values ($1, $2, $3, $4, $5, $6)`,
      [
        tx.tenantId,
        incidentId,
        criterionId,
        JSON.stringify(criterion),
        actorOf(by.principal),
        new Date(by.now),
      ],
    )
    const { kind, name, from, to, readable } = criterion
    const about = {
      criterion: criterionId,
      by: kind,
      ...(name === undefined ? {} : { name }),
      from: toTimestamp(from),
      to: toTimestamp(to),
      readable,
    }
    await tell({ kind: 'criterionAdded', entry: 'incident.changed', about })
    return criterionId
  })
}

export function removeCriterion(
  parts: BreachParts,
  incidentId: string,
  criterionId: string,
  reason: string,
  by: By,
): Promise<true | Refusal> {
  if (!isReason(reason)) return Promise.resolve(refuse('reason_too_thin'))
  return addToIncident(parts, incidentId, by, async (tx, _, tell) => {
    const gone = await tx.change(
      `update breach_criteria set removed_at = $4
        where tenant_id = $1 and incident_id = $2 and criterion_id = $3 and removed_at is null`,
      [tx.tenantId, incidentId, criterionId, new Date(by.now)],
    )
    if (gone === 0) return refuse('not_found', { criterion: criterionId })
    const about = { criterion: criterionId }
    await tell({ kind: 'criterionRemoved', entry: 'incident.changed', about, note: reason })
    return true
  })
}

/** Takes a declaration back, because it was wrong. Somebody else than who declared it does. */
export function retract(parts: BreachParts, incidentId: string, reason: string, by: By): Answer {
  if (!isReason(reason)) return Promise.resolve(refuse('reason_too_thin'))
  return changing(parts, incidentId, by, (incident) => {
    if (incident.declared && isSamePerson(by.principal, incident.declared))
      return refuse('self_approval', { incident: incidentId })
    return {
      event: { event: 'retract' },
      kind: 'retracted',
      entry: 'incident.retracted',
      note: reason,
      over: { endedAt: by.now },
    }
  })
}

/** Needs the last phase, a judgement, a post-mortem and, where it was declared, a scope. */
export function close(parts: BreachParts, incidentId: string, by: By): Answer {
  return changing(parts, incidentId, by, () => ({
    event: { event: 'close' },
    kind: 'closed',
    entry: 'incident.changed',
    over: { endedAt: by.now },
  }))
}

export function reopen(parts: BreachParts, incidentId: string, reason: string, by: By): Answer {
  return changing(parts, incidentId, by, () => ({
    event: { event: 'reopen', hasReason: isReason(reason) },
    kind: 'reopened',
    entry: 'incident.changed',
    note: reason,
    over: { endedAt: undefined },
  }))
}
