import { type Refusal, refuse } from '#foundation/refusal.ts'
import { type EffectiveAccess, type Holding, compileRoles } from './effective.ts'
import type { PermissionId } from './permission.ts'
import { PERMISSIONS, permissionsOfRealm } from './role-facts.ts'
import {
  type MemberChange,
  type PermissionChange,
  type RoleChange,
  assignmentIn,
  isGain,
} from './role-plan.ts'
import {
  type Member,
  type RoleAssignment,
  type TenantRoles,
  coversGroups,
  realmOfTenant,
  tagScopeOf,
} from './role.ts'
import { type TagScope, covers, sees, unite } from './scope-tag.ts'

/** The permission without which a change is not even looked at. */
export const NEEDED: Readonly<Record<RoleChange['kind'], PermissionId>> = {
  createRole: 'Roles/Create',
  updateRole: 'Roles/Update',
  deleteRole: 'Roles/Delete',
  assign: 'Roles/Assign',
  updateAssignment: 'Roles/Assign',
  unassign: 'Roles/Assign',
}

export interface Judged {
  readonly change: RoleChange
  readonly before: TenantRoles
  readonly after: TenantRoles
  readonly members: readonly Member[]
  /** What the change does to each active account. */
  readonly effects: readonly MemberChange[]
  readonly asker: { readonly accountId: string; readonly access: EffectiveAccess }
}

/**
 * Whether this person may make this change. Undefined when they may; otherwise
 * - `role_missing` without the permission for it, `role_unknown` for a role they cannot see
 * - `out_of_scope`, `scope_tag_not_own` when it reaches beyond their own assignments
 * - `role_wider` when somebody would gain what they do not hold, or they would raise themselves
 * - `last_admin` when nobody could manage roles any more
 */
export function judgeChange(judged: Judged): Refusal | undefined {
  const needed = NEEDED[judged.change.kind]
  if (!judged.asker.access.may(needed)) return refuse('role_missing', { permission: needed })
  return (
    roleRefusal(judged) ??
    scopeRefusal(judged) ??
    widerRefusal(judged) ??
    effectRefusal(judged) ??
    lastAdminRefusal(judged)
  )
}

/** Tags of a role rule who sees it; only own tags are given, and what one does not see one does not change. */
function roleRefusal({ change, before, asker: { access } }: Judged): Refusal | undefined {
  if (!('roleId' in change)) return undefined
  const scope = access.tagsFor(NEEDED[change.kind])
  const role = before.roles.get(change.roleId)
  if (role && !sees(scope, role.scopeTags)) return refuse('role_unknown', { role: change.roleId })
  const next = 'role' in change ? change.role.scopeTags : undefined
  const foreign = next?.find((tag) => !sees(scope, [tag]) && !role?.scopeTags.includes(tag))
  return foreign === undefined ? undefined : refuse('scope_tag_not_own', { scopeTag: foreign })
}

/** Assigning stays within one assignment that gives it: its tags and its groups together. */
function scopeRefusal({ change, before, after, asker }: Judged): Refusal | undefined {
  if (!('assignmentId' in change)) return undefined
  const touched = [before, after]
    .map((state) => assignmentIn(state, change.assignmentId))
    .filter((found) => 'assignmentId' in found)
  const own = asker.access.holdings.filter((one) => one.permissions.has('Roles/Assign'))
  for (const assignment of touched) {
    if (own.some((holding) => reaches(holding, assignment))) continue
    const about = { assignment: assignment.assignmentId }
    return own.some((holding) => covers(holding.tags, tagScopeOf(assignment)))
      ? refuse('out_of_scope', about)
      : refuse('scope_tag_not_own', about)
  }
  return undefined
}

function reaches(holding: Holding, assignment: RoleAssignment): boolean {
  return (
    covers(holding.tags, tagScopeOf(assignment)) && coversGroups(holding.assignment, assignment)
  )
}

/** Nobody puts into a role, or hands out by one, what they do not hold for the same tags; members or none. */
function widerRefusal({ change, before, after, asker }: Judged): Refusal | undefined {
  for (const assignment of after.assignments) {
    const old = before.assignments.find((one) => one.assignmentId === assignment.assignmentId)
    const [oldRole, role] = [
      old && before.roles.get(old.roleId),
      after.roles.get(assignment.roleId),
    ]
    const had = old && givesNoMore(old, assignment) ? oldRole?.permissions : undefined
    const given = [...(role?.permissions ?? [])].filter((permission) => !had?.has(permission))
    const refusal = notGivable(given, tagScopeOf(assignment), asker.access)
    if (refusal) return refusal
  }
  if (change.kind !== 'createRole' && change.kind !== 'updateRole') return undefined
  const had = before.roles.get(change.roleId)?.permissions
  const foreign = [...(change.role.permissions ?? [])].find(
    (permission) => !had?.has(permission) && !isHeld(givable(asker.access, permission)),
  )
  return foreign === undefined ? undefined : refuse('role_wider', { permission: foreign })
}

/** The same role for the same people or fewer, and the same objects or fewer. */
function givesNoMore(old: RoleAssignment, next: RoleAssignment): boolean {
  return (
    old === next ||
    (old.roleId === next.roleId &&
      covers(tagScopeOf(old), tagScopeOf(next)) &&
      coversGroups(old, next) &&
      next.memberGroups.every((group) => old.memberGroups.includes(group)) &&
      next.memberAccounts.every((account) => old.memberAccounts.includes(account)))
  )
}

function notGivable(
  given: readonly PermissionId[],
  tags: TagScope,
  access: EffectiveAccess,
): Refusal | undefined {
  for (const permission of given) {
    const own = givable(access, permission)
    if (!isHeld(own)) return refuse('role_wider', { permission })
    if (!covers(own, tags)) return refuse('scope_tag_not_own', { permission })
  }
  return undefined
}

/**
 * The same by what really happens, since assignments on one type of object add up. Oneself, by whichever account,
 * gains nothing that one does not hold.
 */
function effectRefusal({ effects, members, asker }: Judged): Refusal | undefined {
  const own = accountsOfPerson(members, asker.accountId)
  for (const effect of effects) {
    const held = (permission: PermissionId): TagScope =>
      own.has(effect.accountId)
        ? asker.access.tagsFor(permission)
        : givable(asker.access, permission)
    const wider = effect.permissions.find(
      (change) => isGain(change) && !covers(held(change.permission), gained(change)),
    )
    if (wider)
      return refuse('role_wider', { permission: wider.permission, account: effect.accountId })
  }
  return undefined
}

function accountsOfPerson(members: readonly Member[], accountId: string): ReadonlySet<string> {
  const marks = new Set(members.find((one) => one.accountId === accountId)?.personMarks)
  const same = members.filter((one) => one.personMarks?.some((mark) => marks.has(mark)))
  return new Set([accountId, ...same.map((one) => one.accountId)])
}

function gained({ before, after }: PermissionChange): TagScope {
  if (after === 'all' || before === 'all') return after
  return new Set([...after].filter((tag) => !before.has(tag)))
}

/** For which tags somebody may give the permission: those they hold it for. */
function givable(access: EffectiveAccess, permission: PermissionId): TagScope {
  // Who runs the operator's accounts gives the operator's roles without holding them: none of them shows data
  // of a tenant, and who asks a customer for access should not be who hands out the asking.
  const byOffice =
    PERMISSIONS.get(permission)?.realms.includes('operator') === true
      ? access.tagsFor('Operator accounts/Manage')
      : new Set<string>()
  return unite([access.tagsFor(permission), byOffice])
}

const isHeld = (scope: TagScope): boolean => scope === 'all' || scope.size > 0

function lastAdminRefusal({ before, after, members }: Judged): Refusal | undefined {
  for (const level of LEVELS) {
    if (anyAdministrator(before, members, level) && !anyAdministrator(after, members, level))
      return refuse('last_admin')
  }
  return undefined
}

type Level = (access: EffectiveAccess, tenantId: string) => boolean

/** First those who can give everything, everywhere: without them some right is lost for ever. */
const LEVELS: readonly [everything: Level, assigning: Level] = [
  (access, tenantId) =>
    assignsEverywhere(access) &&
    [...permissionsOfRealm(realmOfTenant(tenantId))].every(
      (permission) => givable(access, permission) === 'all',
    ),
  assignsEverywhere,
]

function assignsEverywhere(access: EffectiveAccess): boolean {
  return access.holdings.some(
    ({ permissions, tags, assignment }) =>
      permissions.has('Roles/Assign') &&
      tags === 'all' &&
      assignment.scopeType === 'allDevicesAndLicensedUsers',
  )
}

function anyAdministrator(state: TenantRoles, members: readonly Member[], level: Level): boolean {
  return administratorsAt(state, members, level).length > 0
}

function administratorsAt(
  state: TenantRoles,
  members: readonly Member[],
  level: Level,
): readonly Member[] {
  const roles = compileRoles(state)
  return members.filter((member) => member.active && level(roles.accessOf(member), state.tenantId))
}

/**
 * Who can give everything. Where no assignment would let anybody, who may at least assign everywhere; where one
 * would and nobody active holds it, nobody.
 */
export function administratorsIn(
  state: TenantRoles,
  members: readonly Member[],
): ReadonlySet<string> {
  const [everything, assigning] = LEVELS
  const full = administratorsAt(state, members, everything)
  const someone = { accountId: '', groups: [], active: true }
  const isMeant = state.assignments.some((one) => {
    const alone = { ...state, assignments: [{ ...one, memberAccounts: [someone.accountId] }] }
    return anyAdministrator(alone, [someone], everything)
  })
  const found = full.length > 0 || isMeant ? full : administratorsAt(state, members, assigning)
  return new Set(found.map((member) => member.accountId))
}
