import { z } from 'zod'
import { answerObligation } from '#agreements/off-boarding.ts'
import { type Obligation, listObligations, readObligation } from '#agreements/obligation.ts'
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
  noParams,
  numbered,
} from '../sharing/shared.ts'

const obligation = z.object({
  id: z.string(),
  partyId: z.string(),
  kind: z.enum(['deletion', 'correction', 'breach']),
  state: z.enum(['open', 'overdue', 'receipt', 'refused']),
  openedDateTime: z.string().nullable(),
  openedBy: z.string(),
  dueDateTime: z.string().nullable(),
  /** SHA-256 of what the party answered. */
  evidenceHash: z.string().nullable(),
  closedDateTime: z.string().nullable(),
  closedBy: z.string().nullable(),
})

/** `deviceManagement/dataSharingObligations`: what recipients owe the organisation. */
export function obligationEndpoints({ database }: AgreementParts): readonly Endpoint[] {
  const one = async (tenantId: string, id: string) => {
    const found = await database.read(tenantId, (reader) => readObligation(reader, id))
    return found && describe(found)
  }
  const common = { realms: TENANT_ONLY, answer: obligation }
  return [
    listEndpoint({
      ...common,
      id: 'listDataSharingObligations',
      path: '/deviceManagement/dataSharingObligations',
      summary: 'What recipients owe the organisation',
      permission: READ,
      params: noParams,
      pageSize: PAGE,
      fields: {
        id: both,
        partyId: both,
        kind: filterOnly,
        state: filterOnly,
        openedDateTime: both,
        dueDateTime: both,
      },
      list: async ({ tenantId }, _, query) => {
        const page = await database.read(tenantId, (reader) => listObligations(reader, query))
        return { ...page, rows: page.rows.map(describe) }
      },
    }),
    getEndpoint({
      ...common,
      id: 'getDataSharingObligation',
      path: '/deviceManagement/dataSharingObligations/{id}',
      summary: 'One obligation',
      permission: READ,
      params: numbered,
      get: ({ tenantId }, { id }) => one(tenantId, id),
    }),
    changeEndpoint({
      ...common,
      id: 'answerDataSharingObligation',
      path: '/deviceManagement/dataSharingObligations/{id}/answer',
      method: 'POST',
      summary: 'Records the receipt of the recipient, or its reasoned refusal',
      permission: CONSENT,
      params: numbered,
      body: z.strictObject({
        outcome: z.enum(['receipt', 'refused']),
        evidenceHash: z.string().regex(/^[0-9a-f]{64}$/),
      }),
      success: 200,
      change: async (call, { id }, answer) => {
        const refused = await database.write(call.tenantId, (tx) =>
          answerObligation(tx, id, answer, by(call)),
        )
        return refused ?? one(call.tenantId, id)
      },
    }),
  ]
}

function describe({ openedAt, dueAt, closedAt, ...rest }: Obligation): z.input<typeof obligation> {
  return {
    ...rest,
    openedDateTime: iso(openedAt),
    dueDateTime: iso(dueAt),
    closedDateTime: iso(closedAt),
  }
}
