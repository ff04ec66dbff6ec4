import { z } from 'zod'
import { changeRoles } from '#access/role-change.ts'
import type { AssignmentFields, RoleChange } from '#access/role-plan.ts'
import { readTenantRoles } from '#access/role-store.ts'
import { type RoleAssignment, tagScopeOf } from '#access/role.ts'
import { newId } from '#foundation/ids.ts'
import { isRefusal, refuse } from '#foundation/refusal.ts'
import { type Call, type Endpoint, changeEndpoint, getEndpoint, listEndpoint } from '../endpoint.ts'
import { listInMemory } from '../odata/list-in-memory.ts'
import { seesRole } from './role-definitions.ts'
import {
  BOTH_REALMS,
  PAGE,
  type RoleParts,
  both,
  byOf,
  description,
  name,
  noBody,
  noParams,
  nothing,
  numbered,
  scopeOf,
  tagIds,
} from './shared.ts'

const COLLECTION = '/deviceManagement/roleAssignments'
const ONE = `${COLLECTION}/{id}`

const SCOPE_TYPES = [
  'resourceScope',
  'allDevices',
  'allLicensedUsers',
  'allDevicesAndLicensedUsers',
] as const

/** Graph's `deviceAndAppManagementRoleAssignment`; accounts, and all tags being said explicitly, are Sluss's own. */
const roleAssignment = z.object({
  id: z.string(),
  displayName: z.string(),
  description: z.string(),
  roleDefinitionId: z.string(),
  /** Groups whose members get the role. */
  members: z.array(z.string()),
  /** Single accounts that get it. */
  memberAccounts: z.array(z.string()),
  scopeType: z.enum(SCOPE_TYPES),
  resourceScopes: z.array(z.string()),
  allScopeTags: z.boolean(),
  roleScopeTagIds: z.array(z.string()),
})

const groups = z.array(z.string().min(1).max(256)).max(1_000)
const fields = {
  displayName: name,
  description: description.optional(),
  members: groups.optional(),
  memberAccounts: z.array(z.uuid()).max(1_000).optional(),
  scopeType: z.enum(SCOPE_TYPES).optional(),
  resourceScopes: groups.optional(),
  allScopeTags: z.boolean().optional(),
  roleScopeTagIds: tagIds.optional(),
  roleDefinitionId: z.string().min(1).max(128).optional(),
  /** As clients of Graph name the role. */
  'roleDefinition@odata.bind': z
    .string()
    .regex(/\/roleDefinitions(?:\/|\('?)[^/()']{1,128}'?\)?$/, 'the address of a role')
    .optional(),
}
const notBoth = (body: {
  allScopeTags?: boolean | undefined
  roleScopeTagIds?: string[] | undefined
}) => !(body.allScopeTags === true && (body.roleScopeTagIds ?? []).length > 0)
const NOT_BOTH = { error: 'all scope tags, or some of them', path: ['roleScopeTagIds'] }

export const newAssignment = z.strictObject(fields).refine(notBoth, NOT_BOTH)
export const changedAssignment = z
  .strictObject({ ...fields, displayName: name.optional() })
  .refine(notBoth, NOT_BOTH)

export function describeAssignment(one: RoleAssignment): z.input<typeof roleAssignment> {
  return {
    id: one.assignmentId,
    displayName: one.name,
    description: one.description,
    roleDefinitionId: one.roleId,
    members: [...one.memberGroups],
    memberAccounts: [...one.memberAccounts],
    scopeType: one.scopeType,
    resourceScopes: [...one.scopeGroups],
    ...scopeOf(tagScopeOf(one)),
  }
}

/** Without tags it is about the default tag; without a scope type, about the groups that are named. */
export function newAssignmentFields(body: z.output<typeof newAssignment>): AssignmentFields {
  return {
    roleId: '',
    name: body.displayName,
    description: '',
    memberGroups: [],
    memberAccounts: [],
    scopeTags: [],
    scopeType: 'resourceScope',
    scopeGroups: [],
    ...changedAssignmentFields(body),
  }
}

export function changedAssignmentFields(
  body: z.output<typeof changedAssignment>,
): Partial<AssignmentFields> {
  const roleId = body.roleDefinitionId ?? boundRole(body['roleDefinition@odata.bind'])
  const scopeTags =
    body.allScopeTags === true
      ? ('all' as const)
      : (body.roleScopeTagIds ?? (body.allScopeTags === false ? [] : undefined))
  return {
    ...given('roleId', roleId),
    ...given('name', body.displayName),
    ...given('description', body.description),
    ...given('memberGroups', body.members && [...new Set(body.members)]),
    ...given('memberAccounts', body.memberAccounts && [...new Set(body.memberAccounts)]),
    ...given('scopeType', body.scopeType),
    ...given('scopeGroups', body.resourceScopes && [...new Set(body.resourceScopes)]),
    ...given('scopeTags', scopeTags === 'all' ? scopeTags : scopeTags && [...new Set(scopeTags)]),
  }
}

function given<Name extends keyof AssignmentFields>(
  field: Name,
  value: AssignmentFields[Name] | undefined,
): Partial<AssignmentFields> {
  return value === undefined ? {} : ({ [field]: value } as Partial<AssignmentFields>)
}

function boundRole(address: string | undefined): string | undefined {
  return address && /[^/()']+(?='?\)?$)/.exec(address)?.[0]
}

/** `deviceManagement/roleAssignments`: who holds which role, for what. */
export function roleAssignmentEndpoints({ database }: RoleParts): readonly Endpoint[] {
  const all = async ({ tenantId, access }: Call) => {
    const { roles, assignments } = await database.read(tenantId, readTenantRoles)
    return assignments
      .filter(({ roleId }) => {
        const role = roles.get(roleId)
        return !role || seesRole(access, role)
      })
      .map(describeAssignment)
  }
  const one = async (call: Call, { id }: { readonly id: string }) =>
    (await all(call)).find((assignment) => assignment.id === id)
  const change = async (call: Call, wanted: RoleChange & { readonly assignmentId: string }) => {
    const done = await database.write(call.tenantId, (tx) => changeRoles(tx, wanted, byOf(call)))
    if (isRefusal(done)) return done
    const found = done.after.assignments.find((it) => it.assignmentId === wanted.assignmentId)
    return found && describeAssignment(found)
  }
  const common = { realms: BOTH_REALMS, answer: roleAssignment }
  return [
    listEndpoint({
      ...common,
      id: 'listRoleAssignments',
      path: COLLECTION,
      summary: 'Who holds which role, for which objects',
      permission: 'Roles/Read',
      params: noParams,
      pageSize: PAGE,
      fields: {
        id: both,
        displayName: both,
        description: both,
        roleDefinitionId: both,
        scopeType: both,
        allScopeTags: both,
      },
      list: async (call, _, query) => listInMemory(await all(call), 'id', query),
    }),
    getEndpoint({
      ...common,
      id: 'getRoleAssignment',
      path: ONE,
      summary: 'One assignment',
      permission: 'Roles/Read',
      params: numbered,
      get: async (call, params) =>
        (await one(call, params)) ?? refuse('assignment_unknown', { assignment: params.id }),
    }),
    changeEndpoint({
      ...common,
      id: 'createRoleAssignment',
      path: COLLECTION,
      method: 'POST',
      summary: 'Gives a role; without tags, for objects with the default tag only',
      permission: 'Roles/Assign',
      params: noParams,
      body: newAssignment,
      success: 201,
      change: (call, _, body) =>
        change(call, {
          kind: 'assign',
          assignmentId: newId(),
          assignment: newAssignmentFields(body),
        }),
    }),
    changeEndpoint({
      ...common,
      id: 'updateRoleAssignment',
      path: ONE,
      method: 'PATCH',
      summary: 'Changes whom a role is given to, or for what',
      permission: 'Roles/Assign',
      params: numbered,
      body: changedAssignment,
      success: 200,
      current: one,
      change: (call, { id }, body) =>
        change(call, {
          kind: 'updateAssignment',
          assignmentId: id,
          assignment: changedAssignmentFields(body),
        }),
    }),
    changeEndpoint({
      ...common,
      id: 'deleteRoleAssignment',
      path: ONE,
      method: 'DELETE',
      summary: 'Takes a role back, at once',
      permission: 'Roles/Assign',
      params: numbered,
      body: noBody,
      answer: nothing,
      success: 204,
      current: one,
      change: async (call, { id }) => {
        const done = await change(call, { kind: 'unassign', assignmentId: id })
        return isRefusal(done) ? done : undefined
      },
    }),
  ]
}
