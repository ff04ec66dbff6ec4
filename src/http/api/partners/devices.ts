import { z } from 'zod'
import { readConnection } from '#connections/connection.ts'
import { refuse } from '#foundation/refusal.ts'
import { type Endpoint, changeEndpoint, getEndpoint, listEndpoint } from '../endpoint.ts'
import { listInMemory } from '../odata/list-in-memory.ts'
import {
  PAGE,
  TENANT_ONLY,
  both,
  filterOnly,
  iso,
  named,
  noBody,
  noParams,
  nothing,
} from '../sharing/shared.ts'
import { type PartnerConnection, type PartnerParts, heard } from './shared.ts'
import { reading } from './views.ts'

/** Zebra and Chrome, as Graph has them; and what is done to any connection of a described party. */
export function partnerDeviceEndpoints(parts: PartnerParts): readonly Endpoint[] {
  return [...zebraFotaConnector(parts), ...chromeOnboarding(parts), pushing(parts)]
}

const zebra = z.object({
  id: z.string(),
  displayName: z.string(),
  /** Graph's own words for it are not published; these are Sluss's. */
  state: z.enum(['none', 'notConnected', 'connected', 'disconnected']),
  lastSyncDateTime: z.string(),
})

/** One in Graph: the tenant's first connection of that kind. */
function zebraFotaConnector(parts: PartnerParts): readonly Endpoint[] {
  const { all } = reading(parts, 'zebraFota')
  return [
    getEndpoint({
      id: 'getZebraFotaConnector',
      path: '/deviceManagement/zebraFotaConnector',
      summary: 'The connection to Zebra LifeGuard Over-the-Air',
      realms: TENANT_ONLY,
      permission: 'Android FOTA/Read',
      params: noParams,
      answer: zebra,
      get: async ({ tenantId }): Promise<z.input<typeof zebra>> => {
        const [found] = await all(tenantId)
        if (!found)
          return {
            id: 'none',
            displayName: '',
            state: 'none' as const,
            lastSyncDateTime: heard(undefined),
          }
        const { connection, heardAt } = found
        const connected: 'connected' | 'notConnected' = connection.hasCredentials
          ? 'connected'
          : 'notConnected'
        return {
          id: connection.id,
          displayName: connection.title,
          state: connection.enabled ? connected : 'disconnected',
          lastSyncDateTime: heard(heardAt),
        }
      },
    }),
  ]
}

const chrome = z.object({
  id: z.string(),
  displayName: z.string(),
  connectorId: z.string(),
  onboardingStatus: z.enum(['inprogress', 'onboarded', 'offboarding']),
  lastModifiedDateTime: z.string().nullable(),
})

function chromeOnboarding(parts: PartnerParts): readonly Endpoint[] {
  const { all, one } = reading(parts, 'chromeOs')
  const describe = ({ connection }: PartnerConnection): z.input<typeof chrome> => ({
    id: connection.id,
    displayName: connection.title,
    connectorId: connection.connectorId,
    onboardingStatus: !connection.enabled
      ? 'offboarding'
      : connection.hasCredentials
        ? 'onboarded'
        : 'inprogress',
    lastModifiedDateTime: iso(connection.createdAt),
  })
  const common = {
    realms: TENANT_ONLY,
    permission: 'Enrollment programs/Read token',
    answer: chrome,
  }
  return [
    listEndpoint({
      ...common,
      id: 'listChromeOSOnboardingSettings',
      path: '/deviceManagement/chromeOSOnboardingSettings',
      summary: 'Connections to Chrome Enterprise; what it carries is known in part only',
      params: noParams,
      pageSize: PAGE,
      fields: { id: both, displayName: both, connectorId: both, onboardingStatus: filterOnly },
      list: async ({ tenantId }, _, query) =>
        listInMemory((await all(tenantId)).map(describe), 'id', query),
    }),
    getEndpoint({
      ...common,
      id: 'getChromeOSOnboardingSetting',
      path: '/deviceManagement/chromeOSOnboardingSettings/{id}',
      summary: 'One of them',
      params: named,
      get: async ({ tenantId }, { id }) => {
        const found = await one(tenantId, id)
        return found && describe(found)
      },
    }),
  ]
}

/** For partners that are told what is kept: now, and not only with the next hour. */
function pushing({ database, partners }: PartnerParts): Endpoint {
  return changeEndpoint({
    id: 'pushToPartner',
    path: '/deviceManagement/connections/{id}/push',
    method: 'POST',
    summary:
      'Has what the partner is told by itself sent soon; refused where the connection has nothing of that kind',
    realms: TENANT_ONLY,
    permission: 'Enrollment programs/Sync device',
    params: named,
    body: noBody,
    answer: nothing,
    success: 202,
    change: async (call, { id }) => {
      const found = await database.read(call.tenantId, (reader) =>
        findPushing(reader, partners, id),
      )
      if (!found) return refuse('connection_unknown')
      await partners.push(call.tenantId, id)
      return {}
    },
  })
}

async function findPushing(
  reader: Parameters<typeof readConnection>[0],
  { described }: PartnerParts['partners'],
  id: string,
): Promise<boolean> {
  const connection = await readConnection(reader, id)
  const exchanges = described.get(connection?.connectorId ?? '')?.exchanges ?? []
  return exchanges.some(({ push }) => push)
}
