import type { PermissionId } from './permission.ts'
import { INSTALLATION } from '#database/handles.ts'
import type { Realm } from './principal.ts'
import { DEFAULT_SCOPE_TAG, type TagScope } from './scope-tag.ts'

/** A role, built in or of the tenant's own. */
export interface RoleDefinition {
  readonly roleId: string
  readonly name: string
  readonly description: string
  readonly builtIn: boolean
  readonly permissions: ReadonlySet<PermissionId>
  /** Who sees the role itself. Built-in roles are seen by all who may read roles. */
  readonly scopeTags: readonly string[]
}

/** Graph's choices for the people and devices an assignment is about. */
export type ScopeType =
  | 'resourceScope'
  | 'allDevices'
  | 'allLicensedUsers'
  | 'allDevicesAndLicensedUsers'

/** Gives a role to groups and accounts, for objects with some tags and for some groups of people or devices. */
export interface RoleAssignment {
  readonly assignmentId: string
  readonly roleId: string
  readonly name: string
  readonly description: string
  readonly memberGroups: readonly string[]
  readonly memberAccounts: readonly string[]
  /** `all` sees everything; an empty list sees the default tag only. */
  readonly scopeTags: 'all' | readonly string[]
  readonly scopeType: ScopeType
  /** For `resourceScope`: the groups that the members may act on. */
  readonly scopeGroups: readonly string[]
}

/** All roles and assignments of one tenant at one moment. */
export interface TenantRoles {
  readonly tenantId: string
  /** The facts version they were read at. */
  readonly version: number
  readonly roles: ReadonlyMap<string, RoleDefinition>
  readonly assignments: readonly RoleAssignment[]
}

/** An account as roles see it. */
export interface Member {
  readonly accountId: string
  readonly groups: readonly string[]
  readonly active: boolean
  /** Keyed marks that accounts of one person share. */
  readonly personMarks?: readonly string[]
}

/** The realm of the accounts that are kept under a tenant id. */
export function realmOfTenant(tenantId: string): Realm {
  return tenantId === INSTALLATION ? 'operator' : 'tenant'
}

/** What an assignment's tags reach. Without tags that is the default tag, never everything. */
export function tagScopeOf({ scopeTags }: Pick<RoleAssignment, 'scopeTags'>): TagScope {
  if (scopeTags === 'all') return 'all'
  return new Set(scopeTags.length === 0 ? [DEFAULT_SCOPE_TAG] : scopeTags)
}

type GroupScope = Pick<RoleAssignment, 'scopeType' | 'scopeGroups'>

/** Whether the people and devices of `part` all lie within `whole`. */
export function coversGroups(whole: GroupScope, part: GroupScope): boolean {
  if (whole.scopeType === 'allDevicesAndLicensedUsers') return true
  if (part.scopeType !== 'resourceScope') return whole.scopeType === part.scopeType
  // Whether a named group holds people or devices is not known here: only the very groups are covered.
  const own = new Set(whole.scopeGroups)
  return whole.scopeType === 'resourceScope' && part.scopeGroups.every((group) => own.has(group))
}
