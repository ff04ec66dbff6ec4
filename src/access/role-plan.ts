import { type Refusal, refuse } from '#foundation/refusal.ts'
import { type EffectiveAccess, compileRoles } from './effective.ts'
import type { PermissionId } from './permission.ts'
import { BUILT_IN_ROLES, PERMISSIONS } from './role-facts.ts'
import {
  type Member,
  type RoleAssignment,
  type RoleDefinition,
  type TenantRoles,
  realmOfTenant,
} from './role.ts'
import { MOST_SCOPE_TAGS, type TagScope, covers } from './scope-tag.ts'

export type RoleFields = Pick<RoleDefinition, 'name' | 'description' | 'permissions' | 'scopeTags'>
export type AssignmentFields = Omit<RoleAssignment, 'assignmentId'>

/** A change of roles as a value: it can be shown before it is made, and is made exactly as it was shown. */
export type RoleChange =
  | { readonly kind: 'createRole'; readonly roleId: string; readonly role: RoleFields }
  | { readonly kind: 'updateRole'; readonly roleId: string; readonly role: Partial<RoleFields> }
  | { readonly kind: 'deleteRole'; readonly roleId: string }
  | {
      readonly kind: 'assign'
      readonly assignmentId: string
      readonly assignment: AssignmentFields
    }
  | {
      readonly kind: 'updateAssignment'
      readonly assignmentId: string
      readonly assignment: Partial<AssignmentFields>
    }
  | { readonly kind: 'unassign'; readonly assignmentId: string }

/**
 * The roles as they would stand after the change.
 *
 * @returns `role_unknown`, `role_built_in`, `permission_unknown`, `assignment_unknown`, `wrong_realm`,
 * `scope_tag_last` or `name_taken` when it cannot be made, whoever asks
 */
export function applyChange(before: TenantRoles, change: RoleChange): TenantRoles | Refusal {
  switch (change.kind) {
    case 'createRole':
      return putRole(before, { ...change.role, roleId: change.roleId, builtIn: false })
    case 'updateRole': {
      const role = ownRole(before, change.roleId)
      return 'refused' in role ? role : putRole(before, { ...role, ...change.role })
    }
    case 'deleteRole': {
      const role = ownRole(before, change.roleId)
      if ('refused' in role) return role
      const roles = new Map(before.roles)
      roles.delete(role.roleId)
      const assignments = before.assignments.filter((one) => one.roleId !== role.roleId)
      return { ...before, roles, assignments }
    }
    case 'assign':
      return putAssignment(before, { ...change.assignment, assignmentId: change.assignmentId })
    case 'updateAssignment': {
      const found = assignmentIn(before, change.assignmentId)
      return 'refused' in found ? found : putAssignment(before, { ...found, ...change.assignment })
    }
    case 'unassign': {
      const found = assignmentIn(before, change.assignmentId)
      if ('refused' in found) return found
      return { ...before, assignments: before.assignments.filter((one) => one !== found) }
    }
  }
}

function ownRole(before: TenantRoles, roleId: string): RoleDefinition | Refusal {
  const role = before.roles.get(roleId)
  if (!role) return refuse('role_unknown', { role: roleId })
  return role.builtIn ? refuse('role_built_in', { role: roleId }) : role
}

function putRole(before: TenantRoles, role: RoleDefinition): TenantRoles | Refusal {
  const realm = realmOfTenant(before.tenantId)
  for (const permission of role.permissions)
    if (!PERMISSIONS.get(permission)?.realms.includes(realm))
      return refuse('permission_unknown', { permission })
  if (role.scopeTags.length === 0) return refuse('scope_tag_last', { role: role.roleId })
  if (role.scopeTags.length > MOST_SCOPE_TAGS)
    return refuse('body_malformed', { field: 'roleScopeTagIds', most: MOST_SCOPE_TAGS })
  const name = role.name.toLowerCase()
  for (const other of before.roles.values())
    if (other.roleId !== role.roleId && other.name.toLowerCase() === name)
      return refuse('name_taken', { role: other.roleId })
  return { ...before, roles: new Map(before.roles).set(role.roleId, role) }
}

export function assignmentIn(before: TenantRoles, assignmentId: string): RoleAssignment | Refusal {
  return (
    before.assignments.find((one) => one.assignmentId === assignmentId) ??
    refuse('assignment_unknown', { assignment: assignmentId })
  )
}

function putAssignment(before: TenantRoles, assignment: RoleAssignment): TenantRoles | Refusal {
  const { roleId, assignmentId, scopeTags } = assignment
  if (!before.roles.has(roleId))
    return refuse(BUILT_IN_ROLES.has(roleId) ? 'wrong_realm' : 'role_unknown', { role: roleId })
  if (scopeTags !== 'all' && scopeTags.length > MOST_SCOPE_TAGS)
    return refuse('body_malformed', { field: 'roleScopeTagIds', most: MOST_SCOPE_TAGS })
  const others = before.assignments.filter((one) => one.assignmentId !== assignmentId)
  return { ...before, assignments: [...others, assignment] }
}

/** A permission that an account has for other tags than before; an empty scope is not having it at all. */
export interface PermissionChange {
  readonly permission: PermissionId
  readonly before: TagScope
  readonly after: TagScope
}

export interface MemberChange {
  readonly accountId: string
  readonly before: EffectiveAccess
  readonly after: EffectiveAccess
  /** Each one that is gained or lost, wholly or for some tags. */
  readonly permissions: readonly PermissionChange[]
}

export const isGain = ({ before, after }: PermissionChange): boolean => !covers(before, after)
export const isLoss = ({ before, after }: PermissionChange): boolean => !covers(after, before)

/** Which active accounts gain or lose what, between two states of a tenant's roles. */
export function differences(
  before: TenantRoles,
  after: TenantRoles,
  members: readonly Member[],
): readonly MemberChange[] {
  const [old, next] = [compileRoles(before), compileRoles(after)]
  // People with the same assignments have the same difference: it is worked out once.
  const known = new Map<EffectiveAccess, Map<EffectiveAccess, readonly PermissionChange[]>>()
  return members
    .filter((member) => member.active)
    .flatMap((member) => {
      const [was, becomes] = [old.accessOf(member), next.accessOf(member)]
      const byAfter = known.get(was) ?? new Map<EffectiveAccess, readonly PermissionChange[]>()
      known.set(was, byAfter)
      const permissions = byAfter.get(becomes) ?? permissionChanges(was, becomes)
      byAfter.set(becomes, permissions)
      if (permissions.length === 0) return []
      return [{ accountId: member.accountId, before: was, after: becomes, permissions }]
    })
}

function permissionChanges(was: EffectiveAccess, becomes: EffectiveAccess): PermissionChange[] {
  return [...new Set([...was.permissions, ...becomes.permissions])]
    .sort()
    .map((permission) => ({
      permission,
      before: was.tagsFor(permission),
      after: becomes.tagsFor(permission),
    }))
    .filter((change) => isGain(change) || isLoss(change))
}
