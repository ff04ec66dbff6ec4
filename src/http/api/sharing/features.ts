import { z } from 'zod'
import { type FeatureState, readFeatures } from '#agreements/list-agreements.ts'
import { switchFeature } from '#agreements/switch-feature.ts'
import type { Feature } from '#catalog/catalog.ts'
import { refuse } from '#foundation/refusal.ts'
import { type Endpoint, changeEndpoint, getEndpoint, listEndpoint } from '../endpoint.ts'
import { listInMemory } from '../odata/list-in-memory.ts'
import {
  type AgreementParts,
  CONSENT,
  PAGE,
  READ,
  TENANT_ONLY,
  addressOfFlow,
  both,
  by,
  filterOnly,
  iso,
  named,
  noParams,
} from './shared.ts'

const dataSharingFeature = z.object({
  id: z.string(),
  displayName: z.string(),
  isOn: z.boolean(),
  /** Ids of the data sharing consents that it waits for. */
  consentIds: z.array(z.string()),
  lastModifiedDateTime: z.string().nullable(),
  lastModifiedBy: z.string().nullable(),
})

/** `deviceManagement/dataSharingFeatures`: what a tenant turns on. On alone shares nothing. */
export function featureEndpoints({ database, catalog }: AgreementParts): readonly Endpoint[] {
  const one = async (tenantId: string, id: string) => {
    const feature = catalog.features.get(id)
    if (!feature) return undefined
    return describe(feature, (await database.read(tenantId, readFeatures)).get(id))
  }
  return [
    listEndpoint({
      id: 'listDataSharingFeatures',
      path: '/deviceManagement/dataSharingFeatures',
      summary: 'What can be turned on, and what is',
      realms: TENANT_ONLY,
      permission: READ,
      params: noParams,
      answer: dataSharingFeature,
      pageSize: PAGE,
      fields: { id: both, displayName: both, isOn: filterOnly, lastModifiedDateTime: both },
      list: async ({ tenantId }, _, query) => {
        const states = await database.read(tenantId, readFeatures)
        const all = [...catalog.features.values()].map((feature) =>
          describe(feature, states.get(feature.id)),
        )
        return listInMemory(all, 'id', query)
      },
    }),
    getEndpoint({
      id: 'getDataSharingFeature',
      path: '/deviceManagement/dataSharingFeatures/{id}',
      summary: 'One feature',
      realms: TENANT_ONLY,
      permission: READ,
      params: named,
      answer: dataSharingFeature,
      get: ({ tenantId }, { id }) => one(tenantId, id),
    }),
    changeEndpoint({
      id: 'updateDataSharingFeature',
      path: '/deviceManagement/dataSharingFeatures/{id}',
      method: 'PATCH',
      summary: 'Turns a feature on or off',
      realms: TENANT_ONLY,
      permission: CONSENT,
      params: named,
      body: z.strictObject({ isOn: z.boolean() }),
      answer: dataSharingFeature,
      success: 200,
      current: ({ tenantId }, { id }) => one(tenantId, id),
      change: async (call, { id }, { isOn }) => {
        if (!catalog.features.has(id)) return refuse('not_found')
        await database.write(call.tenantId, (tx) => switchFeature(tx, catalog, id, isOn, by(call)))
        return one(call.tenantId, id)
      },
    }),
  ]
}

function describe(
  feature: Feature,
  state: FeatureState | undefined,
): z.input<typeof dataSharingFeature> {
  return {
    id: feature.id,
    displayName: feature.title,
    isOn: state?.on ?? false,
    consentIds: feature.flows.map(addressOfFlow),
    lastModifiedDateTime: iso(state?.changedAt),
    lastModifiedBy: state?.changedBy ?? null,
  }
}
