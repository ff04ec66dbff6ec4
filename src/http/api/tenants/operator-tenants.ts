import { z } from 'zod'
import { type Database, INSTALLATION } from '#database/handles.ts'
import { isTenantId } from '#foundation/ids.ts'
import { refuse } from '#foundation/refusal.ts'
import type { Keys } from '#keys/keys.ts'
import { createTenant } from '#tenants/create-tenant.ts'
import { readTenant, tenantIds } from '#tenants/tenant.ts'
import { type Endpoint, changeEndpoint, listEndpoint } from '../endpoint.ts'
import { listInMemory } from '../odata/list-in-memory.ts'

export interface OperatorTenantParts {
  readonly database: Database
  readonly keys: Keys
  /** A link by which the tenant's first admin comes in, once; undefined where there is none to give. */
  readonly firstAdminLink?:
    | ((tenantId: string, by: { actor: string; at: number }) => Promise<string | undefined>)
    | undefined
}

const OPERATOR = ['operator'] as const

const tenant = z.object({
  id: z.string(),
  displayName: z.string(),
  region: z.string(),
  state: z.enum(['open', 'closing', 'closed']),
})

/** `operator/tenants`: which organisations there are. Nothing that belongs to one can be read here. */
export function operatorTenantEndpoints(parts: OperatorTenantParts): readonly Endpoint[] {
  const { database, keys, firstAdminLink } = parts
  const one = async (id: string) => {
    const found = await database.read(id, readTenant)
    return found && { id, displayName: found.name, region: found.region, state: found.state }
  }
  return [
    listEndpoint({
      id: 'listTenants',
      path: '/operator/tenants',
      summary: 'The organisations of the installation',
      realms: OPERATOR,
      permission: 'Tenants/Read',
      params: z.strictObject({}),
      answer: tenant,
      pageSize: { usual: 50, most: 100 },
      fields: {
        id: { filter: true, sort: true },
        displayName: { filter: false, sort: false, whyNot: 'only ids are known across tenants' },
      },
      list: async (_, __, query) => {
        const ids = await database.read(INSTALLATION, tenantIds)
        const page = listInMemory(
          ids.map((id) => ({ id })),
          'id',
          query,
        )
        // Each by itself: there is no reading across tenants.
        const rows = []
        for (const { id } of page.rows) rows.push(await one(id))
        return { ...page, rows: rows.filter((row) => row !== undefined) }
      },
    }),
    changeEndpoint({
      id: 'createTenant',
      path: '/operator/tenants',
      method: 'POST',
      summary: 'Makes an organisation, with keys and a log of its own',
      realms: OPERATOR,
      permission: 'Tenants/Create',
      stepUp: true,
      params: z.strictObject({}),
      body: z.strictObject({
        id: z
          .string()
          .refine((id) => isTenantId(id) && id !== INSTALLATION, 'a DNS label in lower case'),
        displayName: z.string().min(1).max(200),
        region: z.string().min(1).max(50),
        privacyContact: z.email().max(320).optional(),
      }),
      answer: tenant.extend({ firstAdminLink: z.string().optional() }),
      success: 201,
      change: async (call, _, { id, displayName, region, privacyContact }) => {
        const by = { actor: call.actor, at: call.now }
        const contact = privacyContact === undefined ? {} : { privacyContact }
        const made = await database.write(id, (tx) =>
          createTenant(tx, keys, { name: displayName, region, ...contact, ...by }),
        )
        if (!made) return refuse('name_taken', { field: 'id' })
        const link = await firstAdminLink?.(id, by)
        const answer = { id, displayName, region, state: 'open' as const }
        return link === undefined ? answer : { ...answer, firstAdminLink: link }
      },
    }),
  ]
}
