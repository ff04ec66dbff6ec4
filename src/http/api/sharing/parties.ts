import { z } from 'zod'
import { type PartyStanding, readStandings } from '#agreements/list-agreements.ts'
import { objectToAgent } from '#agreements/party.ts'
import type { Party } from '#catalog/catalog.ts'
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
  noBody,
  noParams,
} from './shared.ts'

const party = z.object({
  id: z.string(),
  displayName: z.string(),
  /** `agent`: on the list of subprocessors. `none`: nothing may be shared with it, whatever anybody agrees. */
  standing: z.enum(['agent', 'thirdParty', 'none']),
  listedDateTime: z.string().nullable(),
  /** Until then an agent may not be used. */
  leadTimeOverDateTime: z.string().nullable(),
  objectionDateTime: z.string().nullable(),
  permissionId: z.string().nullable(),
  contractId: z.string().nullable(),
})

/** `deviceManagement/dataSharingParties`: who there is to share with, and as what each stands. */
export function partyEndpoints({ database, catalog }: AgreementParts): readonly Endpoint[] {
  const all = async (tenantId: string, parties: readonly Party[]) => {
    const ids = parties.map(({ id }) => id)
    const standings = await database.read(tenantId, (reader) => readStandings(reader, ids))
    return parties.map((one) => describe(one, standings.get(one.id)))
  }
  const one = async (tenantId: string, id: string) => {
    const found = catalog.parties.get(id)
    return found && (await all(tenantId, [found]))[0]
  }
  return [
    listEndpoint({
      id: 'listDataSharingParties',
      path: '/deviceManagement/dataSharingParties',
      summary: 'Parties and their standing, the published list of agents among them',
      realms: TENANT_ONLY,
      permission: READ,
      params: noParams,
      answer: party,
      pageSize: PAGE,
      fields: {
        id: both,
        displayName: both,
        standing: both,
        listedDateTime: both,
        objectionDateTime: filterOnly,
        permissionId: filterOnly,
        contractId: filterOnly,
      },
      list: async ({ tenantId }, _, query) =>
        listInMemory(await all(tenantId, [...catalog.parties.values()]), 'id', query),
    }),
    getEndpoint({
      id: 'getDataSharingParty',
      path: '/deviceManagement/dataSharingParties/{id}',
      summary: 'One party',
      realms: TENANT_ONLY,
      permission: READ,
      params: named,
      answer: party,
      get: ({ tenantId }, { id }) => one(tenantId, id),
    }),
    changeEndpoint({
      id: 'objectToAgent',
      path: '/deviceManagement/dataSharingParties/{id}/object',
      method: 'POST',
      summary: 'Objects to an agent: its flows stop until the objection is settled',
      realms: TENANT_ONLY,
      permission: CONSENT,
      params: named,
      body: noBody,
      answer: party,
      success: 200,
      change: async (call, { id }) => {
        const found = await one(call.tenantId, id)
        if (!found) return refuse('not_found')
        if (found.standing !== 'agent') return refuse('agent_not_listed', { party: id })
        if (found.objectionDateTime === null)
          await database.write(call.tenantId, (tx) => objectToAgent(tx, id, by(call)))
        return one(call.tenantId, id)
      },
    }),
  ]
}

function describe(
  { id, name, standing }: Party,
  found: PartyStanding | undefined,
): z.input<typeof party> {
  const listed = found?.listedAt !== null && found?.endedAt === null
  return {
    id,
    displayName: name,
    standing: standing !== 'none' && listed ? 'agent' : standing,
    listedDateTime: iso(found?.listedAt),
    leadTimeOverDateTime: iso(found?.leadTimeOverAt),
    objectionDateTime: iso(found?.objectedAt),
    permissionId: found?.permissionId ?? null,
    contractId: found?.contractId ?? null,
  }
}
