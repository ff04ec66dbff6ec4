import type { Grant } from '#access/grant.ts'
import { grantState } from '#access/grant.ts'
import type { ItemId } from '#catalog/catalog.ts'
import type { Filter } from '#database/list.ts'

/** Which records are asked for. A query becomes a list of record ids at approval. */
export type Scope =
  | { readonly kind: 'records'; readonly ids: readonly string[] }
  | { readonly kind: 'people'; readonly ids: readonly string[] }
  | { readonly kind: 'query'; readonly filter: Filter }

export type RequestState =
  | 'created'
  | 'providerApproved'
  | 'customerNotified'
  | 'approved'
  | 'active'
  | 'ended'
  | 'denied'
  | 'expired'
  | 'cancelled'
  | 'lapsed'
  | 'revoked'

/** States in which a request waits for an answer. */
export const WAITING = ['created', 'providerApproved', 'customerNotified'] as const

export type RequestEvent =
  | 'providerApprove'
  | 'notify'
  | 'approve'
  | 'deny'
  | 'cancel'
  | 'expire'
  | 'begin'
  | 'end'
  | 'revoke'
  | 'lapse'

/** Every way from one state to another; what is not here is not possible. The statements take their guards from it. */
export const TRANSITIONS: readonly {
  readonly event: RequestEvent
  readonly from: readonly RequestState[]
  readonly to: RequestState
}[] = [
  { event: 'providerApprove', from: ['created'], to: 'providerApproved' },
  { event: 'notify', from: ['providerApproved'], to: 'customerNotified' },
  { event: 'approve', from: ['providerApproved', 'customerNotified'], to: 'approved' },
  { event: 'deny', from: WAITING, to: 'denied' },
  { event: 'cancel', from: WAITING, to: 'cancelled' },
  { event: 'expire', from: WAITING, to: 'expired' },
  { event: 'begin', from: ['approved'], to: 'active' },
  { event: 'end', from: ['approved', 'active'], to: 'ended' },
  { event: 'revoke', from: ['approved', 'active'], to: 'revoked' },
  { event: 'lapse', from: ['approved', 'active'], to: 'lapsed' },
]

/** What ends each state by itself; `final` ones last. */
export const DEADLINES: Readonly<
  Record<RequestState, 'expiresAt' | 'lapsesAt' | 'endsAt' | 'final'>
> = {
  created: 'expiresAt',
  providerApproved: 'expiresAt',
  customerNotified: 'expiresAt',
  approved: 'lapsesAt',
  active: 'endsAt',
  ended: 'final',
  denied: 'final',
  expired: 'final',
  cancelled: 'final',
  lapsed: 'final',
  revoked: 'final',
}

/** The states that an event is possible in, for the guard of its statement. */
export function statesBefore(event: RequestEvent): readonly RequestState[] {
  return TRANSITIONS.find((one) => one.event === event)?.from ?? []
}

/** What an operator's support engineer asks of a tenant. Times are milliseconds since 1970. */
export interface SupportRequest {
  readonly requestId: string
  readonly tenantId: string
  readonly caseId: string
  /** The id of the grant that an approval makes. */
  readonly grantId: string
  readonly asker: string
  readonly askerMarks: readonly string[]
  /** As it was last recorded; `stateOf` knows what time has made of it. */
  readonly recordedState: RequestState
  readonly scope: Scope
  readonly items: readonly ItemId[]
  readonly precision: 'exact' | 'masked'
  readonly purpose: string
  readonly durationMs: number
  readonly reason: string
  readonly nonce: string
  readonly answerMs: number
  readonly createdAt: number
  readonly expiresAt: number
  readonly seenAt: number
  readonly providerApprovedBy: string | undefined
  readonly providerMarks: readonly string[]
  readonly providerApprovedAt: number | undefined
  readonly decidedBy: string | undefined
  readonly decidedAt: number | undefined
  readonly denial: string | undefined
}

/** The state at a time, right whether or not any job has recorded it. */
export function stateOf(
  request: Pick<SupportRequest, 'recordedState' | 'expiresAt' | 'seenAt'>,
  grant: Grant | undefined,
  now: number,
): RequestState {
  if (DEADLINES[request.recordedState] === 'expiresAt')
    return Math.max(now, request.seenAt) >= request.expiresAt ? 'expired' : request.recordedState
  if (request.recordedState !== 'approved' || !grant) return request.recordedState
  switch (grantState(grant, now)) {
    case 'notStarted':
      return 'approved'
    case 'inForce':
      return 'active'
    case 'lapsed':
      return 'lapsed'
    case 'ended':
      return grant.endReason === 'revoked' ? 'revoked' : 'ended'
  }
}

/** Whether two accounts are of one person: the same account, or one mark in common. */
export function samePerson(
  one: { readonly accountId: string; readonly personMarks: readonly string[] },
  other: { readonly accountId: string; readonly personMarks: readonly string[] },
): boolean {
  return (
    one.accountId === other.accountId ||
    one.personMarks.some((mark) => other.personMarks.includes(mark))
  )
}

const LEAST_REASON = 20
const LEAST_WORDS = 3

/** Whether a reason says anything: long enough, and not one word or letter over and over. */
export function isMeaningful(reason: string): boolean {
  const text = reason.trim().replaceAll(/\s+/g, ' ')
  if ([...text].length < LEAST_REASON) return false
  const words = text.toLowerCase().match(/[\p{L}\p{N}]{2,}/gu) ?? []
  const telling = new Set(words.filter((word) => new Set(word).size > 1))
  return telling.size >= LEAST_WORDS
}
