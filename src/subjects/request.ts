/** What a person may ask for: GDPR Art. 15 (access), 16 (correct), 20 (export), 17 (delete), 18 (restrict), 21 (object). */
export const REQUEST_TYPES = [
  'access',
  'correct',
  'export',
  'delete',
  'restrict',
  'object',
] as const
export type RequestType = (typeof REQUEST_TYPES)[number]

/**
 * `identity`: nobody has shown yet who asks; `active`: being served; `recipients`: done here, others have not answered
 * yet; `closed`.
 */
const REQUEST_STATES = ['identity', 'active', 'recipients', 'closed'] as const
export type RequestState = (typeof REQUEST_STATES)[number]

const OUTCOMES = ['fulfilled', 'partly', 'refused', 'withdrawn'] as const
export type Outcome = (typeof OUTCOMES)[number]

/** Ways to know who asks that need no more data about them than is here already. */
export const IDENTITY_MEANS = ['signedIn', 'answerToKnownAddress', 'knownInPerson'] as const
export type IdentityMeans = (typeof IDENTITY_MEANS)[number]

/** Why it took longer (Art. 12(3)). */
export const EXTENSION_REASONS = ['complexity', 'numberOfRequests'] as const
export type ExtensionReason = (typeof EXTENSION_REASONS)[number]

/** Why it was not done, or in part only (Art. 11(2), 12(5), 15(4), 17(3)). */
export const REFUSAL_REASONS = [
  'identityNotShown',
  'manifestlyUnfounded',
  'excessive',
  'rightsOfOthers',
  'legalObligation',
  'legalClaims',
  'noGround',
] as const
export type RefusalReason = (typeof REFUSAL_REASONS)[number]

/** What the rules of a request look at; times in milliseconds since 1970. */
export interface Standing {
  readonly state: RequestState
  readonly outcome: Outcome | undefined
  readonly receivedAt: number
  readonly dueAt: number
  readonly extendedMonths: number
  readonly overdueAt: number | undefined
}

export type Action =
  | { readonly do: 'confirmIdentity' }
  | { readonly do: 'waitForRecipients' }
  | { readonly do: 'recipientsAnswered' }
  | { readonly do: 'complete'; readonly outcome: 'fulfilled' | 'partly' }
  | { readonly do: 'refuse' }
  | { readonly do: 'withdraw' }
  | { readonly do: 'extend'; readonly months: 1 | 2 }
  | { readonly do: 'runAgain' }
  | { readonly do: 'markOverdue' }

/** Why an action cannot be done: it is not its time, or not from this state. */
export type NotNow = 'request_state' | 'deadline_passed' | 'not_due'

const WHOLE_MONTHS = 1

/** Begins a request: one month by the calendar from the day on which it came. */
export function received(receivedAt: number, identityShown: boolean): Standing {
  return {
    state: identityShown ? 'active' : 'identity',
    outcome: undefined,
    receivedAt,
    dueAt: dueAfter(receivedAt, WHOLE_MONTHS),
    extendedMonths: 0,
    overdueAt: undefined,
  }
}

/**
 * The end of the day (UTC) that has the number of the day of receipt, so many months later; the last day of a month
 * that has no such day (Regulation 1182/71, Art. 3(2)(c)). A weekend does not move it out, though the regulation
 * would let it.
 */
export function dueAfter(receivedAt: number, months: number): number {
  const day = new Date(receivedAt)
  const year = day.getUTCFullYear()
  const month = day.getUTCMonth() + months
  const lastDay = new Date(Date.UTC(year, month + 1, 0)).getUTCDate()
  return Date.UTC(year, month, Math.min(day.getUTCDate(), lastDay) + 1)
}

/** What becomes of a request by an action at a time. Pure: the only rules there are. */
export function next(standing: Standing, action: Action, now: number): Standing | NotNow {
  const { state } = standing
  const open = state !== 'closed'
  switch (action.do) {
    case 'confirmIdentity':
      return state === 'identity' ? { ...standing, state: 'active' } : 'request_state'
    case 'waitForRecipients':
      return state === 'active' ? { ...standing, state: 'recipients' } : 'request_state'
    case 'recipientsAnswered':
      return state === 'recipients' ? { ...standing, state: 'active' } : 'request_state'
    case 'complete':
      return state === 'active' || state === 'recipients'
        ? { ...standing, state: 'closed', outcome: action.outcome }
        : 'request_state'
    case 'refuse':
      return open ? { ...standing, state: 'closed', outcome: 'refused' } : 'request_state'
    case 'withdraw':
      return open ? { ...standing, state: 'closed', outcome: 'withdrawn' } : 'request_state'
    case 'extend':
      return extend(standing, action.months, now)
    case 'runAgain':
      return runAgain(standing, now)
    case 'markOverdue':
      if (!open || standing.overdueAt !== undefined) return 'request_state'
      return now >= standing.dueAt ? { ...standing, overdueAt: now } : 'not_due'
  }
}

/** Up to two months more, told within the first one (Art. 12(3)). */
function extend(standing: Standing, months: number, now: number): Standing | NotNow {
  const { state, receivedAt, extendedMonths } = standing
  if (state === 'closed' || extendedMonths + months > 2) return 'request_state'
  if (now >= dueAfter(receivedAt, WHOLE_MONTHS)) return 'deadline_passed'
  const inAll = extendedMonths + months
  return { ...standing, extendedMonths: inAll, dueAt: dueAfter(receivedAt, WHOLE_MONTHS + inAll) }
}

/** Looked up anew: while it is served at any time, and a served one before its date. Who asks must be known. */
function runAgain(standing: Standing, now: number): Standing | NotNow {
  const { state, outcome, dueAt } = standing
  if (state === 'active' || state === 'recipients') return { ...standing, state: 'active' }
  if (state === 'identity' || outcome === 'refused' || outcome === 'withdrawn')
    return 'request_state'
  return now < dueAt ? { ...standing, state: 'active', outcome: undefined } : 'deadline_passed'
}
