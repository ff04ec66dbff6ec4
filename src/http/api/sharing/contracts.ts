import { z } from 'zod'
import { type ContractRecord, listContracts, readContract } from '#agreements/list-agreements.ts'
import { endContract, recordContract } from '#agreements/party.ts'
import { refuse } from '#foundation/refusal.ts'
import { type Endpoint, changeEndpoint, getEndpoint, listEndpoint } from '../endpoint.ts'
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
  time,
} from './shared.ts'

const contract = z.object({
  id: z.string(),
  partyId: z.string(),
  /** SHA-256 of the signed document, in hexadecimal: Sluss keeps no copy. */
  documentHash: z.string(),
  purposes: z.array(z.string()),
  startDateTime: z.string(),
  endDateTime: z.string().nullable(),
  recordedBy: z.string(),
})

/** `deviceManagement/dataSharingContracts`: the tenant's own contracts, which govern what a party holds. */
export function contractEndpoints({ database, catalog }: AgreementParts): readonly Endpoint[] {
  const one = async (tenantId: string, id: string) => {
    const found = await database.read(tenantId, (reader) => readContract(reader, id))
    return found && describe(found)
  }
  return [
    listEndpoint({
      id: 'listDataSharingContracts',
      path: '/deviceManagement/dataSharingContracts',
      summary: "The tenant's own contracts with parties",
      realms: TENANT_ONLY,
      permission: READ,
      params: noParams,
      answer: contract,
      pageSize: PAGE,
      fields: {
        id: both,
        partyId: both,
        documentHash: filterOnly,
        startDateTime: both,
        endDateTime: both,
      },
      list: async ({ tenantId }, _, query) => {
        const page = await database.read(tenantId, (reader) => listContracts(reader, query))
        return { ...page, rows: page.rows.map(describe) }
      },
    }),
    getEndpoint({
      id: 'getDataSharingContract',
      path: '/deviceManagement/dataSharingContracts/{id}',
      summary: 'One contract',
      realms: TENANT_ONLY,
      permission: READ,
      params: numbered,
      answer: contract,
      get: ({ tenantId }, { id }) => one(tenantId, id),
    }),
    changeEndpoint({
      id: 'createDataSharingContract',
      path: '/deviceManagement/dataSharingContracts',
      method: 'POST',
      summary: 'Records a contract with a party',
      realms: TENANT_ONLY,
      permission: CONSENT,
      params: noParams,
      body: z.strictObject({
        partyId: z.string().min(1).max(128),
        documentHash: z.string().regex(/^[0-9a-f]{64}$/, 'a SHA-256 in hexadecimal'),
        purposes: z.array(z.string().min(1).max(128)).min(1).max(50),
        startDateTime: time,
        endDateTime: time.optional(),
      }),
      answer: contract,
      success: 201,
      change: async (call, _, body) => {
        if (!catalog.parties.has(body.partyId)) return unknownName('partyId')
        if (!body.purposes.every((id) => catalog.purposes.has(id))) return unknownName('purposes')
        const from = Date.parse(body.startDateTime)
        const until = body.endDateTime === undefined ? undefined : Date.parse(body.endDateTime)
        if (until !== undefined && until <= from)
          return refuse('body_malformed', {
            field: 'endDateTime',
            expected: 'a time after the start',
          })
        const { partyId, documentHash, purposes } = body
        const made = { partyId, documentHash, purposes, from }
        const id = await database.write(call.tenantId, (tx) =>
          recordContract(tx, until === undefined ? made : { ...made, until }, by(call)),
        )
        return one(call.tenantId, id)
      },
    }),
    changeEndpoint({
      id: 'endDataSharingContract',
      path: '/deviceManagement/dataSharingContracts/{id}/end',
      method: 'POST',
      summary: 'Ends a contract now; the next sending under it is refused',
      realms: TENANT_ONLY,
      permission: CONSENT,
      params: numbered,
      body: noBody,
      answer: contract,
      success: 200,
      change: async (call, { id }) => {
        await database.write(call.tenantId, (tx) => endContract(tx, id, by(call)))
        return (await one(call.tenantId, id)) ?? refuse('not_found')
      },
    }),
  ]
}

/** A name in the body that the catalog does not have. */
export const unknownName = (field: string) =>
  refuse('body_malformed', { field, expected: 'a name that the catalog has' })

function describe(record: ContractRecord): z.input<typeof contract> {
  return {
    id: record.id,
    partyId: record.partyId,
    documentHash: record.documentHash,
    purposes: [...record.purposes],
    startDateTime: iso(record.from) ?? '',
    endDateTime: iso(record.until),
    recordedBy: record.recordedBy,
  }
}
