import { z } from 'zod'
import type { PermissionId } from '#access/permission.ts'
import {
  approveCommand,
  confirmApproval,
  hasSecondPerson,
  openTarget,
  recordLook,
  withdrawApproval,
} from '#agreements/approval.ts'
import { type ApprovalRecord, listApprovals, readApproval } from '#agreements/list-agreements.ts'
import { readConnection } from '#connections/connection.ts'
import type { Reader, Transaction } from '#database/handles.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import type { Exchange } from '#sharing/exchange.ts'
import type { SharingParts } from '#sharing/parts.ts'
import { allExchanges } from '#sharing/permanent.ts'
import { type Call, type Endpoint, changeEndpoint, getEndpoint, listEndpoint } from '../endpoint.ts'
import {
  CONSENT,
  type AgreementParts,
  PAGE,
  READ,
  TENANT_ONLY,
  both,
  by,
  iso,
  noBody,
  noParams,
  nothing,
  numbered,
  time,
} from './shared.ts'

export type ApprovalParts = AgreementParts & {
  readonly sharing: SharingParts
  readonly holders: (reader: Reader, permission: PermissionId) => Promise<readonly string[]>
}

const state = z.enum(['waiting', 'inForce', 'used', 'withdrawn', 'expired'])
const approval = z.object({
  id: z.string(),
  connectionId: z.string(),
  exchangeId: z.string(),
  /** What it is done to. Null in lists, and once the approval can be used no more. */
  target: z.string().nullable(),
  command: z.string().nullable(),
  state,
  needsSecondPerson: z.boolean(),
  grantedBy: z.string(),
  grantDateTime: z.string(),
  confirmedBy: z.string().nullable(),
  expirationDateTime: z.string(),
  /** The disclosure it was used for. */
  usedByEntryId: z.string().nullable(),
})

const PATH = '/deviceManagement/dataSharingApprovals'
const LONGEST_IN_MS = 3_600_000

/** `deviceManagement/dataSharingApprovals`: one explicit yes to one command that cannot be undone. */
export function approvalEndpoints(parts: ApprovalParts): readonly Endpoint[] {
  return [...reading(parts), giving(parts), ...answering(parts)]
}

function reading({ database, sharing }: ApprovalParts): readonly Endpoint[] {
  return [
    listEndpoint({
      id: 'listDataSharingApprovals',
      path: PATH,
      summary: 'Approvals of commands that cannot be undone, used and unused',
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
      list: ({ tenantId, now }, _, query) =>
        database.read(tenantId, async (reader) => {
          const page = await listApprovals(reader, query)
          return { ...page, rows: page.rows.map((row) => describe(row, now)) }
        }),
    }),
    getEndpoint({
      id: 'getDataSharingApproval',
      path: `${PATH}/{id}`,
      summary: 'One approval, with what it is for; that somebody looked is recorded',
      realms: TENANT_ONLY,
      permission: CONSENT,
      params: numbered,
      answer: approval,
      get: (call, { id }) =>
        database.write(call.tenantId, async (tx) => {
          const found = await readApproval(tx, id)
          if (!found) return undefined
          if (found.target) await recordLook(tx, id, by(call))
          return describe(found, call.now, await openTarget(tx, sharing.keys, id, found.target))
        }),
    }),
  ]
}

const wanted = z.strictObject({
  connectionId: z.string().min(1).max(63),
  exchangeId: z.string().min(1).max(128),
  /** The device by the value that names it in the call; or what the path names. */
  target: z.string().min(1).max(400),
  /** Where the exchange has several commands, which. */
  command: z.string().max(64).optional(),
  expirationDateTime: time,
})

function giving(parts: ApprovalParts): Endpoint {
  const { database, sharing } = parts
  return changeEndpoint({
    id: 'createDataSharingApproval',
    path: PATH,
    method: 'POST',
    summary: 'Approves one command that cannot be undone, to one device, for at most an hour',
    realms: TENANT_ONLY,
    permission: CONSENT,
    stepUp: true,
    params: noParams,
    body: wanted,
    answer: approval,
    success: 201,
    change: (call, _, body) =>
      database.write(call.tenantId, async (tx) => {
        const exchange = await exchangeOf(tx, parts, body)
        const unfit = isRefusal(exchange) ? exchange : unfitTerms(exchange, body, call.now)
        if (unfit) return unfit
        const { connectionId, exchangeId, target, command = '' } = body
        const holders = await parts.holders(tx, CONSENT)
        const terms = {
          until: Date.parse(body.expirationDateTime),
          needsSecond: await hasSecondPerson(tx, holders, call.actor),
        }
        const one = { connectionId, exchangeId, target, command }
        const id = await approveCommand(tx, sharing.keys, one, terms, by(call))
        return shown(tx, parts, id, call)
      }),
  })
}

async function exchangeOf(
  tx: Transaction,
  { sharing }: ApprovalParts,
  { connectionId, exchangeId }: z.output<typeof wanted>,
): Promise<Exchange | Refusal> {
  const connection = await readConnection(tx, connectionId)
  if (!connection) return refuse('connection_unknown', { field: 'connectionId' })
  const exchanges = sharing.connectors.get(connection.connectorId)?.exchanges ?? []
  const found = allExchanges(exchanges).find((one) => one.id === exchangeId)
  return found?.permanent ? found : refuse('exchange_unknown', { field: 'exchangeId' })
}

function unfitTerms(
  exchange: Exchange | Refusal,
  { command, expirationDateTime }: z.output<typeof wanted>,
  now: number,
): Refusal | undefined {
  if (isRefusal(exchange)) return exchange
  const words = exchange.commandWords?.words
  if (words ? !words.includes(command ?? '') : command !== undefined)
    return refuse('body_malformed', { field: 'command', expected: words ?? 'none' })
  const until = Date.parse(expirationDateTime)
  return until <= now || until > now + LONGEST_IN_MS
    ? refuse('body_malformed', {
        field: 'expirationDateTime',
        expected: 'a time within the next hour',
      })
    : undefined
}

/** The second person's yes, and taking it back. */
function answering(parts: ApprovalParts): readonly Endpoint[] {
  const { database } = parts
  return [
    changeEndpoint({
      id: 'confirmDataSharingApproval',
      path: `${PATH}/{id}/confirm`,
      method: 'POST',
      summary: "The second person's yes; refused to whoever gave the first",
      realms: TENANT_ONLY,
      permission: CONSENT,
      stepUp: true,
      params: numbered,
      body: noBody,
      answer: approval,
      success: 200,
      change: (call, { id }) =>
        database.write(
          call.tenantId,
          async (tx) => (await confirmApproval(tx, id, by(call))) ?? shown(tx, parts, id, call),
        ),
    }),
    changeEndpoint({
      id: 'withdrawDataSharingApproval',
      path: `${PATH}/{id}/withdraw`,
      method: 'POST',
      summary: 'Takes an approval back that was not used',
      realms: TENANT_ONLY,
      permission: CONSENT,
      params: numbered,
      body: noBody,
      answer: nothing,
      success: 204,
      change: (call, { id }) =>
        database.write(call.tenantId, (tx) => withdrawApproval(tx, id, by(call))),
    }),
  ]
}

async function shown(
  reader: Reader,
  { sharing }: ApprovalParts,
  id: string,
  { now }: Call,
): Promise<z.input<typeof approval> | Refusal> {
  const found = await readApproval(reader, id)
  if (!found) return refuse('not_found')
  return describe(found, now, await openTarget(reader, sharing.keys, id, found.target))
}

function describe(
  record: ApprovalRecord,
  now: number,
  opened?: { readonly target: string; readonly command: string },
): z.input<typeof approval> {
  return {
    id: record.id,
    connectionId: record.connectionId,
    exchangeId: record.exchangeId,
    target: opened?.target ?? null,
    command: opened?.command ?? null,
    state: stateOf(record, now),
    needsSecondPerson: record.needsSecond,
    grantedBy: record.givenBy,
    grantDateTime: iso(record.givenAt) ?? '',
    confirmedBy: record.secondBy,
    expirationDateTime: iso(record.until) ?? '',
    usedByEntryId: record.usedBy,
  }
}

function stateOf(record: ApprovalRecord, now: number): z.output<typeof state> {
  if (record.usedBy !== null) return 'used'
  if (record.withdrawnAt !== null) return 'withdrawn'
  if (record.until.getTime() <= now) return 'expired'
  return record.needsSecond && record.secondBy === null ? 'waiting' : 'inForce'
}
