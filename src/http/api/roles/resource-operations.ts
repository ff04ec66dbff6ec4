import { z } from 'zod'
import { PERMISSIONS, type PermissionFact } from '#access/role-facts.ts'
import { realmOf } from '#access/principal.ts'
import { refuse } from '#foundation/refusal.ts'
import { type Call, type Endpoint, getEndpoint, listEndpoint } from '../endpoint.ts'
import { listInMemory } from '../odata/list-in-memory.ts'
import { BOTH_REALMS, PAGE, both, noParams } from './shared.ts'

const COLLECTION = '/deviceManagement/resourceOperations'

/** Graph's `resourceOperation`: a permission that a role can give. */
const resourceOperation = z.object({
  /** `resource.action`, since a slash would have to be encoded in an address. */
  id: z.string(),
  /** As roles list it. */
  permission: z.string(),
  resourceName: z.string(),
  actionName: z.string(),
  description: z.string().nullable(),
})

/** `deviceManagement/resourceOperations`: all permissions of the caller's realm. */
export function resourceOperationEndpoints(): readonly Endpoint[] {
  const all = ({ principal }: Call) =>
    [...PERMISSIONS.values()]
      .filter(({ realms }) => realms.includes(realmOf(principal)))
      .map(describe)
  const common = { realms: BOTH_REALMS, permission: 'Roles/Read', answer: resourceOperation }
  return [
    listEndpoint({
      ...common,
      id: 'listResourceOperations',
      path: COLLECTION,
      summary: 'Every permission that a role can give',
      params: noParams,
      pageSize: PAGE,
      fields: { id: both, permission: both, resourceName: both, actionName: both },
      list: async (call, _, query) => listInMemory(all(call), 'id', query),
    }),
    getEndpoint({
      ...common,
      id: 'getResourceOperation',
      path: `${COLLECTION}/{id}`,
      summary: 'One permission',
      params: z.strictObject({ id: z.string().min(3).max(128) }),
      get: async (call, { id }) => all(call).find((one) => one.id === id) ?? refuse('not_found'),
    }),
  ]
}

function describe(fact: PermissionFact): z.input<typeof resourceOperation> {
  return {
    id: `${fact.resource}.${fact.action}`.replaceAll(' ', '-'),
    permission: fact.id,
    resourceName: fact.resource,
    actionName: fact.action,
    description: fact.privacy ?? null,
  }
}
