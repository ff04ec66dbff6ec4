import { INSTALLATION } from '#database/handles.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import { awarenessOfAll } from './awareness.ts'
import { PHASES } from './incident.ts'
import { type Incident, readIncident } from './incident.table.ts'
import type { BreachParts } from './parts.ts'
import { clockOf } from './pauses.ts'
import { type Tell, listMessages, listTells } from './recipient-messages.ts'
import { SUITE } from './recipient-settings.ts'
import { listScopes } from './scope.table.ts'
import { type TimelineEvent, type TimelineRow, timelineList, toTimelineEvent } from './timeline.ts'

const HOUR_IN_MS = 3_600_000

/**
 * The report of an incident as a document in Markdown: what happened when, how long each phase took, whom it touched,
 * who was told and who answered, and what was learned. From the record only; nothing is typed by hand but what people
 * put into the record.
 *
 * @returns `incident_unknown`
 */
export async function postMortemReport(
  parts: BreachParts,
  incidentId: string,
  now: number,
): Promise<string | Refusal> {
  const found = await parts.database.read(INSTALLATION, async (reader) => {
    const incident = await readIncident(reader, parts.keys, incidentId)
    if (!incident) return undefined
    const source = timelineList(reader, incidentId)
    const rows = await reader.rows<TimelineRow>(
      `select ${source.select} from ${source.from} order by e.recorded_at, e.event_id`,
      source.values,
    )
    const timeline: TimelineEvent[] = []
    for (const row of rows) timeline.push(await toTimelineEvent(reader, parts.keys, row))
    return { incident, timeline, clock: await clockOf(reader, incident, now) }
  })
  if (!found) return refuse('incident_unknown', { incident: incidentId })
  const { incident, timeline, clock } = found
  const scope = (await listScopes(parts, incidentId)).findLast((one) => one.state === 'done')
  const aware = await awarenessOfAll(parts.database, incidentId, now)
  const lines = [
    `# Post-mortem: ${incident.title}`,
    '',
    ...heading(incident),
    '## Clocks',
    '',
    clock
      ? `72 hours from the declaration ended or end ${toTimestamp(clock.dueAt)} (${clock.state}, ${(clock.pausedMs / HOUR_IN_MS).toFixed(1)} h paused).`
      : 'Not declared: no clock ran.',
    `${aware.size} tenants were reached.`,
    ...[...aware.values()].map(
      (one) => `- ${one.tenantId}: ${toTimestamp(one.awareAt)} (${one.how})`,
    ),
    '',
    '## Phases',
    '',
    ...phases(timeline, now).map(([phase, ms]) => `- ${phase}: ${(ms / HOUR_IN_MS).toFixed(2)} h`),
    '',
    '## Scope',
    '',
    scope
      ? `${scope.tenants} tenants, ${scope.subjects} people, ${scope.records} records; ${scope.completeTo.size} logs were read (${toTimestamp(scope.computedAt)}).`
      : 'No scope was computed.',
    '',
    ...told(await listTells(parts, incidentId)),
    '## Messages',
    '',
    ...(await listMessages(parts, incidentId)).map(
      (one) =>
        `- ${one.party}: ${one.state}, ${one.attempts} attempts${one.code ? `, ${one.code}` : ''}`,
    ),
    '',
    '## Timeline',
    '',
    ...timeline.map(
      (one) =>
        `- ${toTimestamp(one.at)} ${one.kind} by ${one.actor}${one.note === undefined ? '' : `: ${one.note.replaceAll('\n', ' ')}`}`,
    ),
    '',
    '## What was learned',
    '',
    ...learned(timeline),
    '',
  ]
  return lines.join('\n')
}

function heading(incident: Incident): readonly string[] {
  return [
    `- Incident: ${incident.incidentId}`,
    `- Class: ${incident.class}; impact: ${incident.impact}; state: ${incident.state}`,
    `- Detected: ${toTimestamp(incident.detectedAt)}`,
    `- Declared: ${incident.declared ? `${toTimestamp(incident.declared.at)} (${incident.declared.ground})` : 'no'}`,
    '',
  ]
}

/** How long the record stood in each phase, those that came again added up. */
function phases(timeline: readonly TimelineEvent[], now: number): readonly [string, number][] {
  const spent = new Map<string, number>(PHASES.map((phase) => [phase, 0]))
  let phase: string = PHASES[0]
  let since = timeline[0]?.recordedAt ?? now
  const end = timeline.findLast((one) => one.kind === 'closed')?.recordedAt ?? now
  for (const { kind, about, recordedAt } of timeline) {
    const to = kind === 'moved' ? about.to : kind === 'reopened' ? 'diagnose' : undefined
    if (typeof to !== 'string') continue
    spent.set(phase, (spent.get(phase) ?? 0) + recordedAt - since)
    phase = to
    since = recordedAt
  }
  spent.set(phase, (spent.get(phase) ?? 0) + Math.max(0, end - since))
  return [...spent]
}

function told(tells: readonly Tell[]): readonly string[] {
  const count = (isSuite: boolean, state: Tell['state']) =>
    tells.filter((one) => (one.party === SUITE) === isSuite && one.state === state).length
  return [
    '## Suite team and recipients',
    '',
    `- Joint customers: ${count(true, 'acknowledged')} confirmed by the suite team, ${count(true, 'direct')} told directly after the deadline, ${count(true, 'waiting')} waiting`,
    `- Recipients: ${count(false, 'answered')} answered, ${count(false, 'owed')} still owe an answer`,
    '',
  ]
}

function learned(timeline: readonly TimelineEvent[]): readonly string[] {
  const notes = timeline
    .filter((one) => one.kind === 'decided' && one.about.decision === 'postMortem')
    .map((one) => one.note ?? '')
  return notes.length > 0 ? notes : ['Nothing is on record yet.']
}
