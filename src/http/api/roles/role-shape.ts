import { z } from 'zod'
import type { PermissionId } from '#access/permission.ts'
import { ROLE_CORRECTIONS } from '#access/role-facts.ts'
import type { RoleFields } from '#access/role-plan.ts'
import type { RoleDefinition } from '#access/role.ts'
import { DEFAULT_SCOPE_TAG } from '#access/scope-tag.ts'
import { description, name, permissionIds, tagIds } from './shared.ts'

const resourceActions = z.object({
  allowedResourceActions: z.array(z.string()),
  notAllowedResourceActions: z.array(z.string()),
})

/** Graph's `roleDefinition`, with the tags that rule who sees it and where Sluss departs from the published role. */
export const roleDefinition = z.object({
  id: z.string(),
  displayName: z.string(),
  description: z.string(),
  isBuiltIn: z.boolean(),
  rolePermissions: z.array(z.object({ resourceActions: z.array(resourceActions) })),
  roleScopeTagIds: z.array(z.string()),
  corrections: z.array(
    z.object({ id: z.string(), published: z.string(), here: z.string(), reason: z.string() }),
  ),
})

const rolePermissions = z
  .array(
    z.strictObject({
      resourceActions: z
        .array(
          z.strictObject({
            allowedResourceActions: permissionIds,
            notAllowedResourceActions: permissionIds.optional(),
          }),
        )
        .max(100),
    }),
  )
  .max(100)

/** A new role. A duplicate of a built-in one is made by sending its permissions under another name. */
export const newRole = z.strictObject({
  displayName: name,
  description: description.optional(),
  isBuiltIn: z.literal(false).optional(),
  rolePermissions,
  roleScopeTagIds: tagIds.min(1).optional(),
})

export const changedRole = z.strictObject({
  displayName: name.optional(),
  description: description.optional(),
  rolePermissions: rolePermissions.optional(),
  roleScopeTagIds: tagIds.optional(),
})

export function describeRole(role: RoleDefinition): z.input<typeof roleDefinition> {
  const corrections = role.builtIn ? ROLE_CORRECTIONS.filter((one) => one.role === role.roleId) : []
  return {
    id: role.roleId,
    displayName: role.name,
    description: role.description,
    isBuiltIn: role.builtIn,
    rolePermissions: [
      {
        resourceActions: [
          {
            allowedResourceActions: [...role.permissions].sort(),
            notAllowedResourceActions: [],
          },
        ],
      },
    ],
    roleScopeTagIds: [...role.scopeTags],
    corrections: corrections.map(({ id, published, here, reason }) => ({
      id,
      published,
      here,
      reason,
    })),
  }
}

export function newFields(body: z.output<typeof newRole>): RoleFields {
  return {
    name: body.displayName,
    description: body.description ?? '',
    permissions: permissionsIn(body.rolePermissions),
    scopeTags: unique(body.roleScopeTagIds ?? [DEFAULT_SCOPE_TAG]),
  }
}

export function changedFields(body: z.output<typeof changedRole>): Partial<RoleFields> {
  const { displayName, rolePermissions: permissions, roleScopeTagIds: tags } = body
  return {
    ...(displayName === undefined ? {} : { name: displayName }),
    ...(body.description === undefined ? {} : { description: body.description }),
    ...(permissions === undefined ? {} : { permissions: permissionsIn(permissions) }),
    ...(tags === undefined ? {} : { scopeTags: unique(tags) }),
  }
}

/** What is not allowed is taken from what is, within each action group as Graph has them. */
function permissionsIn(groups: z.output<typeof rolePermissions>): ReadonlySet<PermissionId> {
  return new Set(
    groups
      .flatMap((group) => group.resourceActions)
      .flatMap(({ allowedResourceActions, notAllowedResourceActions = [] }) =>
        allowedResourceActions.filter((id) => !notAllowedResourceActions.includes(id)),
      ),
  )
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)]
}
