import { z } from 'zod'
import {
  type PermissionRecord,
  listPermissions,
  readContract,
  readPermission,
} from '#agreements/list-agreements.ts'
import { givePermission, withdrawPermission } from '#agreements/party.ts'
import { isRefusal, refuse } from '#foundation/refusal.ts'
import { type Endpoint, changeEndpoint, getEndpoint, listEndpoint } from '../endpoint.ts'
import { unknownName } from './contracts.ts'
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
  noBody,
  noParams,
  numbered,
} from './shared.ts'

const permission = z.object({
  id: z.string(),
  partyId: z.string(),
  contractId: z.string(),
  grantedBy: z.string(),
  grantDateTime: z.string(),
  withdrawnDateTime: z.string().nullable(),
})

/** `deviceManagement/dataSharingPermissions`: the explicit leave for a party that is no agent. */
export function permissionEndpoints({ database, catalog }: AgreementParts): readonly Endpoint[] {
  const one = async (tenantId: string, id: string) => {
    const found = await database.read(tenantId, (reader) => readPermission(reader, id))
    return found && describe(found)
  }
  return [
    listEndpoint({
      id: 'listDataSharingPermissions',
      path: '/deviceManagement/dataSharingPermissions',
      summary: 'Explicit permissions for parties that are no agents, given and withdrawn',
      realms: TENANT_ONLY,
      permission: READ,
      params: noParams,
      answer: permission,
      pageSize: PAGE,
      fields: {
        id: both,
        partyId: both,
        contractId: filterOnly,
        grantDateTime: both,
        withdrawnDateTime: both,
      },
      list: async ({ tenantId }, _, query) => {
        const page = await database.read(tenantId, (reader) => listPermissions(reader, query))
        return { ...page, rows: page.rows.map(describe) }
      },
    }),
    getEndpoint({
      id: 'getDataSharingPermission',
      path: '/deviceManagement/dataSharingPermissions/{id}',
      summary: 'One permission',
      realms: TENANT_ONLY,
      permission: READ,
      params: numbered,
      answer: permission,
      get: ({ tenantId }, { id }) => one(tenantId, id),
    }),
    changeEndpoint({
      id: 'createDataSharingPermission',
      path: '/deviceManagement/dataSharingPermissions',
      method: 'POST',
      summary: 'Permits a party, resting on a contract with it',
      realms: TENANT_ONLY,
      permission: CONSENT,
      params: noParams,
      body: z.strictObject({ partyId: z.string().min(1).max(128), contractId: z.uuid() }),
      answer: permission,
      success: 201,
      change: async (call, _, { partyId, contractId }) => {
        const party = catalog.parties.get(partyId)
        if (!party) return unknownName('partyId')
        if (party.standing === 'none') return refuse('standing_none', { party: partyId })
        const given = await database.write(call.tenantId, async (tx) => {
          const contract = await readContract(tx, contractId)
          if (contract?.partyId !== partyId)
            return refuse('contract_missing', { field: 'contractId', party: partyId })
          return givePermission(tx, partyId, contractId, by(call))
        })
        return isRefusal(given) ? given : one(call.tenantId, given)
      },
    }),
    changeEndpoint({
      id: 'withdrawDataSharingPermission',
      path: '/deviceManagement/dataSharingPermissions/{id}/withdraw',
      method: 'POST',
      summary: 'Withdraws every permission of the party that this one is for',
      realms: TENANT_ONLY,
      permission: CONSENT,
      params: numbered,
      body: noBody,
      answer: permission,
      success: 200,
      change: async (call, { id }) => {
        const found = await database.read(call.tenantId, (reader) => readPermission(reader, id))
        if (!found) return refuse('not_found')
        await database.write(call.tenantId, (tx) => withdrawPermission(tx, found.partyId, by(call)))
        return one(call.tenantId, id)
      },
    }),
  ]
}

function describe(record: PermissionRecord): z.input<typeof permission> {
  return {
    id: record.id,
    partyId: record.partyId,
    contractId: record.contractId,
    grantedBy: record.givenBy,
    grantDateTime: iso(record.givenAt) ?? '',
    withdrawnDateTime: iso(record.withdrawnAt),
  }
}
