import { z } from 'zod'
import { chooseCollection } from '#agreements/collection.ts'
import { readChoices } from '#agreements/list-agreements.ts'
import type { DataItem } from '#catalog/catalog.ts'
import { refuse } from '#foundation/refusal.ts'
import { type Endpoint, changeEndpoint, getEndpoint, listEndpoint } from '../endpoint.ts'
import { listInMemory } from '../odata/list-in-memory.ts'
import {
  type AgreementParts,
  CONSENT,
  PAGE,
  READ,
  TENANT_ONLY,
  both,
  by,
  filterOnly,
  iso,
  named,
  noParams,
} from './shared.ts'

const dataItem = z.object({
  id: z.string(),
  displayName: z.string(),
  category: z.string(),
  class: z.string(),
  isPersonal: z.boolean(),
  isSecret: z.boolean(),
  need: z.enum(['required', 'optional', 'never']),
  featureId: z.string().nullable(),
  purposes: z.array(z.string()),
  /** What may be chosen, most exact first; `withheld` always. */
  precisions: z.array(z.string()),
  retention: z.string(),
  /** Term of the W3C Data Privacy Vocabulary. */
  dpv: z.string(),
  isCollected: z.boolean(),
  chosenPrecision: z.string().nullable(),
  lastModifiedDateTime: z.string().nullable(),
})

type Choices = Awaited<ReturnType<typeof readChoices>>

/** `deviceManagement/dataItems`: the catalog of what may be held, with the tenant's own choices. */
export function dataItemEndpoints({ database, catalog }: AgreementParts): readonly Endpoint[] {
  const one = async (tenantId: string, id: string) => {
    const item = catalog.items.get(id)
    return item && describe(item, await database.read(tenantId, readChoices))
  }
  return [
    listEndpoint({
      id: 'listDataItems',
      path: '/deviceManagement/dataItems',
      summary: 'Every item of data that may be held, with the choices of the tenant',
      realms: TENANT_ONLY,
      permission: READ,
      params: noParams,
      answer: dataItem,
      pageSize: PAGE,
      fields: {
        id: both,
        displayName: both,
        category: both,
        class: both,
        isPersonal: filterOnly,
        isSecret: filterOnly,
        need: both,
        featureId: both,
        isCollected: filterOnly,
        chosenPrecision: both,
        dpv: both,
        retention: both,
        purposes: { filter: false, sort: false, whyNot: 'a list is not compared; read it instead' },
      },
      list: async ({ tenantId }, _, query) => {
        const choices = await database.read(tenantId, readChoices)
        return listInMemory(
          [...catalog.items.values()].map((item) => describe(item, choices)),
          'id',
          query,
        )
      },
    }),
    getEndpoint({
      id: 'getDataItem',
      path: '/deviceManagement/dataItems/{id}',
      summary: 'One item of data',
      realms: TENANT_ONLY,
      permission: READ,
      params: named,
      answer: dataItem,
      get: ({ tenantId }, { id }) => one(tenantId, id),
    }),
    changeEndpoint({
      id: 'updateDataItem',
      path: '/deviceManagement/dataItems/{id}',
      method: 'PATCH',
      summary: 'Chooses whether an optional item is collected, and how exactly an item may be used',
      realms: TENANT_ONLY,
      permission: CONSENT,
      params: named,
      body: z
        .strictObject({
          isCollected: z.boolean().optional(),
          chosenPrecision: z.string().min(1).max(64).nullable().optional(),
        })
        .refine((body) => Object.keys(body).length > 0, 'at least one choice'),
      answer: dataItem,
      success: 200,
      current: ({ tenantId }, { id }) => one(tenantId, id),
      change: async (call, { id }, body) => {
        if (!catalog.items.has(id)) return refuse('not_found')
        const refusal = await database.write(call.tenantId, async (tx) => {
          const kept = (await readChoices(tx)).get(id)
          const on = body.isCollected ?? kept?.on ?? false
          const precision =
            body.chosenPrecision === undefined ? kept?.precision : body.chosenPrecision
          const choice = { itemId: id, on, ...(precision ? { precision } : {}) }
          return chooseCollection(tx, catalog, choice, by(call))
        })
        return refusal ?? one(call.tenantId, id)
      },
    }),
  ]
}

function describe(item: DataItem, choices: Choices): z.input<typeof dataItem> {
  const choice = choices.get(item.id)
  return {
    id: item.id,
    displayName: item.title,
    category: item.category,
    class: item.class,
    isPersonal: item.personal,
    isSecret: item.secret,
    need: item.need,
    featureId: item.feature ?? null,
    purposes: [...item.purposes],
    precisions: [...item.precisions],
    retention: item.retention,
    dpv: item.dpv,
    isCollected: item.need === 'required' || (item.need === 'optional' && (choice?.on ?? false)),
    chosenPrecision: choice?.precision ?? null,
    lastModifiedDateTime: iso(choice?.changedAt),
  }
}
