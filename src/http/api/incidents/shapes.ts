import { z } from 'zod'
import type { ClockReading } from '#breach/clock.ts'
import { CRITERION_KINDS, type Criterion, READABLE } from '#breach/criterion.ts'
import { CLASSES, GROUNDS, IMPACTS, PHASES } from '#breach/incident.ts'
import type { Incident } from '#breach/incident.table.ts'
import type { BreachParts } from '#breach/parts.ts'
import { DATA_TOUCHES } from '#breach/touch.ts'
import { toTimestamp } from '#foundation/clock.ts'
import type { Call } from '../endpoint.ts'

/** What the endpoints of incidents need. */
export interface IncidentEndpointParts {
  readonly breach: BreachParts
}

export const READ = 'Incidents/Read'
export const HANDLE = 'Incidents/Handle'
/** What a second person does: clear an exception of the clock, take a declaration back. */
export const CONFIRM = 'Incidents/Confirm'
export const OPERATOR = ['operator'] as const
export const BASE = '/security/incidents'
export const PAGE = { usual: 50, most: 200 } as const
export const both = { filter: true, sort: true } as const

export const noParams = z.strictObject({})
export const nothing = z.strictObject({})
export const numbered = z.strictObject({ id: z.uuid() })
export const time = z.iso.datetime({ offset: true })

/** Words for people: without control characters but line ends. */
export const words = (most: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(most)
    .regex(/^[^\p{Cc}]*(?:\n[^\p{Cc}]*)*$/u)
export const reason = words(4_000)

export const byOf = (call: Call) => ({ principal: call.principal, now: call.now })
export const stamp = (at: number | undefined): string | null =>
  at === undefined ? null : toTimestamp(at)

export const clockAnswer = z.object({
  startDateTime: z.string(),
  dueDateTime: z.string(),
  pausedMinutes: z.number(),
  remainingMinutes: z.number(),
  state: z.enum(['running', 'paused', 'over']),
})

export function describeClock(clock: ClockReading | undefined) {
  if (!clock) return null
  return {
    startDateTime: toTimestamp(clock.startedAt),
    dueDateTime: toTimestamp(clock.dueAt),
    pausedMinutes: clock.pausedMs / 60_000,
    remainingMinutes: clock.remainingMs / 60_000,
    state: clock.state,
  }
}

export const incidentAnswer = z.object({
  id: z.string(),
  displayName: z.string(),
  phase: z.enum(PHASES),
  state: z.enum(['open', 'closed', 'merged', 'retracted']),
  classification: z.enum(CLASSES),
  informationImpact: z.enum(IMPACTS),
  detectedDateTime: z.string(),
  createdBy: z.string(),
  createdDateTime: z.string(),
  declaredBy: z.string().nullable(),
  declaredDateTime: z.string().nullable(),
  ground: z.enum(GROUNDS).nullable(),
  mergedInto: z.string().nullable(),
  endDateTime: z.string().nullable(),
  hasPostMortem: z.boolean(),
  scopeId: z.string().nullable(),
  version: z.int(),
  /** The operator's 72 hours from the declaration. */
  clock: clockAnswer.nullable(),
})

export function describeIncident(
  incident: Incident,
  clock: ClockReading | undefined,
): z.input<typeof incidentAnswer> {
  const { declared } = incident
  return {
    id: incident.incidentId,
    displayName: incident.title,
    phase: incident.phase,
    state: incident.state,
    classification: incident.class,
    informationImpact: incident.impact,
    detectedDateTime: toTimestamp(incident.detectedAt),
    createdBy: incident.openedBy,
    createdDateTime: toTimestamp(incident.openedAt),
    declaredBy: declared?.accountId ?? null,
    declaredDateTime: stamp(declared?.at),
    ground: declared?.ground ?? null,
    mergedInto: incident.mergedInto ?? null,
    endDateTime: stamp(incident.endedAt),
    hasPostMortem: incident.hasPostMortem,
    scopeId: incident.scopeId ?? null,
    version: incident.version,
    clock: describeClock(clock),
  }
}

export const criterionBody = z.strictObject({
  kind: z.enum(CRITERION_KINDS),
  name: z.string().min(1).max(512).optional(),
  /** With an offset, so that no time zone is guessed. */
  fromDateTime: time,
  toDateTime: time,
  touches: z.array(z.enum(DATA_TOUCHES)).min(1).max(4).optional(),
  tenants: z.array(z.string().min(1).max(63)).min(1).max(1_000).optional(),
  readable: z.enum(READABLE).optional(),
  keysSafeDecisionId: z.uuid().optional(),
})

export function criterionOf(body: z.output<typeof criterionBody>): Criterion {
  return {
    kind: body.kind,
    name: body.name,
    from: Date.parse(body.fromDateTime),
    to: Date.parse(body.toDateTime),
    touches: body.touches,
    tenants: body.tenants,
    readable: body.readable ?? 'all',
    keysSafeDecision: body.keysSafeDecisionId,
  }
}
