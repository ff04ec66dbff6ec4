import { z } from 'zod'
import { enableConnection } from '#connections/connection.ts'
import { refuse } from '#foundation/refusal.ts'
import { type Endpoint, changeEndpoint, getEndpoint, listEndpoint } from '../endpoint.ts'
import { listInMemory } from '../odata/list-in-memory.ts'
import {
  PAGE,
  TENANT_ONLY,
  both,
  by,
  filterOnly,
  named,
  noBody,
  noParams,
  nothing,
} from '../sharing/shared.ts'
import type { PartnerKind } from '#catalog/partner-description.ts'
import {
  type PartnerConnection,
  type PartnerParts,
  heard,
  isSetUp,
  isUnresponsive,
  partnerConnections,
} from './shared.ts'

/** Connections to described parties, each kind under the name that Graph has for it; and what is done to any of them. */
export function partnerViewEndpoints(parts: PartnerParts): readonly Endpoint[] {
  return [...complianceManagementPartners(parts), ...remoteAssistancePartners(parts)]
}

/** Connections of one kind: all, and one by its id. */
export function reading(parts: PartnerParts, kind: PartnerKind) {
  const all = (tenantId: string) =>
    parts.database.read(tenantId, (reader) => partnerConnections(reader, parts.partners, kind))
  return {
    all,
    one: async (tenantId: string, id: string) =>
      (await all(tenantId)).find(({ connection }) => connection.id === id),
  }
}

const compliance = z.object({
  id: z.string(),
  displayName: z.string(),
  connectorId: z.string(),
  partnerState: z.enum(['unavailable', 'enabled', 'terminated', 'unresponsive']),
  lastHeartbeatDateTime: z.string(),
})

function complianceManagementPartners(parts: PartnerParts): readonly Endpoint[] {
  const { all, one } = reading(parts, 'complianceManagement')
  const describe = (found: PartnerConnection, now: number): z.input<typeof compliance> => ({
    id: found.connection.id,
    displayName: found.connection.title,
    connectorId: found.connection.connectorId,
    partnerState: !found.connection.enabled
      ? 'terminated'
      : !isSetUp(found)
        ? 'unavailable'
        : isUnresponsive(found, now)
          ? 'unresponsive'
          : 'enabled',
    lastHeartbeatDateTime: heard(found.heardAt),
  })
  const common = {
    realms: TENANT_ONLY,
    permission: 'Partner Device Management/Read',
    answer: compliance,
  }
  return [
    listEndpoint({
      ...common,
      id: 'listComplianceManagementPartners',
      path: '/deviceManagement/complianceManagementPartners',
      summary: 'Connections to device compliance partners',
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
        listInMemory(
          (await all(tenantId)).map((found) => describe(found, now)),
          'id',
          query,
        ),
    }),
    getEndpoint({
      ...common,
      id: 'getComplianceManagementPartner',
      path: '/deviceManagement/complianceManagementPartners/{id}',
      summary: 'One of them',
      params: named,
      get: async ({ tenantId, now }, { id }) => {
        const found = await one(tenantId, id)
        return found && describe(found, now)
      },
    }),
  ]
}

const assistance = z.object({
  id: z.string(),
  displayName: z.string(),
  connectorId: z.string(),
  onboardingStatus: z.enum(['notOnboarded', 'onboarding', 'onboarded']),
  lastConnectionDateTime: z.string(),
})

function remoteAssistancePartners(parts: PartnerParts): readonly Endpoint[] {
  const { all, one } = reading(parts, 'remoteAssistance')
  const describe = ({ connection, heardAt }: PartnerConnection): z.input<typeof assistance> => ({
    id: connection.id,
    displayName: connection.title,
    connectorId: connection.connectorId,
    onboardingStatus: !connection.enabled
      ? 'notOnboarded'
      : connection.hasCredentials
        ? 'onboarded'
        : 'onboarding',
    lastConnectionDateTime: heard(heardAt),
  })
  const common = {
    realms: TENANT_ONLY,
    permission: 'Remote assistance connectors/Read',
    answer: assistance,
  }
  const switching = (id: string, path: string, summary: string, enabled: boolean): Endpoint =>
    changeEndpoint({
      ...common,
      id,
      path: `/deviceManagement/remoteAssistancePartners/{id}/${path}`,
      method: 'POST',
      summary,
      permission: 'Remote assistance connectors/Update',
      params: named,
      body: noBody,
      answer: nothing,
      success: 204,
      change: async (call, { id: connectionId }) => {
        if (!(await one(call.tenantId, connectionId))) return refuse('connection_unknown')
        await parts.database.write(call.tenantId, (tx) =>
          enableConnection(tx, connectionId, enabled, by(call)),
        )
        return undefined
      },
    })
  return [
    listEndpoint({
      ...common,
      id: 'listRemoteAssistancePartners',
      path: '/deviceManagement/remoteAssistancePartners',
      summary: 'Connections to remote assistance partners, such as TeamViewer',
      params: noParams,
      pageSize: PAGE,
      fields: {
        id: both,
        displayName: both,
        connectorId: both,
        onboardingStatus: filterOnly,
        lastConnectionDateTime: both,
      },
      list: async ({ tenantId }, _, query) =>
        listInMemory((await all(tenantId)).map(describe), 'id', query),
    }),
    getEndpoint({
      ...common,
      id: 'getRemoteAssistancePartner',
      path: '/deviceManagement/remoteAssistancePartners/{id}',
      summary: 'One of them',
      params: named,
      get: async ({ tenantId }, { id }) => {
        const found = await one(tenantId, id)
        return found && describe(found)
      },
    }),
    switching(
      'beginRemoteAssistanceOnboarding',
      'beginOnboarding',
      'Switches the connection on; it is onboarded when it has its credentials',
      true,
    ),
    switching(
      'disconnectRemoteAssistancePartner',
      'disconnect',
      'Switches the connection off; its next call is refused',
      false,
    ),
  ]
}
