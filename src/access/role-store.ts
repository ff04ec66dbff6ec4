import type { Reader } from '#database/handles.ts'
import { readFactsVersion } from '#tenants/facts-version.ts'
import { readAccount } from './account.ts'
import { BUILT_IN_ROLES } from './role-facts.ts'
import {
  type Member,
  type RoleAssignment,
  type RoleDefinition,
  type ScopeType,
  type TenantRoles,
  realmOfTenant,
} from './role.ts'
import { DEFAULT_SCOPE_TAG } from './scope-tag.ts'

export interface RoleRow {
  readonly role_id: string
  readonly name: string
  readonly description: string
  readonly permissions: string[]
  readonly scope_tags: string[]
}

export interface AssignmentRow {
  readonly assignment_id: string
  readonly role_id: string
  readonly name: string
  readonly description: string
  readonly member_groups: string[]
  readonly member_accounts: string[]
  readonly all_tags: boolean
  readonly scope_tags: string[]
  readonly scope_type: ScopeType
  readonly scope_groups: string[]
}

export const ROLE_COLUMNS = 'role_id, name, description, permissions, scope_tags'
// The driver does not know arrays of uuid by themselves.
export const ASSIGNMENT_COLUMNS = `assignment_id, role_id, name, description, member_groups,
  member_accounts::text[] as member_accounts, all_tags, scope_tags, scope_type, scope_groups`

/** All roles and assignments of the handle's tenant, with the facts version they stand at. */
export async function readTenantRoles(reader: Reader): Promise<TenantRoles> {
  const version = await readFactsVersion(reader)
  const own = await reader.rows<RoleRow>(
    `select ${ROLE_COLUMNS} from role_definitions where tenant_id = $1`,
    [reader.tenantId],
  )
  const assignments = await reader.rows<AssignmentRow>(
    `select ${ASSIGNMENT_COLUMNS} from role_assignments where tenant_id = $1 order by assignment_id`,
    [reader.tenantId],
  )
  const roles = [...builtInRoles(reader.tenantId), ...own.map(roleOf)]
  return {
    tenantId: reader.tenantId,
    version,
    roles: new Map(roles.map((role) => [role.roleId, role])),
    assignments: assignments.map(assignmentOf),
  }
}

/** The roles that ship for the realm of the tenant. */
export function builtInRoles(tenantId: string): readonly RoleDefinition[] {
  const realm = realmOfTenant(tenantId)
  return [...BUILT_IN_ROLES.values()]
    .filter((role) => role.realm === realm)
    .map((role) => ({
      roleId: role.id,
      name: role.name,
      description: role.does,
      builtIn: true,
      permissions: role.permissions,
      scopeTags: [DEFAULT_SCOPE_TAG],
    }))
}

export function roleOf(row: RoleRow): RoleDefinition {
  return {
    roleId: row.role_id,
    name: row.name,
    description: row.description,
    builtIn: false,
    permissions: new Set(row.permissions),
    scopeTags: row.scope_tags,
  }
}

export function assignmentOf(row: AssignmentRow): RoleAssignment {
  return {
    assignmentId: row.assignment_id,
    roleId: row.role_id,
    name: row.name,
    description: row.description,
    memberGroups: row.member_groups,
    memberAccounts: row.member_accounts,
    scopeTags: row.all_tags ? 'all' : row.scope_tags,
    scopeType: row.scope_type,
    scopeGroups: row.scope_groups,
  }
}

/** Every account of the handle's tenant as roles see it. */
export async function readMembers(reader: Reader): Promise<readonly Member[]> {
  const rows = await reader.rows<{
    account_id: string
    groups: string[]
    active: boolean
    person_marks: string[]
  }>(
    `select account_id, groups, state = 'active' as active, person_marks
       from accounts where tenant_id = $1`,
    [reader.tenantId],
  )
  return rows.map((row) => ({
    accountId: row.account_id,
    groups: row.groups,
    active: row.active,
    personMarks: row.person_marks,
  }))
}

/** One account as roles see it; undefined where there is none. */
export async function readMember(reader: Reader, accountId: string): Promise<Member | undefined> {
  const account = await readAccount(reader, accountId)
  return account && { accountId, groups: account.groups, active: account.state === 'active' }
}

/** Ids of the tenant's scope tags, the default one among them. */
export async function readScopeTagIds(reader: Reader): Promise<ReadonlySet<string>> {
  const rows = await reader.rows<{ tag_id: string }>(
    'select tag_id from role_scope_tags where tenant_id = $1',
    [reader.tenantId],
  )
  return new Set([DEFAULT_SCOPE_TAG, ...rows.map((row) => row.tag_id)])
}

export interface ScopeTagRow {
  readonly tagId: string
  readonly name: string
  readonly description: string
}

/** The tenant's scope tags, the default one first. */
export async function readScopeTags(reader: Reader): Promise<readonly ScopeTagRow[]> {
  const rows = await reader.rows<{ tag_id: string; name: string; description: string }>(
    'select tag_id, name, description from role_scope_tags where tenant_id = $1 order by tag_id',
    [reader.tenantId],
  )
  const own = rows.map(({ tag_id: tagId, name, description }) => ({ tagId, name, description }))
  const description = 'What carries no other tag carries this one.'
  return [{ tagId: DEFAULT_SCOPE_TAG, name: 'Default', description }, ...own]
}
