import { z } from 'zod'
import {
  DECISIONS,
  addDecision,
  addNote,
  classify,
  close,
  declare,
  moveTo,
  openIncident,
  reopen,
  retract,
} from '#breach/incidents.ts'
import { CLASSES, GROUNDS, IMPACTS, PHASES } from '#breach/incident.ts'
import {
  type Incident,
  type IncidentRow,
  incidentList,
  readIncident,
  toIncident,
} from '#breach/incident.table.ts'
import { merge } from '#breach/merge.ts'
import { clockOf } from '#breach/pauses.ts'
import { publish } from '#breach/publish.ts'
import {
  type TimelineRow,
  TIMELINE_KINDS,
  timelineList,
  toTimelineEvent,
} from '#breach/timeline.ts'
import { INSTALLATION } from '#database/handles.ts'
import { listPage } from '#database/list.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { type Call, type Endpoint, changeEndpoint, getEndpoint, listEndpoint } from '../endpoint.ts'
import {
  BASE,
  CONFIRM,
  HANDLE,
  type IncidentEndpointParts,
  OPERATOR,
  PAGE,
  READ,
  both,
  byOf,
  describeIncident,
  incidentAnswer,
  noParams,
  nothing,
  numbered,
  reason,
  time,
  words,
} from './shapes.ts'

/** `security/incidents`: the record of an incident, from detection to post-mortem. */
export function incidentEndpoints(parts: IncidentEndpointParts): readonly Endpoint[] {
  return [...recordEndpoints(parts), ...actionEndpoints(parts), ...timelineEndpoints(parts)]
}

const common = { realms: OPERATOR, answer: incidentAnswer }

function recordEndpoints({ breach }: IncidentEndpointParts): readonly Endpoint[] {
  const list = (call: Call, query: Parameters<typeof listPage>[2]) =>
    breach.database.read(INSTALLATION, async (reader) => {
      const page = await listPage<IncidentRow>(reader, incidentList(reader), query)
      const rows = []
      for (const row of page.rows) {
        const incident = await toIncident(reader, breach.keys, row)
        rows.push(describeIncident(incident, await clockOf(reader, incident, call.now)))
      }
      return { ...page, rows }
    })
  return [
    listEndpoint({
      ...common,
      id: 'listIncidents',
      path: BASE,
      summary: 'Incidents',
      permission: READ,
      params: noParams,
      pageSize: PAGE,
      fields: {
        id: both,
        phase: both,
        state: both,
        classification: both,
        informationImpact: both,
        detectedDateTime: both,
        createdDateTime: both,
        declaredDateTime: both,
      },
      list: (call, _, query) => list(call, query),
    }),
    getEndpoint({
      ...common,
      id: 'getIncident',
      path: `${BASE}/{id}`,
      summary: 'One incident, with the clock of its declaration',
      permission: READ,
      params: numbered,
      get: async (call, { id }) =>
        breach.database.read(INSTALLATION, async (reader) => {
          const incident = await readIncident(reader, breach.keys, id)
          return incident && describeIncident(incident, await clockOf(reader, incident, call.now))
        }),
    }),
    changeEndpoint({
      ...common,
      id: 'createIncident',
      path: BASE,
      method: 'POST',
      summary: 'Opens the record of an incident; no clock runs yet',
      permission: HANDLE,
      params: noParams,
      body: z.strictObject({ displayName: words(200), detectedDateTime: time.optional() }),
      success: 201,
      change: async (call, _, { displayName, detectedDateTime }) => {
        const detectedAt = detectedDateTime === undefined ? undefined : Date.parse(detectedDateTime)
        const opened = await openIncident(breach, { title: displayName, detectedAt }, byOf(call))
        return isRefusal(opened) ? opened : describeIncident(opened, undefined)
      },
    }),
  ]
}

function actionEndpoints({ breach }: IncidentEndpointParts): readonly Endpoint[] {
  /** Runs the action, then lets the logs of touched tenants know what concerns them. */
  const action = <Body extends z.ZodObject>(
    name: string,
    summary: string,
    body: Body,
    run: (call: Call, id: string, given: z.output<Body>) => Promise<Incident | Refusal>,
    over: { permission?: string; stepUp?: boolean } = {},
  ): Endpoint =>
    changeEndpoint({
      ...common,
      id: `${name}Incident`,
      path: `${BASE}/{id}/${name}`,
      method: 'POST',
      summary,
      permission: HANDLE,
      ...over,
      params: numbered,
      body,
      success: 200,
      change: async (call, { id }, given) => {
        const incident = await run(call, id, given as z.output<Body>)
        if (isRefusal(incident)) return incident
        await publish(breach, id, call.now)
        const clock = await breach.database.read(INSTALLATION, (reader) =>
          clockOf(reader, incident, call.now),
        )
        return describeIncident(incident, clock)
      },
    })
  return [
    action(
      'moveTo',
      'To the next phase, or back to an earlier one with a reason',
      z.strictObject({ phase: z.enum(PHASES), reason: reason.optional() }),
      (call, id, given) => moveTo(breach, id, given, byOf(call)),
    ),
    action(
      'classify',
      'What kind of event it is, and what it did to information',
      z.strictObject({
        classification: z.enum(CLASSES),
        informationImpact: z.enum(IMPACTS),
        reason,
      }),
      (call, id, { classification, informationImpact, ...given }) =>
        classify(
          breach,
          id,
          { ...given, class: classification, impact: informationImpact },
          byOf(call),
        ),
    ),
    action(
      'declare',
      'Declares a customer-reportable incident on a ground; 72 hours start now',
      z.strictObject({
        ground: z.enum(GROUNDS),
        statement: reason,
        classification: z.enum(['customerReportable', 'privacyBreach']),
      }),
      (call, id, { classification, ...given }) =>
        declare(breach, id, { ...given, class: classification }, byOf(call)),
      { stepUp: true },
    ),
    action(
      'merge',
      'Ends this record in favour of another of the same event; the earlier clock stays',
      z.strictObject({ into: z.uuid(), reason }),
      (call, id, given) => merge(breach, id, given, byOf(call)),
    ),
    action(
      'retract',
      'Takes a declaration back that was wrong; somebody else than who declared it',
      z.strictObject({ reason }),
      (call, id, given) => retract(breach, id, given.reason, byOf(call)),
      { permission: CONFIRM, stepUp: true },
    ),
    action('close', 'Closes it, once judged, scoped and with a post-mortem', nothing, (call, id) =>
      close(breach, id, byOf(call)),
    ),
    action(
      'reopen',
      'Goes on with a closed one, with a reason',
      z.strictObject({ reason }),
      (call, id, given) => reopen(breach, id, given.reason, byOf(call)),
    ),
  ]
}

const eventAnswer = z.object({
  id: z.string(),
  kind: z.enum(TIMELINE_KINDS),
  eventDateTime: z.string(),
  recordedDateTime: z.string(),
  actor: z.string(),
  about: z.record(z.string(), z.unknown()),
  note: z.string().nullable(),
})

function timelineEndpoints({ breach }: IncidentEndpointParts): readonly Endpoint[] {
  const made = z.object({ id: z.string() })
  return [
    listEndpoint({
      id: 'listIncidentTimeline',
      path: `${BASE}/{id}/timeline`,
      summary: 'What happened, who did it, and why',
      realms: OPERATOR,
      permission: READ,
      params: numbered,
      answer: eventAnswer,
      pageSize: PAGE,
      fields: { id: both, kind: both, actor: both, eventDateTime: both, recordedDateTime: both },
      list: (_, { id }, query) =>
        breach.database.read(INSTALLATION, async (reader) => {
          if (!(await readIncident(reader, breach.keys, id))) return refuse('incident_unknown')
          const page = await listPage<TimelineRow>(reader, timelineList(reader, id), query)
          const rows = []
          for (const row of page.rows) {
            const event = await toTimelineEvent(reader, breach.keys, row)
            rows.push({
              id: event.eventId,
              kind: event.kind,
              eventDateTime: toTimestamp(event.at),
              recordedDateTime: toTimestamp(event.recordedAt),
              actor: event.actor,
              about: event.about,
              note: event.note ?? null,
            })
          }
          return { ...page, rows }
        }),
    }),
    changeEndpoint({
      id: 'addNoteToIncident',
      path: `${BASE}/{id}/addNote`,
      method: 'POST',
      summary: 'Adds what happened, at the time it happened',
      realms: OPERATOR,
      permission: HANDLE,
      params: numbered,
      body: z.strictObject({ text: words(8_000), eventDateTime: time.optional() }),
      answer: made,
      success: 201,
      change: async (call, { id }, { text, eventDateTime }) => {
        const at = eventDateTime === undefined ? undefined : Date.parse(eventDateTime)
        const eventId = await addNote(breach, id, { text, at }, byOf(call))
        return isRefusal(eventId) ? eventId : { id: eventId }
      },
    }),
    changeEndpoint({
      id: 'addDecisionToIncident',
      path: `${BASE}/{id}/addDecision`,
      method: 'POST',
      summary: 'Adds a decision and why it was taken',
      realms: OPERATOR,
      permission: HANDLE,
      params: numbered,
      body: z.strictObject({ kind: z.enum(DECISIONS), decision: words(4_000), reason }),
      answer: made,
      success: 201,
      change: async (call, { id }, { kind, decision, reason: why }) => {
        const given = { kind, text: decision, reason: why }
        const eventId = await addDecision(breach, id, given, byOf(call))
        return isRefusal(eventId) ? eventId : { id: eventId }
      },
    }),
  ]
}
