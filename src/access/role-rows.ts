import type { Transaction } from '#database/handles.ts'
import type { RoleAssignment, RoleDefinition } from './role.ts'

/** Writes a role of the tenant's own, new or changed. */
export async function writeRole(tx: Transaction, role: RoleDefinition, at: number): Promise<void> {
  await tx.change(
    `insert into role_definitions
       (tenant_id, role_id, name, description, permissions, scope_tags, created_at, changed_at)
     values ($1, $2, $3, $4, $5, $6, $7, $7)
     on conflict (tenant_id, role_id) do update
       set name = $3, description = $4, permissions = $5, scope_tags = $6, changed_at = $7`,
    [
      tx.tenantId,
      role.roleId,
      role.name,
      role.description,
      [...role.permissions].sort(),
      role.scopeTags,
      new Date(at),
    ],
  )
}

/** Deletes a role and ends its assignments. */
export async function deleteRole(tx: Transaction, roleId: string): Promise<void> {
  await tx.change('delete from role_assignments where tenant_id = $1 and role_id = $2', [
    tx.tenantId,
    roleId,
  ])
  await tx.change('delete from role_definitions where tenant_id = $1 and role_id = $2', [
    tx.tenantId,
    roleId,
  ])
}

/** Writes an assignment, new or changed. */
export async function writeAssignment(
  tx: Transaction,
  assignment: RoleAssignment,
  at: number,
): Promise<void> {
  const all = assignment.scopeTags === 'all'
  await tx.change(
    `insert into role_assignments
       (tenant_id, assignment_id, role_id, name, description, member_groups, member_accounts, all_tags,
        scope_tags, scope_type, scope_groups, created_at, changed_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)
     on conflict (tenant_id, assignment_id) do update
       set role_id = $3, name = $4, description = $5, member_groups = $6, member_accounts = $7,
           all_tags = $8, scope_tags = $9, scope_type = $10, scope_groups = $11, changed_at = $12`,
    [
      tx.tenantId,
      assignment.assignmentId,
      assignment.roleId,
      assignment.name,
      assignment.description,
      assignment.memberGroups,
      assignment.memberAccounts,
      all,
      all ? [] : assignment.scopeTags,
      assignment.scopeType,
      assignment.scopeGroups,
      new Date(at),
    ],
  )
}

export async function deleteAssignment(tx: Transaction, assignmentId: string): Promise<void> {
  await tx.change('delete from role_assignments where tenant_id = $1 and assignment_id = $2', [
    tx.tenantId,
    assignmentId,
  ])
}
