import { actorOf } from '#access/principal.ts'
import { type Database, INSTALLATION, type Transaction } from '#database/handles.ts'
import type { Json } from '#foundation/canonical-json.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import type { Keys } from '#keys/keys.ts'
import type { EntryKind } from '#ledger/entry.ts'
import { type IncidentEvent, applyEvent, isOver } from './incident.ts'
import { type Incident, readIncident, standingOf, updateIncident } from './incident.table.ts'
import { type By, byActor } from './parts.ts'
import { type TimelineKind, addToTimeline } from './timeline.ts'

/** What one action makes of the incident, and what timeline and ledger say of it. */
export interface Change {
  readonly event: IncidentEvent
  readonly kind: TimelineKind
  readonly entry: EntryKind
  readonly about?: { readonly [key: string]: Json }
  readonly note?: string | undefined
  readonly over?: Partial<Incident>
}

/**
 * The one way in which an incident changes: read under a lock, ask the state machine, write row, timeline and entry in
 * one commit.
 */
export async function changeIncident(
  tx: Transaction,
  keys: Keys,
  incidentId: string,
  by: By,
  changeOf: (incident: Incident) => Change | Refusal | Promise<Change | Refusal>,
): Promise<Incident | Refusal> {
  const incident = await readIncident(tx, keys, incidentId, 'for update')
  if (!incident) return refuse('incident_unknown', { incident: incidentId })
  const change = await changeOf(incident)
  if (isRefusal(change)) return change
  const next = applyEvent(standingOf(incident), change.event)
  if (isRefusal(next)) return next
  const { isDeclared: _, isScoped: __, ...standing } = next
  const changed = { ...incident, ...standing, ...change.over }
  await updateIncident(tx, changed)
  const { kind, entry, about, note } = change
  await addToTimeline(tx, keys, incidentId, {
    kind,
    entry,
    by: byActor(by),
    note,
    ...(about ? { about } : {}),
  })
  return { ...changed, version: incident.version + 1 }
}

/** The same in a transaction of its own. */
export function changing(
  parts: { readonly database: Database; readonly keys: Keys },
  incidentId: string,
  by: By,
  changeOf: Parameters<typeof changeIncident>[4],
): Promise<Incident | Refusal> {
  return parts.database.write(INSTALLATION, (tx) =>
    changeIncident(tx, parts.keys, incidentId, by, changeOf),
  )
}

/**
 * Adds to the record what changes nothing of where the incident stands: notes, people, criteria, pauses.
 *
 * @returns what `add` answers, or `incident_unknown`, or `incident_state` where it is over
 */
export async function addToIncident<Result>(
  parts: { readonly database: Database; readonly keys: Keys },
  incidentId: string,
  by: By,
  add: (
    tx: Transaction,
    incident: Incident,
    tell: (event: Omit<Parameters<typeof addToTimeline>[3], 'by'>) => Promise<string>,
  ) => Promise<Result | Refusal>,
): Promise<Result | Refusal> {
  return parts.database.write(INSTALLATION, async (tx) => {
    const incident = await readIncident(tx, parts.keys, incidentId, 'for update')
    if (!incident) return refuse('incident_unknown', { incident: incidentId })
    if (isOver(incident)) return refuse('incident_state', { state: incident.state })
    const actor = { actor: actorOf(by.principal), now: by.now }
    return add(tx, incident, (event) =>
      addToTimeline(tx, parts.keys, incidentId, { ...event, by: actor }),
    )
  })
}
