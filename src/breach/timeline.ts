import type { Reader, Transaction } from '#database/handles.ts'
import type { ListSource } from '#database/list.ts'
import type { Json } from '#foundation/canonical-json.ts'
import { newOrderedId } from '#foundation/ids.ts'
import type { Keys } from '#keys/keys.ts'
import type { EntryKind } from '#ledger/entry.ts'
import { record } from './parts.ts'

/** What the timeline tells of. */
export const TIMELINE_KINDS = [
  'opened',
  'moved',
  'classified',
  'declared',
  'noted',
  'decided',
  'personAdded',
  'personRemoved',
  'criterionAdded',
  'criterionRemoved',
  'scoped',
  'pauseAsked',
  'pauseCleared',
  'pauseEnded',
  'merged',
  'mergedHere',
  'retracted',
  'closed',
  'reopened',
  'noticeWritten',
  'noticeApproved',
  'noticeFrozen',
  'noticeWithdrawn',
] as const
export type TimelineKind = (typeof TIMELINE_KINDS)[number]

export interface TimelineEvent {
  readonly eventId: string
  /** When it happened, as told; UTC milliseconds. */
  readonly at: number
  /** When it was told. */
  readonly recordedAt: number
  readonly actor: string
  readonly kind: TimelineKind
  readonly about: { readonly [key: string]: Json }
  readonly note: string | undefined
}

const context = (incidentId: string, eventId: string): string =>
  `breach-timeline/${incidentId}/${eventId}`

/**
 * Adds to the timeline and writes the installation's entry, in the caller's commit. What people say is sealed here; the
 * entry holds a keyed commitment to it.
 *
 * @returns id of the event
 */
export async function addToTimeline(
  tx: Transaction,
  keys: Keys,
  incidentId: string,
  event: {
    readonly kind: TimelineKind
    readonly entry: EntryKind
    readonly by: { readonly actor: string; readonly now: number }
    readonly at?: number | undefined
    readonly about?: { readonly [key: string]: Json }
    readonly note?: string | undefined
  },
): Promise<string> {
  const { kind, entry, by, about = {}, note } = event
  const eventId = newOrderedId(by.now)
  await tx.change(
    `insert into breach_timeline (tenant_id, incident_id, event_id, at, recorded_at, actor, kind, about, note)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [
      tx.tenantId,
      incidentId,
      eventId,
      new Date(event.at ?? by.now),
      new Date(by.now),
      by.actor,
      kind,
      JSON.stringify(about),
      note === undefined
        ? null
        : await keys.sealForTenant(tx, context(incidentId, eventId), Buffer.from(note)),
    ],
  )
  const commit = await keys.payloadCommitment(tx)
  await record(tx, entry, by, {
    incident: incidentId,
    event: eventId,
    what: kind,
    ...about,
    // With the event's own id, so that equal words do not look equal.
    ...(note === undefined ? {} : { note: commit(`incident/${eventId}/${note}`) }),
  })
  return eventId
}

export interface TimelineRow {
  readonly incident_id: string
  readonly event_id: string
  readonly at: Date
  readonly recorded_at: Date
  readonly actor: string
  readonly kind: TimelineKind
  readonly about: { readonly [key: string]: Json }
  readonly note: Buffer | null
}

/** The timeline for a list, in the order in which things happened. */
export function timelineList(reader: Reader, incidentId: string): ListSource {
  return {
    select: 'e.incident_id, e.event_id, e.at, e.recorded_at, e.actor, e.kind, e.about, e.note',
    from: 'breach_timeline e where e.tenant_id = $1 and e.incident_id = $2',
    values: [reader.tenantId, incidentId],
    columns: {
      id: { sql: 'e.event_id', type: 'uuid' },
      kind: { sql: 'e.kind', type: 'text' },
      actor: { sql: 'e.actor', type: 'text' },
      eventDateTime: { sql: 'e.at', type: 'timestamptz' },
      recordedDateTime: { sql: 'e.recorded_at', type: 'timestamptz' },
    },
    key: 'id',
  }
}

export async function toTimelineEvent(
  reader: Reader,
  keys: Keys,
  row: TimelineRow,
): Promise<TimelineEvent> {
  const place = context(row.incident_id, row.event_id)
  return {
    eventId: row.event_id,
    at: row.at.getTime(),
    recordedAt: row.recorded_at.getTime(),
    actor: row.actor,
    kind: row.kind,
    about: row.about,
    note: row.note ? (await keys.openForTenant(reader, place, row.note)).toString() : undefined,
  }
}

/** Whether the incident's record holds a decision of that kind. */
export async function hasDecision(
  reader: Reader,
  incidentId: string,
  eventId: string,
  decision: string,
): Promise<boolean> {
  const rows = await reader.rows(
    `select from breach_timeline where tenant_id = $1 and incident_id = $2 and event_id = $3 and kind = 'decided'
        and about ->> 'decision' = $4`,
    [reader.tenantId, incidentId, eventId, decision],
  )
  return rows.length > 0
}
