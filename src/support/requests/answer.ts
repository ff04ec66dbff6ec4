import { actorOf } from '#access/principal.ts'
import type { Transaction } from '#database/handles.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import { noticeOfRequest } from '../notices.ts'
import type { By, SupportParts } from '../parts.ts'
import { personOf, record, recordRefused } from '../record.ts'
import { type SupportRequest, isMeaningful, samePerson, statesBefore } from '../request.ts'
import { requestPlace } from '../request.table.ts'
import { lockRequest, moveRequest } from './lock.ts'

/** The asker as a person. */
export function askerOf(request: Pick<SupportRequest, 'asker' | 'askerMarks'>): {
  readonly accountId: string
  readonly personMarks: readonly string[]
} {
  return { accountId: request.asker, personMarks: request.askerMarks }
}

/**
 * The operator's own approval, by another person than the asker. Only then is the customer asked, and has the
 * whole time for the answer from now on.
 *
 * @returns `self_approval`, or as `lockRequest`
 */
export async function providerApprove(
  tx: Transaction,
  parts: SupportParts,
  requestId: string,
  by: By,
): Promise<true | Refusal> {
  const request = await lockRequest(tx, parts.keys, requestId, 'providerApprove', by.now)
  if (isRefusal(request)) return request
  const about = { request: requestId, case: request.caseId }
  if (samePerson(askerOf(request), personOf(by.principal))) {
    const refusal = refuse('self_approval', { request: requestId })
    return recordRefused(tx, by, 'support.providerApprove', about, refusal)
  }
  const expires = by.now + request.answerMs
  const moved = await moveRequest(
    tx,
    requestId,
    'providerApprove',
    'providerApproved',
    by.now,
    'provider_approved_by = $6, provider_marks = $7, provider_approved_at = $3, expires_at = $8',
    [by.principal.accountId, by.principal.personMarks, new Date(expires)],
  )
  if (!moved) return refuse('request_state', about)
  await record(tx, 'support.provider-approved', actorOf(by.principal), by.now, {
    ...about,
    expires: toTimestamp(expires),
  })
  await noticeOfRequest(
    tx,
    parts,
    'support.providerApproved',
    ['approvers'],
    request,
    by.now,
    expires,
  )
  await noticeOfRequest(tx, parts, 'support.passedOn', ['asker'], request, by.now, expires)
  return true
}

/** The tenant's people have been told: for whoever sends the notice. Answers whether it was news. */
export function markNotified(tx: Transaction, requestId: string, now: number): Promise<boolean> {
  return moveRequest(tx, requestId, 'notify', 'customerNotified', now, 'notified_at = $3', [])
}

/**
 * Turns a request down, by either side, with a reason that the asker reads.
 *
 * @returns `reason_too_thin`, or as `lockRequest`
 */
export async function deny(
  tx: Transaction,
  parts: SupportParts,
  requestId: string,
  reason: string,
  by: By,
): Promise<true | Refusal> {
  if (!isMeaningful(reason)) return refuse('reason_too_thin')
  const request = await lockRequest(tx, parts.keys, requestId, 'deny', by.now)
  if (isRefusal(request)) return request
  const actor = actorOf(by.principal)
  const denial = await parts.keys.sealForTenant(
    tx,
    requestPlace(requestId, 'denial'),
    Buffer.from(reason.trim()),
  )
  const set = 'decided_by = $6, decided_at = $3, denial = $7'
  if (!(await moveRequest(tx, requestId, 'deny', 'denied', by.now, set, [actor, denial])))
    return refuse('request_state', { request: requestId })
  await record(tx, 'support.denied', actor, by.now, { request: requestId, case: request.caseId })
  await noticeOfRequest(tx, parts, 'support.denied', ['asker'], request, by.now)
  return true
}

/** The asker takes the request back. @returns `request_unknown` for anybody else, or as `lockRequest` */
export async function cancel(
  tx: Transaction,
  parts: SupportParts,
  requestId: string,
  by: By,
): Promise<true | Refusal> {
  const request = await lockRequest(tx, parts.keys, requestId, 'cancel', by.now)
  if (isRefusal(request)) return request
  if (request.asker !== by.principal.accountId)
    return refuse('request_unknown', { request: requestId })
  const actor = actorOf(by.principal)
  const set = 'decided_by = $6, decided_at = $3'
  if (!(await moveRequest(tx, requestId, 'cancel', 'cancelled', by.now, set, [actor])))
    return refuse('request_state', { request: requestId })
  await recordCancelled(tx, parts, request, actor, by.now)
  return true
}

async function recordCancelled(
  tx: Transaction,
  parts: SupportParts,
  request: Pick<SupportRequest, 'requestId' | 'caseId' | 'asker' | 'providerApprovedAt'>,
  actor: string,
  now: number,
): Promise<void> {
  const about = { request: request.requestId, case: request.caseId }
  await record(tx, 'support.cancelled', actor, now, about)
  // Whoever was not asked yet need not hear that nobody asks any more.
  if (request.providerApprovedAt !== undefined)
    await noticeOfRequest(tx, parts, 'support.cancelled', ['approvers'], request, now)
}

interface Touched {
  readonly request_id: string
  readonly case_id: string
  readonly asker: string
  readonly provider_approved_at: Date | null
}

const asTouched = (row: Touched) => ({
  requestId: row.request_id,
  caseId: row.case_id,
  asker: row.asker,
  providerApprovedAt: row.provider_approved_at?.getTime(),
})

/** What still waits for a case that closes is cancelled with it. */
export async function cancelRequestsOfCase(
  tx: Transaction,
  parts: SupportParts,
  caseId: string,
  actor: string,
  now: number,
): Promise<void> {
  await expireRequests(tx, parts, now)
  const rows = await tx.rows<Touched>(
    `update support_requests set state = 'cancelled', decided_by = $4, decided_at = $3, seen_at = greatest(seen_at, $3::timestamptz)
      where tenant_id = $1 and case_id = $2 and state = any($5)
      returning request_id, case_id, asker, provider_approved_at`,
    [tx.tenantId, caseId, new Date(now), actor, statesBefore('cancel')],
  )
  for (const row of rows) await recordCancelled(tx, parts, asTouched(row), actor, now)
}

/**
 * Records the requests that nobody answered in time, each once, and moves the time of the others on, so that a
 * clock that is set back does not bring one back. Answers how many.
 */
export async function expireRequests(
  tx: Transaction,
  parts: SupportParts,
  now: number,
): Promise<number> {
  const waiting = statesBefore('expire')
  await tx.change(
    'update support_requests set seen_at = $2 where tenant_id = $1 and state = any($3) and seen_at < $2',
    [tx.tenantId, new Date(now), waiting],
  )
  const rows = await tx.rows<Touched & { expires_at: Date }>(
    `update support_requests set state = 'expired', decided_by = 'clock', decided_at = expires_at
      where tenant_id = $1 and state = any($2) and expires_at <= seen_at
      returning request_id, case_id, asker, provider_approved_at, expires_at`,
    [tx.tenantId, waiting],
  )
  for (const row of rows) {
    await record(tx, 'support.expired', 'job:support', now, {
      request: row.request_id,
      case: row.case_id,
      expired: toTimestamp(row.expires_at.getTime()),
    })
    const audiences = row.provider_approved_at === null ? ['asker'] : ['asker', 'approvers']
    await noticeOfRequest(
      tx,
      parts,
      'support.expired',
      audiences as readonly ('asker' | 'approvers')[],
      asTouched(row),
      now,
    )
  }
  return rows.length
}
