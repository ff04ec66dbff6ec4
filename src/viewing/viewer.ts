import type { Access, PermissionId } from '#access/permission.ts'
import { type Principal, realmOf } from '#access/principal.ts'
import type { ViewFacts } from '#access/view-facts.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import type { RecordKind } from '#records/keep.ts'

/** Who looks, at whose records, and under which grant when it is the operator's staff. */
export interface Viewer {
  readonly principal: Principal
  readonly access: Access
  /** The tenant whose records are looked at. */
  readonly tenantId: string
  readonly grantId?: string
}

const READS: Readonly<Record<RecordKind, PermissionId>> = {
  device: 'Managed devices/Read',
  person: 'Personal data/Read',
}
const SUPPORT: PermissionId = 'Support access/Request'

/** The permission by which the tenant's own people see records of the kind. */
export function readPermission(kind: RecordKind): PermissionId {
  return READS[kind]
}

/** What is known of the viewer, in the words of the policies. */
export function viewerFacts({ principal, access }: Viewer): ViewFacts['viewer'] {
  return {
    kind: realmOf(principal) === 'operator' ? 'support' : 'admin',
    mayRead: access.may('Managed devices/Read'),
    mayReadPersonal: access.may('Personal data/Read'),
    mayReveal: access.may('Personal data/Reveal'),
    maySeeSecrets: access.may('Secrets/Reveal'),
  }
}

/** Scope tags of the records that the viewer may see at all; a grant names its records instead. */
export function tagsOf(viewer: Viewer, kind: RecordKind): 'all' | ReadonlySet<string> {
  return realmOf(viewer.principal) === 'operator' ? 'all' : viewer.access.tagsFor(READS[kind])
}

/** Why this viewer gets no further, before any record is read: the wrong tenant or realm, or no role. */
export function viewerRefusal(viewer: Viewer, kind: RecordKind): Refusal | undefined {
  if (realmOf(viewer.principal) === 'operator') {
    if (viewer.grantId === undefined) return refuse('grant_missing')
    return viewer.access.may(SUPPORT) ? undefined : refuse('role_missing', { permission: SUPPORT })
  }
  if (viewer.principal.tenantId !== viewer.tenantId || viewer.grantId !== undefined)
    return refuse('wrong_realm')
  const permission = READS[kind]
  return viewer.access.may(permission) ? undefined : refuse('role_missing', { permission })
}
