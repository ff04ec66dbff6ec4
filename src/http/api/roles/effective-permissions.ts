import { z } from 'zod'
import type { EffectiveAccess, PermissionSource } from '#access/effective.ts'
import { readAccessOf } from '#access/effective-reader.ts'
import { PERMISSIONS } from '#access/role-facts.ts'
import { isRefusal, refuse } from '#foundation/refusal.ts'
import { type Endpoint, SIGNED_IN, listEndpoint } from '../endpoint.ts'
import { listInMemory } from '../odata/list-in-memory.ts'
import { BOTH_REALMS, type RoleParts, both, noParams, numbered, scope, scopeOf } from './shared.ts'

const source = scope.extend({ roleAssignmentId: z.string(), roleDefinitionId: z.string() })

/** A permission that somebody holds now, and what gave it. */
const effectivePermission = scope.extend({
  id: z.string(),
  resourceName: z.string(),
  actionName: z.string(),
  /** Why it bears on privacy, where it does. */
  privacyNote: z.string().nullable(),
  /** Assignments that give it. */
  givenBy: z.array(source),
  /** Assignments on the same type of object, whose scope tags count here too. */
  widenedBy: z.array(source),
})

const PAGE = { usual: 500, most: 500 } as const
const fields = { id: both, resourceName: both, actionName: both, allScopeTags: both }

/** What one may do oneself, and what another may do, each permission with what gave it. */
export function effectivePermissionEndpoints({ database, access }: RoleParts): readonly Endpoint[] {
  return [
    listEndpoint({
      id: 'listMyEffectivePermissions',
      path: '/me/effectivePermissions',
      summary: 'What the caller may do, and why',
      realms: BOTH_REALMS,
      permission: SIGNED_IN,
      params: noParams,
      answer: effectivePermission,
      pageSize: PAGE,
      fields,
      list: async (call, _, query) => {
        const found = await access.of(call.principal)
        return isRefusal(found) ? found : listInMemory(describe(found), 'id', query)
      },
    }),
    listEndpoint({
      id: 'listEffectivePermissions',
      path: '/users/{id}/effectivePermissions',
      summary: 'What an account may do, and why',
      realms: BOTH_REALMS,
      permission: 'Roles/Read',
      params: numbered,
      answer: effectivePermission,
      pageSize: PAGE,
      fields,
      list: async ({ tenantId }, { id }, query) => {
        const found = await database.read(tenantId, (reader) => readAccessOf(reader, id))
        return found
          ? listInMemory(describe(found), 'id', query)
          : refuse('account_unknown', { account: id })
      },
    }),
  ]
}

function describe(access: EffectiveAccess): z.input<typeof effectivePermission>[] {
  return access.explain().map(({ permission, tags, givenBy, widenedBy }) => {
    const fact = PERMISSIONS.get(permission)
    return {
      id: permission,
      resourceName: fact?.resource ?? '',
      actionName: fact?.action ?? '',
      privacyNote: fact?.privacy ?? null,
      ...scopeOf(tags),
      givenBy: givenBy.map(describeSource),
      widenedBy: widenedBy.map(describeSource),
    }
  })
}

function describeSource({ assignmentId, roleId, tags }: PermissionSource): z.input<typeof source> {
  return { roleAssignmentId: assignmentId, roleDefinitionId: roleId, ...scopeOf(tags) }
}
