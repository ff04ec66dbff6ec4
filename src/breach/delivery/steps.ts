import type { Audience } from '#notify/notice.ts'

const HOUR_IN_MS = 3_600_000

/**
 * In which order a tenant's contacts are told, and how long each has to acknowledge before the next one is: the person at
 * the operator has it 48 hours after the first word at the latest, with a third of the tenant's own 72 hours left.
 */
export const STEPS = [
  { name: 'privacyContact', audience: 'privacyContact', waitsMs: 12 * HOUR_IN_MS },
  { name: 'reminder', audience: 'privacyContact', waitsMs: 12 * HOUR_IN_MS },
  { name: 'securityContacts', audience: 'securityContacts', waitsMs: 12 * HOUR_IN_MS },
  { name: 'administrators', audience: 'administrators', waitsMs: 12 * HOUR_IN_MS },
  { name: 'person', audience: 'incidentHandlers', waitsMs: undefined },
] as const satisfies readonly {
  name: string
  audience: Audience
  waitsMs: number | undefined
}[]

export const PERSON = STEPS.length - 1
export const NONE_YET = -1

/** Why the next step is taken: it is the first; nobody answered; or whoever was to be told cannot be. */
export type Because = 'approved' | 'unanswered' | 'unreachable'

export interface Reachable {
  readonly privacyContact: boolean
  readonly securityContacts: boolean
}

/** The step after `step`. What leads to nobody is passed over, and who cannot be reached is not reminded. */
export function nextStep(step: number, because: Because, reachable: Reachable): number {
  for (let next = step + 1; next < PERSON; next++) {
    const name = STEPS[next]?.name
    if (name === 'privacyContact' && !reachable.privacyContact) continue
    if (name === 'reminder' && (because === 'unreachable' || step !== 0)) continue
    if (name === 'securityContacts' && !reachable.securityContacts) continue
    return next
  }
  return PERSON
}
