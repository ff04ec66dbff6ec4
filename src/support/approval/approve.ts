import { createGrant } from '#access/grants.ts'
import { actorOf } from '#access/principal.ts'
import { type SigningKey, signingKeyOf } from '#access/signing-keys.ts'
import type { Transaction } from '#database/handles.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { newOrderedId } from '#foundation/ids.ts'
import { sha256Hex } from '#foundation/hashing.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import { append } from '#ledger/append.ts'
import { withDigest } from '#ledger/verify/approval.ts'
import { bumpFactsVersion } from '#tenants/facts-version.ts'
import type { By, SupportParts } from '../parts.ts'
import { holdCaseOpen } from '../case.ts'
import { noticeOfRequest } from '../notices.ts'
import { personOf, recordRefused } from '../record.ts'
import { askerOf } from '../requests/answer.ts'
import { lockRequest, moveRequest } from '../requests/lock.ts'
import { type SupportRequest, samePerson } from '../request.ts'
import { readRequest } from '../request.table.ts'
import { type ApproverSignature, signatureBytes, signatureFits } from './check-signature.ts'
import { type ApprovalOffer, type Narrowing, offerApproval } from './text.ts'

/** What an approver hands in: what they read, what they took away, and their signature over it. */
export interface Approval extends Narrowing {
  /** The text as it was shown and signed. */
  readonly text: string
  readonly signature: ApproverSignature
}

export const APPROVE = 'Support requests/Approve'
const HOUR_IN_MS = 3_600_000

/**
 * The customer's yes. Nobody approves what they asked for or what they approved for the operator, the approver
 * holds the right at this moment, the signature fits, and of two who approve at once one counts. The grant, its
 * evidence and the notice are one commit.
 *
 * @returns the grant's id, or `request_unknown`, `request_expired`, `request_state`, `case_closed`, `self_approval`,
 *   `request_wider`, `record_unknown`, `precondition_failed` (the text is not the one of now), `approval_replayed`,
 *   `approval_signature`, `approver_missing`
 */
export async function approve(
  tx: Transaction,
  parts: SupportParts,
  requestId: string,
  approval: Approval,
  by: By,
): Promise<string | Refusal> {
  const known = await readRequest(tx, parts.keys, requestId)
  if (!known) return refuse('request_unknown', { request: requestId })
  // The case first, as whoever closes it does: otherwise the two could wait for each other.
  const open = await holdCaseOpen(tx, known.caseId)
  const request = await lockRequest(tx, parts.keys, requestId, 'approve', by.now)
  if (isRefusal(request)) return request
  if (isRefusal(open)) return open
  const checked = await check(tx, parts, request, approval, by)
  if (isRefusal(checked)) {
    const about = { request: requestId, case: request.caseId }
    return recordRefused(tx, by, 'support.approve', about, checked)
  }
  return putInForce(tx, parts, request, approval, checked, by)
}

async function check(
  tx: Transaction,
  parts: SupportParts,
  request: SupportRequest,
  approval: Approval,
  by: By,
): Promise<{ offer: ApprovalOffer; key: SigningKey } | Refusal> {
  const about = { request: request.requestId }
  const { accountId } = by.principal
  if (approvesOwn(request, by)) return refuse('self_approval', about)
  const offer = await offerApproval(tx, parts, request, accountId, approval)
  if (isRefusal(offer)) return offer
  if (await wasUsed(tx, approval.signature)) return refuse('approval_replayed', about)
  if (offer.text !== approval.text) return refuse('precondition_failed', about)
  const key = await signingKeyOf(tx, accountId, approval.signature.keyId)
  if (!key || !(await signatureFits(parts, key, approval.signature, offer)))
    return refuse('approval_signature', about)
  // From here to the commit no change of roles or accounts comes between.
  await bumpFactsVersion(tx)
  if (!(await parts.holds(tx, by.principal, APPROVE))) return refuse('approver_missing', about)
  return { offer, key }
}

function approvesOwn(request: SupportRequest, by: By): boolean {
  const approver = personOf(by.principal)
  const provider = {
    accountId: request.providerApprovedBy ?? '',
    personMarks: request.providerMarks,
  }
  return samePerson(askerOf(request), approver) || samePerson(provider, approver)
}

async function wasUsed(tx: Transaction, signature: ApproverSignature): Promise<boolean> {
  const rows = await tx.rows(
    'select 1 from support_signatures where tenant_id = $1 and signature_hash = $2',
    [tx.tenantId, sha256Hex(signatureBytes(signature))],
  )
  return rows.length > 0
}

async function putInForce(
  tx: Transaction,
  parts: SupportParts,
  request: SupportRequest,
  { signature }: Approval,
  { offer, key }: { offer: ApprovalOffer; key: SigningKey },
  by: By,
): Promise<string | Refusal> {
  const { requestId, grantId, caseId, asker } = request
  const actor = actorOf(by.principal)
  const set = 'decided_by = $6, decided_at = $3'
  if (!(await moveRequest(tx, requestId, 'approve', 'approved', by.now, set, [actor])))
    return refuse('request_state', { request: requestId })
  await tx.change(
    'insert into support_signatures (tenant_id, signature_hash, request_id, used_at) values ($1, $2, $3, $4)',
    [tx.tenantId, sha256Hex(signatureBytes(signature)), requestId, new Date(by.now)],
  )
  const lapsesAt = by.now + offer.settings.lapseHours * HOUR_IN_MS
  await createGrant(tx, {
    grantId,
    requestId,
    caseId,
    operatorAccountId: asker,
    kind: 'approved',
    items: new Set(offer.items),
    records: offer.records,
    precision: offer.precision,
    purpose: request.purpose,
    starts: offer.settings.starts,
    approvedAt: by.now,
    durationMs: offer.durationMs,
    lapsesAt,
  })
  await append(
    tx,
    withDigest({
      id: newOrderedId(by.now),
      at: toTimestamp(by.now),
      kind: 'support.approved',
      actor,
      data: {
        request: requestId,
        case: caseId,
        grant: grantId,
        asker,
        approver: by.principal.accountId,
        text: offer.text,
        key: key.keyId,
        method: key.kind,
        publicKey: key.publicKey.toString('base64url'),
        ...signedParts(signature),
      },
    }),
  )
  const until = offer.settings.starts === 'approval' ? by.now + offer.durationMs : lapsesAt
  await noticeOfRequest(
    tx,
    parts,
    'support.approved',
    ['asker', 'approvers'],
    request,
    by.now,
    until,
  )
  return grantId
}

function signedParts(given: ApproverSignature): Record<string, string> {
  if (given.kind === 'ed25519') return { signature: given.signature }
  const { signature, authenticatorData, clientDataJSON } = given.assertion.response
  const again = (text: string): string => Buffer.from(text, 'base64url').toString('base64url')
  return {
    signature: again(signature),
    authenticatorData: again(authenticatorData),
    clientDataJSON: again(clientDataJSON),
  }
}
