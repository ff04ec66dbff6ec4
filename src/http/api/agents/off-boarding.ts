import { z } from 'zod'
import { readFeatures } from '#agreements/list-agreements.ts'
import type { OffBoarding } from '#agreements/off-boarding.table.ts'
import { completeStep, readOffBoarding, startOffBoarding } from '#agreements/off-boarding.ts'
import type { FeatureId } from '#catalog/catalog.ts'
import { destroyCredentials } from '#connections/credentials.ts'
import { listTenantConnections } from '#connections/list-connections.ts'
import type { Reader } from '#database/handles.ts'
import { refuse } from '#foundation/refusal.ts'
import type { Connector } from '#sharing/exchange.ts'
import { type Endpoint, changeEndpoint, getEndpoint } from '../endpoint.ts'
import {
  type AgreementParts,
  CONSENT,
  READ,
  TENANT_ONLY,
  by,
  iso,
  named,
  noBody,
} from '../sharing/shared.ts'

export interface OffBoardingEndpointParts extends AgreementParts {
  readonly sharing: { readonly connectors: ReadonlyMap<string, Connector> }
}

const offBoarding = z.object({
  id: z.string().nullable(),
  featureId: z.string(),
  state: z.enum(['notStarted', 'open', 'completed']),
  startedBy: z.string().nullable(),
  startedDateTime: z.string().nullable(),
  completedDateTime: z.string().nullable(),
  steps: z.array(
    z.object({
      id: z.string(),
      kind: z.string(),
      /** The feature, flow, connection or party that it is about. */
      subject: z.string(),
      /** Who does it: `sluss` at once, the `organisation` by hand, the `party` because it owes it. */
      side: z.enum(['sluss', 'organisation', 'party']),
      state: z.enum(['planned', 'waiting', 'done', 'refused', 'notNeeded']),
      obligationId: z.string().nullable(),
      evidenceHash: z.string().nullable(),
      doneBy: z.string().nullable(),
      doneDateTime: z.string().nullable(),
    }),
  ),
})

const PATH = '/deviceManagement/dataSharingFeatures/{id}/offBoarding'

/** `deviceManagement/dataSharingFeatures/{id}/offBoarding`: leaving a feature, as a checklist with state. */
export function offBoardingEndpoints(parts: OffBoardingEndpointParts): readonly Endpoint[] {
  const { database, catalog } = parts
  const one = (tenantId: string, id: string) =>
    database.read(tenantId, async (reader) =>
      describe(await readOffBoarding(reader, catalog, id, await connectionsOf(reader, parts, id))),
    )
  const common = { realms: TENANT_ONLY, params: named, answer: offBoarding }
  return [
    getEndpoint({
      ...common,
      id: 'getFeatureOffBoarding',
      path: PATH,
      summary: 'What leaving the feature takes, and how far it is',
      permission: READ,
      get: async ({ tenantId }, { id }) =>
        catalog.features.has(id) ? one(tenantId, id) : undefined,
    }),
    changeEndpoint({
      ...common,
      id: 'startFeatureOffBoarding',
      path: `${PATH}/start`,
      method: 'POST',
      summary: 'Leaves the feature: what can stop stops at once, and the rest is on the list',
      permission: CONSENT,
      stepUp: true,
      body: noBody,
      success: 200,
      change: async (call, { id }) => {
        if (!catalog.features.has(id)) return refuse('not_found')
        await database.write(call.tenantId, async (tx) =>
          startOffBoarding(
            tx,
            { catalog, destroyCredentials },
            id,
            await connectionsOf(tx, parts, id),
            by(call),
          ),
        )
        return one(call.tenantId, id)
      },
    }),
    changeEndpoint({
      ...common,
      id: 'completeOffBoardingStep',
      path: `${PATH}/completeStep`,
      method: 'POST',
      summary: 'Marks a step of the organisation as done',
      permission: CONSENT,
      body: z.strictObject({
        stepId: z.string().min(1).max(200),
        evidenceHash: z
          .string()
          .regex(/^[0-9a-f]{64}$/)
          .optional(),
      }),
      success: 200,
      change: async (call, { id }, { stepId, evidenceHash }) => {
        const refused = await database.write(call.tenantId, (tx) =>
          completeStep(tx, id, stepId, evidenceHash, by(call)),
        )
        return refused ?? one(call.tenantId, id)
      },
    }),
  ]
}

/** Connections of the tenant that serve this feature, and no other that is on. */
async function connectionsOf(
  reader: Reader,
  { catalog, sharing }: OffBoardingEndpointParts,
  featureId: FeatureId,
): Promise<readonly string[]> {
  const states = await readFeatures(reader)
  const found: string[] = []
  for (const connector of sharing.connectors.values()) {
    const flows = connector.exchanges.flatMap(({ outbound, inbound }) => [outbound, inbound])
    const features = new Set(flows.flatMap((flow) => catalog.flows.get(flow)?.feature ?? []))
    const others = [...features].filter((id) => id !== featureId && states.get(id)?.on)
    if (!features.has(featureId) || others.length > 0) continue
    const page = await listTenantConnections(
      reader,
      { orderBy: [], top: 500, skip: 0, count: false },
      connector.id,
    )
    found.push(...page.rows.map(({ id }) => id))
  }
  return found
}

function describe(found: OffBoarding): z.input<typeof offBoarding> {
  return {
    id: found.id ?? null,
    featureId: found.featureId,
    state: found.state,
    startedBy: found.startedBy,
    startedDateTime: iso(found.startedAt),
    completedDateTime: iso(found.completedAt),
    steps: found.steps.map(({ doneAt, ...step }) => ({ ...step, doneDateTime: iso(doneAt) })),
  }
}
