import { z } from 'zod'
import { type Grant, grantState } from '#access/grant.ts'
import { selectGrants } from '#access/grant.table.ts'
import type { Database, Reader } from '#database/handles.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { type Refusal, refuse } from '#foundation/refusal.ts'
import type { Keys } from '#keys/keys.ts'
import type { SupportParts } from '#support/parts.ts'
import { type Scope, type SupportRequest, stateOf } from '#support/request.ts'
import type { Support, Wanted } from '#support/support.ts'
import type { Call } from '../endpoint.ts'
import { QueryFault } from '../odata/lexer.ts'
import { parseFilter } from '../odata/parse-filter.ts'

/** What the endpoints of support access need. */
export interface SupportEndpointParts {
  readonly database: Database
  readonly keys: Keys
  readonly support: Support
  readonly holders: SupportParts['holders']
}

export const READ = 'Support requests/Read'
export const ANSWER = 'Support requests/Approve'
export const ASK = 'Support access/Request'
export const EMERGENCY = 'Support access/Emergency'
export const REVIEW = 'Support access/Review'
export const TENANT = ['tenant'] as const
export const OPERATOR = ['operator'] as const
export const PAGE = { usual: 50, most: 200 } as const
export const both = { filter: true, sort: true } as const
export const MINUTE_IN_MS = 60_000

export const noParams = z.strictObject({})
export const nothing = z.strictObject({})
export const numbered = z.strictObject({ id: z.uuid() })
/** The operator's people say which tenant they mean. */
export const inTenant = z.strictObject({ tenantId: z.string().min(1).max(63), id: z.uuid() })

export const byOf = (call: Call) => ({ principal: call.principal, now: call.now })
export const stamp = (time: number | undefined): string | null =>
  time === undefined ? null : toTimestamp(time)

const item = z.string().min(1).max(128)
const ids = z.array(z.uuid()).min(1).max(1_000)
const minutes = z.int().min(1).max(480)
const precision = z.enum(['exact', 'masked'])

const scope = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('records'), ids }),
  z.strictObject({ kind: z.literal('people'), ids }),
  /** As `$filter` says it; it becomes a list of records at approval. */
  z.strictObject({ kind: z.literal('query'), filter: z.string().min(1).max(2_000) }),
])

export const wantedBody = z.strictObject({
  tenantId: z.string().min(1).max(63),
  caseId: z.uuid(),
  scope,
  items: z.array(item).min(1).max(500),
  precision: precision.optional(),
  purpose: z.string().min(1).max(64),
  durationMinutes: minutes.optional(),
  reason: z.string().max(2_000),
})

export function wantedOf(body: z.output<typeof wantedBody>): Wanted | Refusal {
  const asked = scopeOf(body.scope)
  if ('refused' in asked) return asked
  return {
    caseId: body.caseId,
    scope: asked,
    items: body.items,
    purpose: body.purpose,
    reason: body.reason,
    ...(body.precision ? { precision: body.precision } : {}),
    ...(body.durationMinutes ? { durationMs: body.durationMinutes * MINUTE_IN_MS } : {}),
  }
}

function scopeOf(body: z.output<typeof scope>): Scope | Refusal {
  if (body.kind !== 'query') return body
  try {
    return { kind: 'query', filter: parseFilter(body.filter) }
  } catch (fault) {
    if (fault instanceof QueryFault) return refuse('query_invalid', { field: 'scope/filter' })
    throw fault
  }
}

export const narrowingBody = z.strictObject({
  items: z.array(item).min(1).max(500).optional(),
  records: ids.optional(),
  durationMinutes: minutes.optional(),
  precision: precision.optional(),
})

export function narrowingOf(body: z.output<typeof narrowingBody>) {
  return {
    ...(body.items ? { items: body.items } : {}),
    ...(body.records ? { records: body.records } : {}),
    ...(body.durationMinutes ? { durationMs: body.durationMinutes * MINUTE_IN_MS } : {}),
    ...(body.precision ? { precision: body.precision } : {}),
  }
}

export const requestAnswer = z.object({
  id: z.string(),
  tenantId: z.string(),
  caseId: z.string(),
  grantId: z.string().nullable(),
  operatorId: z.string(),
  state: z.string(),
  scope: z.object({ kind: z.string(), count: z.int().nullable() }),
  items: z.array(z.string()),
  precision,
  purpose: z.string(),
  durationMinutes: z.number(),
  reason: z.string(),
  createdDateTime: z.string(),
  expirationDateTime: z.string(),
  providerApprovedBy: z.string().nullable(),
  providerApprovedDateTime: z.string().nullable(),
  decidedBy: z.string().nullable(),
  decidedDateTime: z.string().nullable(),
  denialReason: z.string().nullable(),
})

/** A request as it stands at the time of the call, with what became of its grant. */
export function describeRequest(
  request: SupportRequest,
  grant: Grant | undefined,
  now: number,
): z.input<typeof requestAnswer> {
  const { scope: asked } = request
  return {
    id: request.requestId,
    tenantId: request.tenantId,
    caseId: request.caseId,
    grantId: grant?.grantId ?? null,
    operatorId: request.asker,
    state: stateOf(request, grant, now),
    scope: { kind: asked.kind, count: asked.kind === 'query' ? null : asked.ids.length },
    items: [...request.items],
    precision: request.precision,
    purpose: request.purpose,
    durationMinutes: request.durationMs / MINUTE_IN_MS,
    reason: request.reason,
    createdDateTime: toTimestamp(request.createdAt),
    expirationDateTime: toTimestamp(request.expiresAt),
    providerApprovedBy: request.providerApprovedBy ?? null,
    providerApprovedDateTime: stamp(request.providerApprovedAt),
    decidedBy: request.decidedBy ?? null,
    decidedDateTime: stamp(request.decidedAt),
    denialReason: request.denial ?? null,
  }
}

export async function describeRequests(
  reader: Reader,
  requests: readonly SupportRequest[],
  now: number,
): Promise<z.input<typeof requestAnswer>[]> {
  const found = requests.map((request) => request.requestId)
  const grants = new Map(
    (await selectGrants(reader, { requests: found })).map((grant) => [grant.requestId, grant]),
  )
  return requests.map((request) => describeRequest(request, grants.get(request.requestId), now))
}

export const grantAnswer = z.object({
  id: z.string(),
  tenantId: z.string(),
  requestId: z.string(),
  caseId: z.string(),
  operatorId: z.string(),
  kind: z.enum(['approved', 'emergency']),
  state: z.enum(['inForce', 'notStarted', 'ended', 'lapsed']),
  items: z.array(z.string()),
  recordCount: z.int(),
  precision,
  purpose: z.string(),
  starts: z.enum(['approval', 'firstUse']),
  durationMinutes: z.number(),
  approvedDateTime: z.string(),
  firstUsedDateTime: z.string().nullable(),
  endDateTime: z.string().nullable(),
  lapseDateTime: z.string(),
  endedDateTime: z.string().nullable(),
  endedBy: z.string().nullable(),
  endReason: z.string().nullable(),
})

export function describeGrant(grant: Grant, now: number): z.input<typeof grantAnswer> {
  return {
    id: grant.grantId,
    tenantId: grant.tenantId,
    requestId: grant.requestId,
    caseId: grant.caseId,
    operatorId: grant.operatorAccountId,
    kind: grant.kind,
    state: grantState(grant, now),
    items: [...grant.items],
    recordCount: grant.records.length,
    precision: grant.precision,
    purpose: grant.purpose,
    starts: grant.starts,
    durationMinutes: grant.durationMs / MINUTE_IN_MS,
    approvedDateTime: toTimestamp(grant.approvedAt),
    firstUsedDateTime: stamp(grant.firstUsedAt),
    endDateTime: stamp(grant.endsAt),
    lapseDateTime: toTimestamp(grant.lapsesAt),
    endedDateTime: stamp(grant.endedAt),
    endedBy: grant.endedBy ?? null,
    endReason: grant.endReason ?? null,
  }
}
