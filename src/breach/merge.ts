import { INSTALLATION, type Transaction } from '#database/handles.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import { changeIncident } from './change-incident.ts'
import { type Incident, readIncident } from './incident.table.ts'
import { type BreachParts, type By, isReason } from './parts.ts'

type Answer = Promise<Incident | Refusal>

/**
 * Two declarations of one event become one: `incidentId` ends, and `into` takes over its criteria, its people and the
 * earlier of the two declarations, since no clock gains time by a merge.
 */
export async function merge(
  parts: BreachParts,
  incidentId: string,
  given: { readonly into: string; readonly reason: string },
  by: By,
): Answer {
  const { into, reason } = given
  if (!isReason(reason)) return refuse('reason_too_thin')
  if (into === incidentId) return refuse('incident_state', { incident: into })
  return parts.database.write(INSTALLATION, async (tx) => {
    // In one order, so that two merges the other way round do not wait for each other.
    const found = new Map<string, Incident>()
    for (const id of [incidentId, into].toSorted()) {
      const incident = await readIncident(tx, parts.keys, id, 'for update')
      if (!incident) return refuse('incident_unknown', { incident: id })
      found.set(id, incident)
    }
    const target = found.get(into) as Incident
    // A false alarm cannot take over a declaration: first somebody judges it anew.
    const isFalse = target.class === 'falsePositive' && found.get(incidentId)?.declared
    if (target.state !== 'open' || isFalse) return refuse('incident_state', { incident: into })
    const ended = await changeIncident(tx, parts.keys, incidentId, by, () => ({
      event: { event: 'merge' },
      kind: 'merged',
      entry: 'incident.merged',
      about: { into },
      note: reason,
      over: { mergedInto: into, endedAt: by.now },
    }))
    if (isRefusal(ended)) return ended
    await takeOver(tx, incidentId, into)
    return takeDeclaration(tx, parts, ended, target, by)
  })
}

async function takeOver(tx: Transaction, from: string, into: string): Promise<void> {
  const values = [tx.tenantId, from, into]
  await tx.change(
    `insert into breach_criteria (tenant_id, incident_id, criterion_id, criterion, added_by, added_at, removed_at)
     select tenant_id, $3, criterion_id, criterion, added_by, added_at, removed_at from breach_criteria
      where tenant_id = $1 and incident_id = $2 on conflict do nothing`,
    values,
  )
  await tx.change(
    `insert into breach_people (tenant_id, incident_id, account_id, duty, added_at)
     select tenant_id, $3, account_id, duty, added_at from breach_people
      where tenant_id = $1 and incident_id = $2 on conflict do nothing`,
    values,
  )
}

/** The remaining one is declared if either was, from the earlier time, and keeps the graver class. */
async function takeDeclaration(
  tx: Transaction,
  parts: BreachParts,
  ended: Incident,
  target: Incident,
  by: By,
): Answer {
  const declarations = [ended.declared, target.declared].filter((one) => one !== undefined)
  const earliest = declarations.toSorted((a, b) => a.at - b.at)[0]
  const isPrivacy = [ended, target].some((one) => one.class === 'privacyBreach')
  const to = earliest && (isPrivacy ? 'privacyBreach' : 'customerReportable')
  const event =
    to && !target.declared
      ? ({ event: 'declare', class: to } as const)
      : ({ event: 'classify', class: to ?? target.class, impact: target.impact } as const)
  const about = {
    from: ended.incidentId,
    ...(earliest ? { declared: toTimestamp(earliest.at) } : {}),
  }
  return changeIncident(tx, parts.keys, target.incidentId, by, () => ({
    event,
    kind: 'mergedHere',
    entry: 'incident.merged',
    about,
    ...(earliest ? { over: { declared: earliest } } : {}),
  }))
}
