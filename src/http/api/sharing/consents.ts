import { z } from 'zod'
import { giveConsent, withdrawConsent } from '#agreements/consent.ts'
import {
  type ConsentRecord,
  type FeatureState,
  listConsents,
  readConsents,
  readFeatures,
} from '#agreements/list-agreements.ts'
import type { Catalog, FlowId } from '#catalog/catalog.ts'
import { manifestOf } from '#catalog/manifest.ts'
import type { Reader } from '#database/handles.ts'
import { isRefusal, refuse } from '#foundation/refusal.ts'
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
  flowAt,
  iso,
  named,
  noParams,
  time,
} from './shared.ts'

const STATES = ['none', 'granted', 'granted_in_part', 'withdrawn', 'expired'] as const

const dataSharingConsent = z.object({
  id: z.string(),
  serviceDisplayName: z.string(),
  partyId: z.string(),
  direction: z.enum(['outbound', 'inbound']),
  featureId: z.string(),
  featureIsOn: z.boolean(),
  purposes: z.array(z.string()),
  granted: z.boolean(),
  /** `granted_in_part`: the manifest has grown since; the new items wait. */
  state: z.enum(STATES),
  grantDateTime: z.string().nullable(),
  grantedByUserId: z.string().nullable(),
  expirationDateTime: z.string().nullable(),
  withdrawnDateTime: z.string().nullable(),
  /** What is to be handed back when consenting: it says exactly which items, to whom and what for. */
  manifestHash: z.string(),
  consentedManifestHash: z.string().nullable(),
  itemCount: z.int(),
  waitingItems: z.array(z.string()),
  termsUrl: z.string().nullable(),
})
type DataSharingConsent = z.output<typeof dataSharingConsent>

const record = z.object({
  id: z.string(),
  manifestHash: z.string(),
  itemCount: z.int(),
  previewId: z.string().nullable(),
  grantedBy: z.string(),
  grantDateTime: z.string(),
  expirationDateTime: z.string().nullable(),
  withdrawnDateTime: z.string().nullable(),
  withdrawnBy: z.string().nullable(),
})

/** `deviceManagement/dataSharingConsents`: one for each flow of the catalog, as it stands for the tenant. */
export function consentEndpoints(parts: AgreementParts): readonly Endpoint[] {
  return [...readingConsents(parts), ...changingConsents(parts)]
}

function readingConsents({ database, catalog }: AgreementParts): readonly Endpoint[] {
  return [
    listEndpoint({
      id: 'listDataSharingConsents',
      path: '/deviceManagement/dataSharingConsents',
      summary: 'Every flow of personal data there can be, and whether the tenant consented to it',
      realms: TENANT_ONLY,
      permission: READ,
      params: noParams,
      answer: dataSharingConsent,
      pageSize: PAGE,
      fields: {
        id: both,
        serviceDisplayName: both,
        partyId: both,
        direction: both,
        featureId: both,
        featureIsOn: filterOnly,
        granted: both,
        state: both,
        grantDateTime: both,
        itemCount: both,
        purposes: { filter: false, sort: false, whyNot: 'a list is not compared; read it instead' },
      },
      list: async ({ tenantId, now }, _, query) => {
        const standing = await database.read(tenantId, (reader) => readAll(reader))
        const all = [...catalog.flows.keys()].map((id) => describe(catalog, id, standing, now))
        return listInMemory(all, 'id', query)
      },
    }),
    getEndpoint({
      id: 'getDataSharingConsent',
      path: '/deviceManagement/dataSharingConsents/{id}',
      summary: 'One flow, and whether the tenant consented to it',
      realms: TENANT_ONLY,
      permission: READ,
      params: named,
      answer: dataSharingConsent,
      get: async ({ tenantId, now }, { id }) => {
        const flowId = flowAt(catalog, id)
        if (flowId === undefined) return undefined
        return describe(catalog, flowId, await database.read(tenantId, readAll), now)
      },
    }),
    listEndpoint({
      id: 'listDataSharingConsentRecords',
      path: '/deviceManagement/dataSharingConsents/{id}/history',
      summary: 'Every consent that was given to the flow, and how it ended',
      realms: TENANT_ONLY,
      permission: READ,
      params: named,
      answer: record,
      pageSize: PAGE,
      fields: {
        id: both,
        grantDateTime: both,
        withdrawnDateTime: both,
        grantedBy: both,
        manifestHash: filterOnly,
      },
      list: async ({ tenantId }, { id }, query) => {
        const flowId = flowAt(catalog, id)
        if (flowId === undefined) return refuse('not_found')
        const page = await database.read(tenantId, (reader) => listConsents(reader, flowId, query))
        return { ...page, rows: page.rows.map(recordOf) }
      },
    }),
  ]
}

function changingConsents({ database, catalog }: AgreementParts): readonly Endpoint[] {
  const current = async (tenantId: string, id: string, now: number) => {
    const flowId = flowAt(catalog, id)
    if (flowId === undefined) return undefined
    return describe(catalog, flowId, await database.read(tenantId, readAll), now)
  }
  return [
    changeEndpoint({
      id: 'consentToDataSharing',
      path: '/deviceManagement/dataSharingConsents/{id}/consentToDataSharing',
      method: 'POST',
      summary: 'Consents to the flow as its manifest stands; refused when it is not the one shown',
      realms: TENANT_ONLY,
      permission: CONSENT,
      params: named,
      body: z.strictObject({
        manifestHash: z.string().regex(/^[0-9a-f]{64}$/, 'a SHA-256 in hexadecimal'),
        previewId: z
          .string()
          .regex(/^[\w-]{1,64}$/, 'the id of a preview')
          .optional(),
        expirationDateTime: time.optional(),
      }),
      answer: dataSharingConsent,
      success: 200,
      change: async (call, { id }, body) => {
        const flowId = flowAt(catalog, id)
        if (flowId === undefined) return refuse('not_found')
        const until =
          body.expirationDateTime === undefined ? undefined : Date.parse(body.expirationDateTime)
        if (until !== undefined && until <= call.now)
          return refuse('body_malformed', {
            field: 'expirationDateTime',
            expected: 'a time to come',
          })
        const given = await database.write(call.tenantId, (tx) =>
          giveConsent(
            tx,
            catalog,
            {
              flowId,
              manifestHash: body.manifestHash,
              preview: body.previewId,
              ...(until === undefined ? {} : { until }),
            },
            by(call),
          ),
        )
        return isRefusal(given) ? given : current(call.tenantId, id, call.now)
      },
    }),
    changeEndpoint({
      id: 'withdrawDataSharingConsent',
      path: '/deviceManagement/dataSharingConsents/{id}/withdraw',
      method: 'POST',
      summary: 'Withdraws every consent to the flow that is in force',
      realms: TENANT_ONLY,
      permission: CONSENT,
      params: named,
      body: z.strictObject({ reason: z.string().max(1_000).optional() }),
      answer: dataSharingConsent,
      success: 200,
      change: async (call, { id }, { reason }) => {
        const flowId = flowAt(catalog, id)
        if (flowId === undefined) return refuse('not_found')
        await database.write(call.tenantId, (tx) => withdrawConsent(tx, flowId, by(call), reason))
        return current(call.tenantId, id, call.now)
      },
    }),
  ]
}

interface Standing {
  readonly consents: ReadonlyMap<FlowId, ConsentRecord>
  readonly features: ReadonlyMap<string, FeatureState>
}

async function readAll(reader: Reader): Promise<Standing> {
  return { consents: await readConsents(reader), features: await readFeatures(reader) }
}

function describe(
  catalog: Catalog,
  flowId: FlowId,
  standing: Standing,
  now: number,
): DataSharingConsent {
  const manifest = manifestOf(catalog, flowId)
  const feature = catalog.flows.get(flowId)?.feature ?? ''
  const consent = standing.consents.get(flowId)
  const agreed = new Set(consent?.items)
  const waiting = manifest.items.filter((item) => !agreed.has(item))
  const state = stateOf(consent, waiting.length, now)
  const granted = state === 'granted' || state === 'granted_in_part'
  return {
    id: addressOfFlow(flowId),
    serviceDisplayName: catalog.features.get(feature)?.title ?? manifest.service,
    partyId: manifest.party,
    direction: manifest.direction,
    featureId: feature,
    featureIsOn: standing.features.get(feature)?.on ?? false,
    purposes: [...manifest.purposes],
    granted,
    state,
    grantDateTime: iso(consent?.givenAt),
    grantedByUserId: consent?.givenBy ?? null,
    expirationDateTime: iso(consent?.until),
    withdrawnDateTime: iso(consent?.withdrawnAt),
    manifestHash: manifest.hash,
    consentedManifestHash: consent?.manifestHash ?? null,
    itemCount: manifest.items.length,
    waitingItems: granted ? waiting : [],
    termsUrl: null,
  }
}

function stateOf(
  consent: ConsentRecord | undefined,
  waiting: number,
  now: number,
): DataSharingConsent['state'] {
  if (!consent) return 'none'
  if (consent.withdrawnAt) return 'withdrawn'
  if (consent.until && consent.until.getTime() <= now) return 'expired'
  return waiting > 0 ? 'granted_in_part' : 'granted'
}

function recordOf(consent: ConsentRecord): z.input<typeof record> {
  return {
    id: consent.id,
    manifestHash: consent.manifestHash,
    itemCount: consent.items.length,
    previewId: consent.previewId,
    grantedBy: consent.givenBy,
    grantDateTime: iso(consent.givenAt) ?? '',
    expirationDateTime: iso(consent.until),
    withdrawnDateTime: iso(consent.withdrawnAt),
    withdrawnBy: consent.withdrawnBy,
  }
}
