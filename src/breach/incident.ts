import { type Refusal, refuse } from '#foundation/refusal.ts'

/** Facts: process.md section 3. `stabilise` is "stabilise and recover", `close` is "close and post-mortem". */
export const PHASES = ['detect', 'assess', 'diagnose', 'stabilise', 'close'] as const
export type Phase = (typeof PHASES)[number]

export const CLASSES = [
  'unclassified',
  'falsePositive',
  'securityIncident',
  'customerReportable',
  'privacyBreach',
] as const
export type IncidentClass = (typeof CLASSES)[number]

export const IMPACTS = [
  'unknown',
  'none',
  'privacyBreach',
  'proprietaryBreach',
  'integrityLoss',
] as const
export type Impact = (typeof IMPACTS)[number]

/**
 * Declaring needs one of these. The sources differ on proof, and Sluss takes *reasonable suspicion*: access that very
 * likely happened is a ground, and nobody waits until it is beyond doubt.
 */
export const GROUNDS = [
  'accessHappened',
  'accessVeryLikely',
  'lawDemands',
  'contractDemands',
] as const
export type Ground = (typeof GROUNDS)[number]

export type IncidentState = 'open' | 'closed' | 'merged' | 'retracted'

/** Whether it goes on under another incident, or was taken back: nobody is told of it any more. */
export function isOver<Of extends { readonly state: IncidentState }>(
  one: Of,
): one is Of & { readonly state: 'merged' | 'retracted' } {
  return one.state === 'merged' || one.state === 'retracted'
}

/** What decides which event is possible. */
export interface Standing {
  readonly phase: Phase
  readonly state: IncidentState
  readonly class: IncidentClass
  readonly impact: Impact
  readonly isDeclared: boolean
  readonly isScoped: boolean
  readonly hasPostMortem: boolean
}

export const NEW: Standing = {
  phase: 'detect',
  state: 'open',
  class: 'unclassified',
  impact: 'unknown',
  isDeclared: false,
  isScoped: false,
  hasPostMortem: false,
}

export type IncidentEvent =
  | { readonly event: 'moveTo'; readonly phase: Phase; readonly hasReason: boolean }
  | { readonly event: 'classify'; readonly class: IncidentClass; readonly impact: Impact }
  | { readonly event: 'declare'; readonly class: 'customerReportable' | 'privacyBreach' }
  | { readonly event: 'scope' }
  | { readonly event: 'postMortem' }
  | { readonly event: 'close' }
  | { readonly event: 'reopen'; readonly hasReason: boolean }
  | { readonly event: 'merge' }
  | { readonly event: 'retract' }

/** Ways forward. Diagnose and stabilise may alternate; every other way back needs a reason. */
const FORWARD: Readonly<Record<Phase, readonly Phase[]>> = {
  detect: ['assess'],
  assess: ['diagnose'],
  diagnose: ['stabilise'],
  stabilise: ['close', 'diagnose'],
  close: [],
}

/** Classes of what is reported to customers. */
export const REPORTABLE: ReadonlySet<IncidentClass> = new Set([
  'customerReportable',
  'privacyBreach',
])

/**
 * What the event makes of the incident.
 *
 * @returns `incident_state` where it is not possible, `reason_too_thin` where it needs a reason, `scope_missing` when
 *   a declared incident is to be closed before anybody knows whom it touched
 */
export function applyEvent(now: Standing, event: IncidentEvent): Standing | Refusal {
  const stuck = refuse('incident_state', { state: now.state, phase: now.phase })
  if (event.event === 'reopen') {
    if (now.state !== 'closed') return stuck
    if (!event.hasReason) return refuse('reason_too_thin')
    return { ...now, state: 'open', phase: 'diagnose', hasPostMortem: false }
  }
  // New facts may widen the scope of what was closed; it opens first.
  if (now.state !== 'open') return stuck
  switch (event.event) {
    case 'moveTo':
      return move(now, event.phase, event.hasReason)
    case 'classify':
      return classify(now, event.class, event.impact)
    case 'declare':
      if (now.isDeclared || now.class === 'falsePositive') return stuck
      return { ...now, isDeclared: true, class: event.class }
    case 'scope':
      return { ...now, isScoped: true }
    case 'postMortem':
      return now.phase === 'close' ? { ...now, hasPostMortem: true } : stuck
    case 'close':
      return close(now)
    case 'merge':
      return { ...now, state: 'merged' }
    case 'retract':
      return now.isDeclared ? { ...now, state: 'retracted' } : stuck
  }
}

function move(now: Standing, to: Phase, hasReason: boolean): Standing | Refusal {
  if (FORWARD[now.phase].includes(to)) return { ...now, phase: to }
  // A false alarm need not be diagnosed.
  if (to === 'close' && now.class === 'falsePositive') return { ...now, phase: to }
  const isBack = PHASES.indexOf(to) < PHASES.indexOf(now.phase)
  if (!isBack) return refuse('incident_state', { state: now.state, phase: now.phase })
  return hasReason ? { ...now, phase: to, hasPostMortem: false } : refuse('reason_too_thin')
}

/** What was declared is no longer a matter of class: it is retracted, or it stays reportable. */
function classify(now: Standing, to: IncidentClass, impact: Impact): Standing | Refusal {
  const stuck = refuse('incident_state', { class: now.class })
  if (now.isDeclared !== REPORTABLE.has(to)) return stuck
  if (to === 'unclassified' && now.class !== 'unclassified') return stuck
  if (to === 'falsePositive' && impact !== 'none') return stuck
  return { ...now, class: to, impact }
}

function close(now: Standing): Standing | Refusal {
  const isJudged = now.class !== 'unclassified' && now.impact !== 'unknown'
  if (now.phase !== 'close' || !isJudged || !now.hasPostMortem)
    return refuse('incident_state', { state: now.state, phase: now.phase })
  if (now.isDeclared && !now.isScoped) return refuse('scope_missing')
  return { ...now, state: 'closed' }
}
