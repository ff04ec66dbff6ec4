import { z } from 'zod'
import type { Database } from '#database/handles.ts'
import { refuse } from '#foundation/refusal.ts'
import { changePrivacyContact } from '#tenants/change-tenant.ts'
import { readTenant } from '#tenants/tenant.ts'
import { type Endpoint, changeEndpoint, getEndpoint, listEndpoint } from '../endpoint.ts'
import { listInMemory } from '../odata/list-in-memory.ts'

const TENANT = ['tenant'] as const

const organization = z.object({
  id: z.string(),
  displayName: z.string(),
  region: z.string(),
  state: z.enum(['open', 'closing', 'closed']),
  privacyProfile: z.object({ contactEmail: z.string().nullable() }),
})

/** `organization`: the tenant itself, a collection of one as in Graph. */
export function organizationEndpoints({
  database,
}: {
  readonly database: Database
}): readonly Endpoint[] {
  const own = async (tenantId: string) => {
    const found = await database.read(tenantId, readTenant)
    return (
      found && {
        id: found.tenantId,
        displayName: found.name,
        region: found.region,
        state: found.state,
        privacyProfile: { contactEmail: found.privacyContact ?? null },
      }
    )
  }
  /** Another tenant is not there, and whether it exists is not said. */
  const one = (tenantId: string, id: string) =>
    id === tenantId ? own(tenantId) : Promise.resolve(undefined)
  const params = z.strictObject({ id: z.string().min(1).max(63) })
  return [
    listEndpoint({
      id: 'listOrganization',
      path: '/organization',
      summary: 'The tenant itself',
      realms: TENANT,
      permission: 'Organization/Read',
      params: z.strictObject({}),
      answer: organization,
      pageSize: { usual: 1, most: 1 },
      fields: { id: { filter: true, sort: true } },
      list: async ({ tenantId }, _, query) => {
        const found = await own(tenantId)
        return listInMemory(found ? [found] : [], 'id', query)
      },
    }),
    getEndpoint({
      id: 'getOrganization',
      path: '/organization/{id}',
      summary: 'The tenant itself',
      realms: TENANT,
      permission: 'Organization/Read',
      params,
      answer: organization,
      get: ({ tenantId }, { id }) => one(tenantId, id),
    }),
    changeEndpoint({
      id: 'updateOrganization',
      path: '/organization/{id}',
      method: 'PATCH',
      summary: "Says who is told about the tenant's personal data",
      realms: TENANT,
      permission: 'Organization/Update',
      params,
      body: z.strictObject({
        privacyProfile: z.strictObject({ contactEmail: z.email().max(320).nullable() }),
      }),
      answer: organization,
      success: 200,
      current: ({ tenantId }, { id }) => one(tenantId, id),
      change: async (call, { id }, { privacyProfile }) => {
        if (id !== call.tenantId) return refuse('not_found')
        const contact = privacyProfile.contactEmail ?? undefined
        const changed = await database.write(call.tenantId, (tx) =>
          changePrivacyContact(tx, contact, { actor: call.actor, at: call.now }),
        )
        return changed ? own(call.tenantId) : refuse('not_found')
      },
    }),
  ]
}
