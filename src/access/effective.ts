import type { Refusal } from '#foundation/refusal.ts'
import type { Access, PermissionId } from './permission.ts'
import type { Principal } from './principal.ts'
import { resourceOf, spreads } from './role-facts.ts'
import { type Member, type RoleAssignment, type TenantRoles, tagScopeOf } from './role.ts'
import { type TagScope, unite } from './scope-tag.ts'

/** What a principal may do, with what gave it. */
export interface AccessReader {
  /** @returns `lease_expired` while this node is cut off from the database */
  of(principal: Principal): Promise<EffectiveAccess | Refusal>
}

/** One assignment as it works for one account. */
export interface Holding {
  readonly assignment: RoleAssignment
  readonly tags: TagScope
  readonly permissions: ReadonlySet<PermissionId>
  /** Types of object on which it gives a permission that spreads. */
  readonly spreadsOn: ReadonlySet<string>
}

export interface PermissionSource {
  readonly assignmentId: string
  readonly roleId: string
  readonly tags: TagScope
}

/** Why an account holds a permission. */
export interface ExplainedPermission {
  readonly permission: PermissionId
  readonly tags: TagScope
  /** Assignments that give the permission itself. */
  readonly givenBy: readonly PermissionSource[]
  /** Assignments that give another permission on the same type of object, whose tags count here too. */
  readonly widenedBy: readonly PermissionSource[]
}

export interface EffectiveAccess extends Access {
  readonly holdings: readonly Holding[]
  /** The facts version this was worked out from; a commit may check that it still is the one. */
  readonly version: number
  /** Every permission with what gave it, in alphabetical order. */
  explain(): readonly ExplainedPermission[]
}

/** Works out what members of one tenant may do. */
export interface CompiledRoles {
  accessOf(member: Pick<Member, 'accountId' | 'groups'>): EffectiveAccess
}

/**
 * Prepares the roles of a tenant, so that each account costs a look-up by its id and groups. Accounts with the
 * same assignments share one result.
 */
export function compileRoles(tenant: TenantRoles): CompiledRoles {
  const holdings: Holding[] = []
  const spreadsOn = new Map<ReadonlySet<PermissionId>, ReadonlySet<string>>()
  const byAccount = new Map<string, number[]>()
  const byGroup = new Map<string, number[]>()
  for (const assignment of tenant.assignments) {
    const role = tenant.roles.get(assignment.roleId)
    // A role that is gone gives nothing, whatever still names it.
    if (!role) continue
    const { permissions } = role
    let spreading = spreadsOn.get(permissions)
    if (!spreading) {
      spreading = new Set([...permissions].filter(spreads).map(resourceOf))
      spreadsOn.set(permissions, spreading)
    }
    const tags = tagScopeOf(assignment)
    const at = holdings.push({ assignment, tags, permissions, spreadsOn: spreading }) - 1
    for (const id of assignment.memberAccounts) add(byAccount, id, at)
    for (const id of assignment.memberGroups) add(byGroup, id, at)
  }
  const known = new Map<string, EffectiveAccess>()
  return {
    accessOf: ({ accountId, groups }) => {
      const mine = new Set(byAccount.get(accountId))
      for (const group of groups) for (const at of byGroup.get(group) ?? []) mine.add(at)
      const order = [...mine].sort((a, b) => a - b)
      const name = order.join(' ')
      const found = known.get(name)
      if (found) return found
      const made = effectiveOf(
        order.flatMap((at) => holdings[at] ?? []),
        tenant.version,
      )
      known.set(name, made)
      return made
    },
  }
}

function add(index: Map<string, number[]>, name: string, at: number): void {
  const list = index.get(name)
  if (list) list.push(at)
  else index.set(name, [at])
}

/** What these assignments give together. */
export function effectiveOf(holdings: readonly Holding[], version: number): EffectiveAccess {
  const permissions = new Set<PermissionId>()
  for (const holding of holdings)
    for (const permission of holding.permissions) permissions.add(permission)
  const giving = (permission: PermissionId): readonly Holding[] =>
    holdings.filter((holding) => holding.permissions.has(permission))
  const spreadingOn = (resource: string): readonly Holding[] =>
    holdings.filter((holding) => holding.spreadsOn.has(resource))
  const known = new Map<string, TagScope>()
  const tagsFor = (permission: PermissionId): TagScope => {
    if (!permissions.has(permission)) return NO_TAGS
    // Whoever gives a permission that spreads is among those that spread on its type of object.
    const resource = spreads(permission) ? resourceOf(permission) : undefined
    const name = resource ?? permission
    let scope = known.get(name)
    if (!scope) {
      const reaching = resource === undefined ? giving(permission) : spreadingOn(resource)
      scope = unite(reaching.map((holding) => holding.tags))
      known.set(name, scope)
    }
    return scope
  }
  return {
    holdings,
    version,
    permissions,
    may: (permission) => permissions.has(permission),
    tagsFor,
    explain: () =>
      [...permissions].sort().map((permission) => {
        const given = giving(permission)
        const wider = (spreads(permission) ? spreadingOn(resourceOf(permission)) : []).filter(
          (holding) => !given.includes(holding),
        )
        return {
          permission,
          tags: tagsFor(permission),
          givenBy: given.map(source),
          widenedBy: wider.map(source),
        }
      }),
  }
}

const NO_TAGS: ReadonlySet<string> = new Set()

function source({ assignment, tags }: Holding): PermissionSource {
  return { assignmentId: assignment.assignmentId, roleId: assignment.roleId, tags }
}
