import { changeRoles } from '#access/role-change.ts'
import type { RoleChange } from '#access/role-plan.ts'
import { readTenantRoles } from '#access/role-store.ts'
import type { RoleDefinition } from '#access/role.ts'
import type { Access } from '#access/permission.ts'
import { sees } from '#access/scope-tag.ts'
import { newId } from '#foundation/ids.ts'
import { isRefusal, refuse } from '#foundation/refusal.ts'
import { type Call, type Endpoint, changeEndpoint, getEndpoint, listEndpoint } from '../endpoint.ts'
import { listInMemory } from '../odata/list-in-memory.ts'
import {
  changedFields,
  changedRole,
  describeRole,
  newFields,
  newRole,
  roleDefinition,
} from './role-shape.ts'
import {
  BOTH_REALMS,
  PAGE,
  type RoleParts,
  both,
  byOf,
  named,
  noBody,
  noParams,
  nothing,
} from './shared.ts'

const COLLECTION = '/deviceManagement/roleDefinitions'
const ONE = `${COLLECTION}/{id}`

/** Built-in roles are seen by all who may read roles; the tenant's own by who shares a tag with them. */
export function seesRole(access: Access, role: RoleDefinition): boolean {
  return role.builtIn || sees(access.tagsFor('Roles/Read'), role.scopeTags)
}

/** `deviceManagement/roleDefinitions`: built-in roles and the tenant's own. */
export function roleDefinitionEndpoints({ database }: RoleParts): readonly Endpoint[] {
  const all = async ({ tenantId, access }: Call) => {
    const { roles } = await database.read(tenantId, readTenantRoles)
    return [...roles.values()].filter((role) => seesRole(access, role)).map(describeRole)
  }
  const one = async (call: Call, { id }: { readonly id: string }) =>
    (await all(call)).find((role) => role.id === id)
  const change = async (call: Call, wanted: RoleChange & { readonly roleId: string }) => {
    const done = await database.write(call.tenantId, (tx) => changeRoles(tx, wanted, byOf(call)))
    if (isRefusal(done)) return done
    const role = done.after.roles.get(wanted.roleId)
    return role && describeRole(role)
  }
  const common = { realms: BOTH_REALMS, answer: roleDefinition }
  return [
    listEndpoint({
      ...common,
      id: 'listRoleDefinitions',
      path: COLLECTION,
      summary: "Built-in roles and the tenant's own",
      permission: 'Roles/Read',
      params: noParams,
      pageSize: PAGE,
      fields: { id: both, displayName: both, description: both, isBuiltIn: both },
      list: async (call, _, query) => listInMemory(await all(call), 'id', query),
    }),
    getEndpoint({
      ...common,
      id: 'getRoleDefinition',
      path: ONE,
      summary: 'One role',
      permission: 'Roles/Read',
      params: named,
      get: async (call, params) =>
        (await one(call, params)) ?? refuse('role_unknown', { role: params.id }),
    }),
    changeEndpoint({
      ...common,
      id: 'createRoleDefinition',
      path: COLLECTION,
      method: 'POST',
      summary: 'Makes a role of the permissions that its maker holds',
      permission: 'Roles/Create',
      params: noParams,
      body: newRole,
      success: 201,
      change: (call, _, body) =>
        change(call, { kind: 'createRole', roleId: newId(), role: newFields(body) }),
    }),
    changeEndpoint({
      ...common,
      id: 'updateRoleDefinition',
      path: ONE,
      method: 'PATCH',
      summary: "Changes one of the tenant's own roles; see previewChange first",
      permission: 'Roles/Update',
      params: named,
      body: changedRole,
      success: 200,
      current: one,
      change: (call, { id }, body) =>
        change(call, { kind: 'updateRole', roleId: id, role: changedFields(body) }),
    }),
    changeEndpoint({
      ...common,
      id: 'deleteRoleDefinition',
      path: ONE,
      method: 'DELETE',
      summary: "Deletes one of the tenant's own roles; it stops giving at once",
      permission: 'Roles/Delete',
      params: named,
      body: noBody,
      answer: nothing,
      success: 204,
      current: one,
      change: async (call, { id }) => {
        const done = await change(call, { kind: 'deleteRole', roleId: id })
        return isRefusal(done) ? done : undefined
      },
    }),
  ]
}
