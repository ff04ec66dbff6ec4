import { readAccount } from '#access/account.ts'
import type { Reader, Transaction } from '#database/handles.ts'
import { newId } from '#foundation/ids.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import { toTimestamp } from '#foundation/clock.ts'
import type { By, RightsParts } from './parts.ts'
import { recordRights } from './record-rights.ts'
import {
  type Action,
  type ExtensionReason,
  type IdentityMeans,
  type RefusalReason,
  type RequestType,
  next,
  received,
} from './request.ts'
import {
  type RequestSubject,
  type RightsRequest,
  insertRequest,
  lateRequests,
  lockRequest,
  openRequestSubject,
  selectRequest,
  takeNearRequests,
  updateRequest,
} from './request.table.ts'
import { countLinks, decideLink } from './request-links.ts'

export interface NewRequest {
  readonly type: RequestType
  readonly subject: RequestSubject
  readonly cameBy: RightsRequest['cameBy']
  /** The account that answers for it. */
  readonly owner: string
  readonly language: 'en' | 'sv'
  /** When the person asked, where that was before it was written down here; never later. */
  readonly receivedAt?: number | undefined
  /** How it is known already who asks. */
  readonly identityBy?: IdentityMeans | undefined
}

/**
 * Writes down that a person asks for something. Its month begins when they asked. Whether anything is held about them
 * is not looked up, let alone told, before it is known who asks.
 *
 * @returns its id, or `account_unknown` for an owner who is none
 */
export async function openRequest(
  tx: Transaction,
  { keys }: Pick<RightsParts, 'keys'>,
  wanted: NewRequest,
  by: By,
): Promise<string | Refusal> {
  if (!(await readAccount(tx, wanted.owner)))
    return refuse('account_unknown', { account: wanted.owner })
  const requestId = newId()
  const standing = received(
    Math.min(wanted.receivedAt ?? by.at, by.at),
    wanted.identityBy !== undefined,
  )
  await insertRequest(
    tx,
    keys,
    {
      ...standing,
      requestId,
      type: wanted.type,
      reason: undefined,
      cameBy: wanted.cameBy,
      owner: wanted.owner,
      language: wanted.language,
      extendedReason: undefined,
      identityBy: wanted.identityBy,
      identityAt: wanted.identityBy === undefined ? undefined : by.at,
      collectedAt: undefined,
      runs: 0,
      closedAt: undefined,
      createdBy: by.actor,
      revision: 0,
    },
    wanted.subject,
  )
  await recordRights(tx, 'rights.opened', by, {
    request: requestId,
    type: wanted.type,
    cameBy: wanted.cameBy,
    owner: wanted.owner,
    due: toTimestamp(standing.dueAt),
    ...(wanted.identityBy === undefined ? {} : { identity: wanted.identityBy }),
  })
  return requestId
}

/** What may be done to a request, with what is said with it. */
export type RequestChange =
  | { readonly do: 'confirmIdentity'; readonly means: IdentityMeans }
  | { readonly do: 'waitForRecipients' }
  | { readonly do: 'recipientsAnswered' }
  | { readonly do: 'complete'; readonly outcome: 'fulfilled' }
  | { readonly do: 'complete'; readonly outcome: 'partly'; readonly reason: RefusalReason }
  | { readonly do: 'refuse'; readonly reason: RefusalReason }
  | { readonly do: 'withdraw' }
  | { readonly do: 'extend'; readonly months: 1 | 2; readonly reason: ExtensionReason }
  | { readonly do: 'runAgain' }
  | { readonly do: 'markOverdue' }

/**
 * Moves a request on, by the rules of `request.ts`; entry and effect in one commit.
 *
 * @returns `not_found`, `step_state`, `rights_deadline_passed`; `identity_ambiguous` for one that is to be completed
 *   while subjects wait for a decision
 */
export async function changeRequest(
  tx: Transaction,
  requestId: string,
  change: RequestChange,
  by: Pick<By, 'actor' | 'at'>,
): Promise<RightsRequest | Refusal> {
  const found = await lockRequest(tx, requestId)
  if (!found) return refuse('not_found')
  const { request } = found
  const after = next(request, change as Action, by.at)
  if (after === 'deadline_passed') return refuse('rights_deadline_passed', { request: requestId })
  if (typeof after === 'string') return refuse('step_state', { request: requestId })
  if (change.do === 'complete' && (await countLinks(tx, requestId)).candidate > 0)
    return refuse('identity_ambiguous', { request: requestId })
  const changed = { ...request, ...after, ...saidWith(request, change, by.at) }
  await updateRequest(tx, changed)
  await recordRights(tx, change.do === 'markOverdue' ? 'rights.overdue' : 'rights.changed', by, {
    request: requestId,
    change: change.do,
    from: request.state,
    to: changed.state,
    due: toTimestamp(changed.dueAt),
    ...('reason' in change ? { reason: change.reason } : {}),
    ...('means' in change ? { identity: change.means } : {}),
    ...('outcome' in change ? { outcome: change.outcome } : {}),
  })
  return { ...changed, revision: request.revision + 1 }
}

function saidWith(
  request: RightsRequest,
  change: RequestChange,
  at: number,
): Partial<RightsRequest> {
  switch (change.do) {
    case 'confirmIdentity':
      return { identityBy: change.means, identityAt: at }
    case 'extend':
      return { extendedReason: change.reason }
    case 'complete':
      return { closedAt: at, reason: change.outcome === 'partly' ? change.reason : undefined }
    case 'refuse':
      return { closedAt: at, reason: change.reason }
    case 'withdraw':
      return { closedAt: at }
    case 'runAgain':
      return { closedAt: undefined, collectedAt: undefined, reason: undefined }
    case 'waitForRecipients':
    case 'recipientsAnswered':
    case 'markOverdue':
      return { runs: request.runs }
  }
}

/** Gives the request to another account. @returns `not_found`, `account_unknown` */
export async function assignRequest(
  tx: Transaction,
  requestId: string,
  owner: string,
  by: By,
): Promise<RightsRequest | Refusal> {
  const found = await lockRequest(tx, requestId)
  if (!found) return refuse('not_found')
  if (!(await readAccount(tx, owner))) return refuse('account_unknown', { account: owner })
  const changed = { ...found.request, owner }
  await updateRequest(tx, changed)
  await recordRights(tx, 'rights.changed', by, { request: requestId, change: 'assign', owner })
  return { ...changed, revision: changed.revision + 1 }
}

/**
 * Says whether a subject that was found is the person who asks, where two people go by one name.
 *
 * @returns `not_found`, `step_state` when the request is closed
 */
export async function decideSubject(
  tx: Transaction,
  requestId: string,
  decision: { readonly subjectId: string; readonly isTheirs: boolean },
  by: By,
): Promise<true | Refusal> {
  const found = await lockRequest(tx, requestId)
  if (!found) return refuse('not_found')
  if (found.request.state === 'closed') return refuse('step_state', { request: requestId })
  const state = decision.isTheirs ? 'confirmed' : 'rejected'
  if (!(await decideLink(tx, requestId, decision.subjectId, { state, by: by.actor })))
    return refuse('not_found')
  await recordRights(tx, 'rights.changed', by, {
    request: requestId,
    change: 'decideSubject',
    to: state,
  })
  return true
}

/** The request with who asks; undefined when there is none. */
export async function readRequest(
  reader: Reader,
  { keys }: Pick<RightsParts, 'keys'>,
  requestId: string,
): Promise<{ readonly request: RightsRequest; readonly subject: RequestSubject } | undefined> {
  const found = await selectRequest(reader, requestId)
  return (
    found && {
      request: found.request,
      subject: await openRequestSubject(reader, keys, found.row),
    }
  )
}

/**
 * A request whose person's data may be shown now.
 *
 * @returns `not_found`, `identity_not_shown`, `step_state` (refused or withdrawn), `not_collected`,
 *   `identity_ambiguous`
 */
export async function readServable(
  reader: Reader,
  parts: Pick<RightsParts, 'keys'>,
  requestId: string,
): Promise<{ readonly request: RightsRequest; readonly subject: RequestSubject } | Refusal> {
  const found = await readRequest(reader, parts, requestId)
  if (!found) return refuse('not_found')
  const { state, outcome, collectedAt } = found.request
  const about = { request: requestId }
  if (state === 'identity') return refuse('identity_not_shown', about)
  if (outcome === 'refused' || outcome === 'withdrawn') return refuse('step_state', about)
  if (collectedAt === undefined) return refuse('not_collected', about)
  if ((await countLinks(reader, requestId)).candidate > 0)
    return refuse('identity_ambiguous', about)
  return found
}

/** Tells the owner of a request of its date, in the caller's commit. */
export type TellOwner = (
  tx: Transaction,
  about: {
    readonly requestId: string
    readonly owner: string
    readonly dueAt: number
    readonly isOver: boolean
  },
) => Promise<void>

const NEAR_IN_MS = 7 * 86_400_000

/**
 * Tells once, for each date, that an open request of the tenant is due within seven days, and notes once that its date
 * has passed. Answers how many were noted.
 */
export async function watchDeadlines(
  tx: Transaction,
  by: Pick<By, 'actor' | 'at'>,
  tell: TellOwner,
): Promise<number> {
  const near = { from: by.at, until: by.at + NEAR_IN_MS }
  for (const { id, owner, dueAt } of await takeNearRequests(tx, near))
    await tell(tx, { requestId: id, owner, dueAt, isOver: false })
  let marked = 0
  for (const requestId of await lateRequests(tx, by.at)) {
    const done = await changeRequest(tx, requestId, { do: 'markOverdue' }, by)
    if (isRefusal(done)) continue
    marked++
    await tell(tx, { requestId, owner: done.owner, dueAt: done.dueAt, isOver: true })
  }
  return marked
}
