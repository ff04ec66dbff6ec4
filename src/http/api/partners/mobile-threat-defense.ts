import { z } from 'zod'
import { switchFeature } from '#agreements/switch-feature.ts'
import { readFeatures } from '#agreements/list-agreements.ts'
import { changeUnresponsiveAfter } from '#connections/partner-state.ts'
import { enableConnection } from '#connections/connection.ts'
import { refuse } from '#foundation/refusal.ts'
import { type Endpoint, changeEndpoint, getEndpoint, listEndpoint } from '../endpoint.ts'
import { listInMemory } from '../odata/list-in-memory.ts'
import {
  CONSENT,
  PAGE,
  TENANT_ONLY,
  both,
  by,
  filterOnly,
  named,
  noParams,
} from '../sharing/shared.ts'
import {
  type PartnerConnection,
  type PartnerParts,
  heard,
  isSetUp,
  isUnresponsive,
  partnerConnections,
} from './shared.ts'

/** The two switches of Graph's entity are the switches of the two features that send app lists. */
const APPS = 'mtd-ios-app-sync'
const PERSONAL_APPS = 'mtd-ios-personal-app-inventory'

const APP_SWITCHES = [
  'allowPartnerToCollectIOSApplicationMetadata',
  'allowPartnerToCollectIOSPersonalApplicationMetadata',
] as const

const connector = z.object({
  id: z.string(),
  displayName: z.string(),
  connectorId: z.string(),
  partnerState: z.enum(['unavailable', 'available', 'enabled', 'unresponsive']),
  lastHeartbeatDateTime: z.string(),
  partnerUnresponsivenessThresholdInDays: z.int(),
  allowPartnerToCollectIOSApplicationMetadata: z.boolean(),
  allowPartnerToCollectIOSPersonalApplicationMetadata: z.boolean(),
})

/**
 * `deviceManagement/mobileThreatDefenseConnectors`: connections to partners of that kind, in Graph's words. Switches per
 * platform are not here: Sluss decides what is shared, not which platform's compliance the partner bears on.
 */
export function mobileThreatDefenseEndpoints({
  database,
  catalog,
  partners,
}: PartnerParts): readonly Endpoint[] {
  const all = (tenantId: string, now: number) =>
    database.read(tenantId, async (reader) => {
      const features = await readFeatures(reader)
      const on = new Set([APPS, PERSONAL_APPS].filter((id) => features.get(id)?.on))
      const found = await partnerConnections(reader, partners, 'mobileThreatDefense')
      return found.map((one) => describe(one, on, now))
    })
  const one = async (tenantId: string, id: string, now: number) =>
    (await all(tenantId, now)).find((found) => found.id === id)
  const common = {
    realms: TENANT_ONLY,
    permission: 'Mobile Threat Defense/Read',
    answer: connector,
  }
  return [
    listEndpoint({
      ...common,
      id: 'listMobileThreatDefenseConnectors',
      path: '/deviceManagement/mobileThreatDefenseConnectors',
      summary: 'Connections to Mobile Threat Defense partners',
      params: noParams,
      pageSize: PAGE,
      fields: {
        id: both,
        displayName: both,
        connectorId: both,
        partnerState: filterOnly,
        lastHeartbeatDateTime: both,
      },
      list: async ({ tenantId, now }, _, query) =>
        listInMemory(await all(tenantId, now), 'id', query),
    }),
    getEndpoint({
      ...common,
      id: 'getMobileThreatDefenseConnector',
      path: '/deviceManagement/mobileThreatDefenseConnectors/{id}',
      summary: 'One of them',
      params: named,
      get: ({ tenantId, now }, { id }) => one(tenantId, id, now),
    }),
    changeEndpoint({
      ...common,
      id: 'updateMobileThreatDefenseConnector',
      path: '/deviceManagement/mobileThreatDefenseConnectors/{id}',
      method: 'PATCH',
      summary:
        'Allows app lists or not, switches the connection, sets when a silent partner counts as unresponsive',
      permission: 'Mobile Threat Defense/Modify',
      params: named,
      body: z.strictObject({
        /** Lists leave only where the consent covers them as well. */
        allowPartnerToCollectIOSApplicationMetadata: z.boolean().optional(),
        allowPartnerToCollectIOSPersonalApplicationMetadata: z.boolean().optional(),
        partnerUnresponsivenessThresholdInDays: z.int().min(1).max(30).optional(),
        isEnabled: z.boolean().optional(),
      }),
      success: 200,
      current: ({ tenantId, now }, { id }) => one(tenantId, id, now),
      change: async (call, { id }, body) => {
        const found = await one(call.tenantId, id, call.now)
        if (!found) return refuse('connection_unknown')
        const opens = APP_SWITCHES.some((name) => body[name] === true)
        // A feature is turned on by whoever may turn features on, under whichever name.
        if (opens && !call.access.may(CONSENT))
          return refuse('role_missing', { permission: CONSENT })
        await database.write(call.tenantId, async (tx) => {
          const days = body.partnerUnresponsivenessThresholdInDays
          if (days !== undefined) await changeUnresponsiveAfter(tx, id, days, by(call))
          if (body.isEnabled !== undefined) await enableConnection(tx, id, body.isEnabled, by(call))
          const apps = body.allowPartnerToCollectIOSApplicationMetadata
          if (apps !== undefined) await switchFeature(tx, catalog, APPS, apps, by(call))
          const personal = body.allowPartnerToCollectIOSPersonalApplicationMetadata
          if (personal !== undefined)
            await switchFeature(tx, catalog, PERSONAL_APPS, personal, by(call))
        })
        return one(call.tenantId, id, call.now)
      },
    }),
  ]
}

function describe(
  found: PartnerConnection,
  on: ReadonlySet<string>,
  now: number,
): z.input<typeof connector> {
  const { connection, state, heardAt } = found
  return {
    id: connection.id,
    displayName: connection.title,
    connectorId: connection.connectorId,
    partnerState: partnerState(found, now),
    lastHeartbeatDateTime: heard(heardAt),
    partnerUnresponsivenessThresholdInDays: state.unresponsiveAfterDays,
    allowPartnerToCollectIOSApplicationMetadata: on.has(APPS),
    allowPartnerToCollectIOSPersonalApplicationMetadata: on.has(PERSONAL_APPS),
  }
}

function partnerState(
  found: PartnerConnection,
  now: number,
): z.input<typeof connector>['partnerState'] {
  if (!found.connection.enabled) return 'unavailable'
  if (!isSetUp(found)) return 'available'
  return isUnresponsive(found, now) ? 'unresponsive' : 'enabled'
}
