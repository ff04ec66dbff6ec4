import { z } from 'zod'
import {
  readDescriptions,
  readVersions,
  storeDescription,
} from '#connections/partner-descriptions.ts'
import { INSTALLATION } from '#database/handles.ts'
import { isRefusal, refuse } from '#foundation/refusal.ts'
import { type Endpoint, changeEndpoint, getEndpoint, listEndpoint } from '../endpoint.ts'
import { listInMemory } from '../odata/list-in-memory.ts'
import { PAGE, READ, TENANT_ONLY, both, by, named, noParams } from '../sharing/shared.ts'
import { type PartnerParts, describeStored, described } from './shared.ts'

const OPERATOR = ['operator'] as const
const READ_PARTNERS = 'Partners/Read'
const MANAGE = 'Partners/Manage'

const FIELDS = {
  id: both,
  kind: both,
  version: both,
  partyId: both,
  partyDisplayName: both,
  region: both,
  storedDateTime: both,
}

/** `operator/partnerDescriptions`: parties that the operator adds as data; and what a tenant may read of them. */
export function partnerDescriptionEndpoints({
  database,
  partners,
}: PartnerParts): readonly Endpoint[] {
  const all = async () => (await database.read(INSTALLATION, readDescriptions)).map(describeStored)
  const versions = async (id: string) =>
    (await database.read(INSTALLATION, (reader) => readVersions(reader, id))).map(describeStored)
  const operator = { realms: OPERATOR, permission: READ_PARTNERS, answer: described }
  return [
    listEndpoint({
      ...operator,
      id: 'listPartnerDescriptions',
      path: '/operator/partnerDescriptions',
      summary: 'Parties that are described as data, each as it stands now',
      params: noParams,
      pageSize: PAGE,
      fields: FIELDS,
      list: async (_, __, query) => listInMemory(await all(), 'id', query),
    }),
    getEndpoint({
      ...operator,
      id: 'getPartnerDescription',
      path: '/operator/partnerDescriptions/{id}',
      summary: 'One of them, as it stands now',
      params: named,
      get: async (_, { id }) => (await versions(id))[0],
    }),
    listEndpoint({
      ...operator,
      id: 'listPartnerDescriptionVersions',
      path: '/operator/partnerDescriptions/{id}/versions',
      summary: 'Every version of one; none is ever changed',
      params: named,
      pageSize: PAGE,
      fields: { version: both, storedDateTime: both },
      list: async (_, { id }, query) => {
        const found = await versions(id)
        return found.length === 0 ? refuse('not_found') : listInMemory(found, 'version', query)
      },
    }),
    listEndpoint({
      id: 'listPartnerDescriptionDrafts',
      path: '/operator/partnerDescriptionDrafts',
      summary: 'What ships to make a description from; none of it is in force',
      realms: OPERATOR,
      permission: READ_PARTNERS,
      params: noParams,
      answer: z.object({
        id: z.string(),
        kind: z.string(),
        source: z.string(),
        draft: z.record(z.string(), z.json()),
      }),
      pageSize: PAGE,
      fields: { id: both, kind: both },
      list: async (_, __, query) =>
        listInMemory(
          partners.drafts.map((draft) => ({
            id: draft.id,
            kind: draft.kind,
            source: draft.source,
            draft: draft as unknown as Record<string, z.core.util.JSONType>,
          })),
          'id',
          query,
        ),
    }),
    changeEndpoint({
      ...operator,
      id: 'storePartnerDescription',
      path: '/operator/partnerDescriptions',
      method: 'POST',
      summary:
        'Stores a description, as the first or as the next version; all nodes know it within a second',
      permission: MANAGE,
      stepUp: true,
      params: noParams,
      body: z.strictObject({ description: z.record(z.string(), z.json()) }),
      success: 201,
      change: async (call, _, { description }) => {
        const stored = await database.write(INSTALLATION, (tx) =>
          storeDescription(tx, description, partners.against, by(call)),
        )
        if (isRefusal(stored)) return stored
        await partners.load()
        return describeStored(stored)
      },
    }),
    ...forTenants({ all }),
  ]
}

/** Who and where a described party is, what its calls are: what an admin reads before agreeing. */
function forTenants({
  all,
}: {
  all: () => Promise<readonly z.input<typeof described>[]>
}): readonly Endpoint[] {
  const { storedBy: _, entryId: __, ...shown } = described.shape
  const common = { realms: TENANT_ONLY, permission: READ, answer: z.object(shown) }
  const shownOf = ({
    storedBy: _storedBy,
    entryId: _entryId,
    ...rest
  }: z.input<typeof described>) => rest
  return [
    listEndpoint({
      ...common,
      id: 'listDataSharingPartnerDescriptions',
      path: '/deviceManagement/dataSharingPartnerDescriptions',
      summary: 'Parties that the operator has described: where they are and what their calls carry',
      params: noParams,
      pageSize: PAGE,
      fields: FIELDS,
      list: async (_call, _params, query) => listInMemory((await all()).map(shownOf), 'id', query),
    }),
    getEndpoint({
      ...common,
      id: 'getDataSharingPartnerDescription',
      path: '/deviceManagement/dataSharingPartnerDescriptions/{id}',
      summary: 'One of them',
      params: named,
      get: async (_call, { id }) => {
        const found = (await all()).find((one) => one.id === id)
        return found && shownOf(found)
      },
    }),
  ]
}
