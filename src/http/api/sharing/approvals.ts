import { z } from 'zod'
import { approveCall } from '#agreements/approval.ts'
import { type ApprovalRecord, listApprovals } from '#agreements/list-agreements.ts'
import { readConnection } from '#connections/connection.ts'
import { isRefusal, refuse } from '#foundation/refusal.ts'
import type { SharingParts } from '#sharing/parts.ts'
import { type Endpoint, changeEndpoint, listEndpoint } from '../endpoint.ts'
import {
  CONSENT,
  type AgreementParts,
  PAGE,
  READ,
  TENANT_ONLY,
  both,
  by,
  iso,
  noParams,
  time,
} from './shared.ts'

const approval = z.object({
  id: z.string(),
  connectionId: z.string(),
  exchangeId: z.string(),
  mostSubjects: z.int(),
  grantedBy: z.string(),
  grantDateTime: z.string(),
  expirationDateTime: z.string(),
  /** The disclosure it was used for. */
  usedByEntryId: z.string().nullable(),
})

const LONGEST_IN_MS = 24 * 3_600_000

/** `deviceManagement/dataSharingApprovals`: one explicit yes to one call that cannot be undone. */
export function approvalEndpoints({
  database,
  sharing,
}: AgreementParts & { readonly sharing: SharingParts }): readonly Endpoint[] {
  return [
    listEndpoint({
      id: 'listDataSharingApprovals',
      path: '/deviceManagement/dataSharingApprovals',
      summary: 'Approvals of calls that cannot be undone, used and unused',
      realms: TENANT_ONLY,
      permission: READ,
      params: noParams,
      answer: approval,
      pageSize: PAGE,
      fields: {
        id: both,
        connectionId: both,
        exchangeId: both,
        grantDateTime: both,
        expirationDateTime: both,
      },
      list: async ({ tenantId }, _, query) => {
        const page = await database.read(tenantId, (reader) => listApprovals(reader, query))
        return { ...page, rows: page.rows.map(describe) }
      },
    }),
    changeEndpoint({
      id: 'createDataSharingApproval',
      path: '/deviceManagement/dataSharingApprovals',
      method: 'POST',
      summary: 'Approves one call that cannot be undone, for at most a day',
      realms: TENANT_ONLY,
      permission: CONSENT,
      stepUp: true,
      params: noParams,
      body: z.strictObject({
        connectionId: z.string().min(1).max(63),
        exchangeId: z.string().min(1).max(128),
        mostSubjects: z.int().min(1).max(100_000),
        expirationDateTime: time,
      }),
      answer: approval,
      success: 201,
      change: async (call, _, body) => {
        const until = Date.parse(body.expirationDateTime)
        if (until <= call.now || until > call.now + LONGEST_IN_MS)
          return refuse('body_malformed', {
            field: 'expirationDateTime',
            expected: 'a time within the next 24 hours',
          })
        const { connectionId, exchangeId, mostSubjects } = body
        const made = await database.write(call.tenantId, async (tx) => {
          const connection = await readConnection(tx, connectionId)
          if (!connection) return refuse('connection_unknown', { field: 'connectionId' })
          const exchange = sharing.connectors
            .get(connection.connectorId)
            ?.exchanges.find((one) => one.id === exchangeId)
          if (!exchange?.permanent) return refuse('exchange_unknown', { field: 'exchangeId' })
          return approveCall(tx, { connectionId, exchangeId, mostSubjects, until }, by(call))
        })
        if (isRefusal(made)) return made
        return {
          id: made,
          connectionId,
          exchangeId,
          mostSubjects,
          grantedBy: call.actor,
          grantDateTime: iso(new Date(call.now)) ?? '',
          expirationDateTime: iso(new Date(until)) ?? '',
          usedByEntryId: null,
        }
      },
    }),
  ]
}

function describe(record: ApprovalRecord): z.input<typeof approval> {
  return {
    id: record.id,
    connectionId: record.connectionId,
    exchangeId: record.exchangeId,
    mostSubjects: record.mostSubjects,
    grantedBy: record.givenBy,
    grantDateTime: iso(record.givenAt) ?? '',
    expirationDateTime: iso(record.until) ?? '',
    usedByEntryId: record.usedBy,
  }
}
