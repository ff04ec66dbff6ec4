import type { Grant } from '#access/grant.ts'
import type { Transaction } from '#database/handles.ts'
import type { SupportNotice, SupportParts } from './parts.ts'
import type { SupportRequest } from './request.ts'

type Notifying = Pick<SupportParts, 'notify'>

/** Tells of a request: the tenant's approvers, the asker, or both. */
export async function noticeOfRequest(
  tx: Transaction,
  { notify }: Notifying,
  template: SupportNotice['template'],
  audiences: readonly SupportNotice['audience'][],
  request: Pick<SupportRequest, 'requestId' | 'caseId' | 'asker'> & { readonly grantId?: string },
  at: number,
  until?: number,
): Promise<void> {
  for (const audience of audiences)
    await notify(tx, {
      tenantId: tx.tenantId,
      template,
      audience,
      about: { requestId: request.requestId, caseId: request.caseId, askerId: request.asker },
      at,
      ...(until === undefined ? {} : { until }),
    })
}

/** Tells approvers and asker of accesses that are over. */
export async function noticeOfGrants(
  tx: Transaction,
  { notify }: Notifying,
  grants: readonly Grant[],
  at: number,
): Promise<void> {
  for (const grant of grants)
    for (const audience of ['approvers', 'asker'] as const)
      await notify(tx, {
        tenantId: tx.tenantId,
        template: grant.endReason === 'lapsed' ? 'grant.lapsed' : 'grant.ended',
        audience,
        about: {
          grantId: grant.grantId,
          requestId: grant.requestId,
          caseId: grant.caseId,
          askerId: grant.operatorAccountId,
        },
        at,
      })
}
