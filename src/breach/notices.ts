import type { Principal } from '#access/principal.ts'
import type { Transaction } from '#database/handles.ts'
import { newOrderedId } from '#foundation/ids.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import { addToIncident } from './change-incident.ts'
import type { Incident } from './incident.table.ts'
import {
  type Hand,
  type NoticeKind,
  type NoticeWords,
  judgeApproval,
  noticeHash,
  whyNotComplete,
} from './notice.ts'
import {
  type BreachNotice,
  approvalsOf,
  freezeNotice,
  insertApproval,
  insertNotice,
  insertVersion,
  readNotice,
  versionsOf,
  withdrawNotice,
  wordsOf,
} from './notice.table.ts'
import type { BreachParts, By } from './parts.ts'

const handOf = ({ accountId, personMarks }: Principal): Hand => ({
  accountId,
  marks: personMarks,
})

/**
 * Begins a notice with its first version. It may be unfinished: what is missing is asked for when it is approved.
 *
 * @returns its id
 */
export function draftNotice(
  parts: BreachParts,
  incidentId: string,
  { kind, words }: { readonly kind: NoticeKind; readonly words: NoticeWords },
  by: By,
): Promise<string | Refusal> {
  return addToIncident(parts, incidentId, by, async (tx, _, tell) => {
    const noticeId = newOrderedId(by.now)
    await insertNotice(tx, { noticeId, incidentId, kind, madeAt: by.now })
    const first = { noticeId, version: 1 }
    await insertVersion(tx, parts.keys, first, words, handOf(by.principal), by.now)
    const about = { notice: noticeId, kind, version: 1 }
    await tell({ kind: 'noticeWritten', entry: 'incident.notice', about })
    return noticeId
  })
}

/**
 * Writes the next version. Approvals of the one before do not count for it.
 *
 * @param version  the one that was read; another one since is `precondition_failed`
 * @returns the new version's number; `notice_unknown`, or `notice_state` once it is approved or withdrawn
 */
export function reviseNotice(
  parts: BreachParts,
  incidentId: string,
  noticeId: string,
  { version, words }: { readonly version: number; readonly words: NoticeWords },
  by: By,
): Promise<number | Refusal> {
  return addToIncident(parts, incidentId, by, async (tx, incident, tell) => {
    const notice = await draftOf(tx, incident, noticeId)
    if (isRefusal(notice)) return notice
    if (notice.version !== version)
      return refuse('precondition_failed', { version: notice.version })
    const next = { noticeId, version: version + 1 }
    await insertVersion(tx, parts.keys, next, words, handOf(by.principal), by.now)
    const about = { notice: noticeId, kind: notice.kind, version: next.version }
    await tell({ kind: 'noticeWritten', entry: 'incident.notice', about })
    return next.version
  })
}

/**
 * Approves one version. With the second person words and scope are frozen and hashed, and telling begins: by the job,
 * so that a node that dies now loses nothing.
 *
 * @returns the notice as it stands; `notice_unknown`, `notice_state`, `notice_incomplete`, `self_approval`,
 *   `precondition_failed` for another version than the newest, `incident_state` before the declaration, `scope_missing`
 */
export function approveNotice(
  parts: BreachParts,
  incidentId: string,
  noticeId: string,
  version: number,
  by: By,
): Promise<BreachNotice | Refusal> {
  const { keys } = parts
  return addToIncident(parts, incidentId, by, async (tx, incident, tell) => {
    const notice = await draftOf(tx, incident, noticeId)
    if (isRefusal(notice)) return notice
    if (notice.version !== version)
      return refuse('precondition_failed', { version: notice.version })
    if (!incident.declared) return refuse('incident_state', { state: incident.state })
    const { scopeId, declared } = incident
    if (scopeId === undefined) return refuse('scope_missing', { incident: incidentId })
    const words = await wordsOf(tx, keys, notice)
    if (!words) throw new Error('a notice has no words of its version')
    const incomplete = whyNotComplete(notice.kind, words, by.now)
    if (incomplete) return incomplete

    const hand = handOf(by.principal)
    const given = await approvalsOf(tx, notice)
    const writers = await versionsOf(tx, noticeId)
    const judged = judgeApproval(hand, given, writers, declared)
    if (isRefusal(judged)) return judged
    await insertApproval(tx, notice, hand, by.now)
    const about = { notice: noticeId, kind: notice.kind, version }
    await tell({ kind: 'noticeApproved', entry: 'incident.notice', about })
    if (judged === 'one') return notice

    const hash = noticeHash({ incidentId, noticeId, kind: notice.kind, version, scopeId, words })
    const frozen = { at: by.now, scopeId, hash }
    await freezeNotice(tx, noticeId, frozen)
    const fixed = { ...about, scope: scopeId, hash }
    await tell({ kind: 'noticeFrozen', entry: 'incident.notice', about: fixed })
    return { ...notice, state: 'approved', frozen }
  })
}

/** Gives a draft up. What was approved has been, or is being, told: it is followed up instead. */
export function withdrawDraft(
  parts: BreachParts,
  incidentId: string,
  noticeId: string,
  by: By,
): Promise<true | Refusal> {
  return addToIncident(parts, incidentId, by, async (tx, incident, tell) => {
    const notice = await draftOf(tx, incident, noticeId)
    if (isRefusal(notice)) return notice
    await withdrawNotice(tx, noticeId)
    const about = { notice: noticeId, kind: notice.kind, version: notice.version }
    await tell({ kind: 'noticeWithdrawn', entry: 'incident.notice', about })
    return true
  })
}

async function draftOf(
  tx: Transaction,
  { incidentId }: Incident,
  noticeId: string,
): Promise<BreachNotice | Refusal> {
  const notice = await readNotice(tx, noticeId, 'for update')
  if (notice?.incidentId !== incidentId) return refuse('notice_unknown', { notice: noticeId })
  return notice.state === 'draft' ? notice : refuse('notice_state', { state: notice.state })
}
