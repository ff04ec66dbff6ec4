import { type EndedBy, endGrant, readGrant } from '#access/grants.ts'
import type { Grant } from '#access/grant.ts'
import type { PermissionId } from '#access/permission.ts'
import { actorOf, realmOf } from '#access/principal.ts'
import { INSTALLATION, type Transaction } from '#database/handles.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import { readTenant } from '#tenants/tenant.ts'
import { type Approval, approve } from './approval/approve.ts'
import { type ApprovalOffer, type Narrowing, offerApproval } from './approval/text.ts'
import { closeCase, openCase } from './case.ts'
import { askEmergency, unreviewedOf } from './emergency/ask-emergency.ts'
import { openEmergency } from './emergency/open-emergency.ts'
import { type ReviewOutcome, reviewEmergency } from './emergency/review-emergency.ts'
import { noticeOfGrants } from './notices.ts'
import type { By, SupportParts } from './parts.ts'
import { recordRefused } from './record.ts'
import { readRequest } from './request.table.ts'
import { cancel, deny, markNotified, providerApprove } from './requests/answer.ts'
import { type Wanted, ask } from './requests/ask.ts'
import { type SealedClass, sealEntry } from './sealed.ts'
import { type SupportSettings, changeSupportSettings } from './support-settings.ts'
import { type Swept, sweepSupport } from './sweep.ts'

export type { Approval } from './approval/approve.ts'
export type { ApproverSignature } from './approval/check-signature.ts'
export type { ApprovalOffer, Narrowing } from './approval/text.ts'
export type { ReviewOutcome } from './emergency/review-emergency.ts'
export type { Wanted } from './requests/ask.ts'

type Answer<Result> = Promise<Result | Refusal>

/**
 * Everything that can be done about support access, each in a commit of its own with its evidence. Each refuses
 * with `lease_expired` on a node that is cut off, `wrong_realm`, `tenant_unknown` (also for another tenant's
 * people) and, where something new is asked or opened, `tenant_closed`; the operator's acts with `role_missing`.
 */
export interface Support {
  openCase(tenantId: string, wanted: Parameters<typeof openCase>[2], by: By): Answer<string>
  closeCase(tenantId: string, caseId: string, by: By): Answer<true>
  ask(tenantId: string, wanted: Wanted, by: By): Answer<string>
  providerApprove(tenantId: string, requestId: string, by: By): Answer<true>
  /** For whoever sends the notices. */
  notified(tenantId: string, requestId: string, now: number): Promise<boolean>
  textToSign(requestId: string, narrowing: Narrowing, by: By): Answer<ApprovalOffer>
  approve(requestId: string, approval: Approval, by: By): Answer<string>
  deny(tenantId: string, requestId: string, reason: string, by: By): Answer<true>
  cancel(tenantId: string, requestId: string, by: By): Answer<true>
  endGrant(tenantId: string, grantId: string, by: By): Answer<Grant>
  changeSettings(change: Partial<SupportSettings>, by: By): Answer<SupportSettings>
  askEmergency(tenantId: string, wanted: Wanted, by: By): Answer<string>
  openEmergency(tenantId: string, emergencyId: string, by: By): Answer<string>
  reviewEmergency(
    tenantId: string,
    emergencyId: string,
    outcome: ReviewOutcome,
    by: By,
  ): Answer<true>
  seal(
    tenantId: string,
    entry: { readonly class: SealedClass; readonly text: string; readonly opensAt: number },
    by: By,
  ): Answer<string>
  /** Records what time has decided. A job calls it; nothing depends on it having run. */
  sweep(now: number): Promise<Swept>
}

interface Door {
  readonly realms: 'tenant' | 'operator' | 'both'
  /** What an operator must hold, read from the rows at this moment. */
  readonly operatorNeeds?: PermissionId
  readonly evenWhenClosed?: boolean
}

export function createSupport(parts: SupportParts): Support {
  const within = createDoor(parts)
  const operator = (operatorNeeds: PermissionId): Door => ({ realms: 'operator', operatorNeeds })
  const both = (operatorNeeds: PermissionId): Door => ({ realms: 'both', operatorNeeds })
  const tenant: Door = { realms: 'tenant' }
  const asking = operator('Support access/Request')
  const emergency = operator('Support access/Emergency')
  return {
    openCase: (tenantId, wanted, by) =>
      within(tenantId, by, both('Support access/Request'), (tx) => openCase(tx, parts, wanted, by)),
    closeCase: (tenantId, caseId, by) =>
      within(tenantId, by, { ...both('Support access/Request'), evenWhenClosed: true }, (tx) =>
        closeCase(tx, parts, caseId, by),
      ),
    ask: (tenantId, wanted, by) =>
      within(tenantId, by, asking, async (tx) => {
        const waiting = await unreviewedOf(tx, by)
        if (waiting.some((one) => one.tenantId === tenantId)) return refuse('review_outstanding')
        return ask(tx, parts, wanted, by)
      }),
    providerApprove: (tenantId, requestId, by) =>
      within(tenantId, by, operator('Support access/Provider approve'), (tx) =>
        providerApprove(tx, parts, requestId, by),
      ),
    notified: (tenantId, requestId, now) =>
      parts.database.write(tenantId, (tx) => markNotified(tx, requestId, now)),
    textToSign: (requestId, narrowing, by) => textToSign(parts, requestId, narrowing, by),
    approve: (requestId, approval, by) =>
      within(by.principal.tenantId, by, tenant, (tx) =>
        approve(tx, parts, requestId, approval, by),
      ),
    deny: (tenantId, requestId, reason, by) =>
      within(tenantId, by, both('Support access/Provider approve'), (tx) =>
        deny(tx, parts, requestId, reason, by),
      ),
    cancel: (tenantId, requestId, by) =>
      within(tenantId, by, { ...asking, evenWhenClosed: true }, (tx) =>
        cancel(tx, parts, requestId, by),
      ),
    endGrant: (tenantId, grantId, by) =>
      within(tenantId, by, { realms: 'both', evenWhenClosed: true }, (tx) =>
        endEarly(tx, parts, grantId, by),
      ),
    changeSettings: (change, by) =>
      within(by.principal.tenantId, by, tenant, (tx) => changeSupportSettings(tx, change, by)),
    askEmergency: (tenantId, wanted, by) =>
      within(tenantId, by, emergency, (tx) => askEmergency(tx, parts, wanted, by)),
    openEmergency: (tenantId, emergencyId, by) =>
      within(tenantId, by, emergency, (tx) => openEmergency(tx, parts, emergencyId, by)),
    reviewEmergency: (tenantId, emergencyId, outcome, by) =>
      within(tenantId, by, { ...both('Support access/Review'), evenWhenClosed: true }, (tx) =>
        reviewEmergency(tx, parts, emergencyId, outcome, by),
      ),
    seal: (tenantId, entry, by) =>
      within(tenantId, by, emergency, (tx) =>
        sealEntry(tx, parts, entry, { actor: actorOf(by.principal), now: by.now }),
      ),
    sweep: (now) => sweepSupport(parts, now),
  }
}

/** What stands before every act: the lease, the realm, the operator's right, the tenant. */
function createDoor(parts: SupportParts) {
  return async <Result>(
    tenantId: string,
    by: By,
    door: Door,
    work: (tx: Transaction) => Answer<Result>,
  ): Answer<Result> => {
    if (!parts.lease.held()) return refuse('lease_expired')
    const realm = realmOf(by.principal)
    if (door.realms !== 'both' && door.realms !== realm) return refuse('wrong_realm')
    if (realm === 'tenant' && by.principal.tenantId !== tenantId) return refuse('tenant_unknown')
    if (tenantId === INSTALLATION) return refuse('tenant_unknown')
    const needs = realm === 'operator' ? door.operatorNeeds : undefined
    const holds =
      needs === undefined ||
      (await parts.database.read(INSTALLATION, (reader) =>
        parts.holds(reader, by.principal, needs),
      ))
    return parts.database.write(tenantId, async (tx): Answer<Result> => {
      const state = (await readTenant(tx))?.state
      if (state === undefined) return refuse('tenant_unknown')
      if (!holds) {
        const refusal = refuse('role_missing', { permission: needs })
        return recordRefused(tx, by, 'support', { permission: needs }, refusal)
      }
      if (state === 'closed' && door.evenWhenClosed !== true) return refuse('tenant_closed')
      return work(tx)
    })
  }
}

async function textToSign(
  parts: SupportParts,
  requestId: string,
  narrowing: Narrowing,
  by: By,
): Answer<ApprovalOffer> {
  if (realmOf(by.principal) !== 'tenant') return refuse('wrong_realm')
  return parts.database.read(by.principal.tenantId, async (reader) => {
    const request = await readRequest(reader, parts.keys, requestId)
    if (!request) return refuse('request_unknown', { request: requestId })
    return offerApproval(reader, parts, request, by.principal.accountId, narrowing)
  })
}

/** Either side ends an access: the tenant's people any, an operator's engineer only their own. */
async function endEarly(
  tx: Transaction,
  parts: SupportParts,
  grantId: string,
  by: By,
): Answer<Grant> {
  const grant = await readGrant(tx, grantId)
  const isOperator = realmOf(by.principal) === 'operator'
  if (!grant || (isOperator && grant.operatorAccountId !== by.principal.accountId))
    return refuse('grant_missing', { grant: grantId })
  const reason: EndedBy['reason'] = isOperator ? 'returned' : 'revoked'
  const ended = await endGrant(tx, grantId, { actor: actorOf(by.principal), at: by.now, reason })
  if (!isRefusal(ended)) await noticeOfGrants(tx, parts, [ended], by.now)
  return ended
}
