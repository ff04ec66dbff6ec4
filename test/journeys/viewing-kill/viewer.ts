import type { Viewer } from '#viewing/viewer.ts'
import { ADMIN_RIGHTS, accessOf, principalOf } from '../../viewing.ts'

export const TENANT = 'acme'

export function adminNamed(accountId: string): Viewer {
  return {
    principal: principalOf(TENANT, accountId),
    access: accessOf(ADMIN_RIGHTS),
    tenantId: TENANT,
  }
}
