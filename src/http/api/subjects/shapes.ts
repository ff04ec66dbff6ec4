import { z } from 'zod'
import { toTimestamp } from '#foundation/clock.ts'
import { IDENTITY_MEANS, REFUSAL_REASONS, REQUEST_TYPES } from '#subjects/request.ts'
import type { RequestSubject, RightsRequest } from '#subjects/request.table.ts'
import type { By, RightsParts } from '#subjects/parts.ts'
import type { Call } from '../endpoint.ts'

/** What the endpoints of people's rights need. */
export interface RightsEndpointParts {
  readonly rights: RightsParts
  /** Scheme, host and port that links begin with. */
  readonly origin: string
}

export const READ = 'Rights requests/Read'
export const MANAGE = 'Rights requests/Manage'
export const TENANT = ['tenant'] as const
export const PAGE = { usual: 50, most: 200 } as const
export const PATH = '/security/subjectRightsRequests'
export const both = { filter: true, sort: true } as const

export const noParams = z.strictObject({})
export const nothing = z.strictObject({})
export const numbered = z.strictObject({ id: z.uuid() })

export const byOf = (call: Call): By => ({
  actor: call.actor,
  accountId: call.principal.accountId,
  at: call.now,
})
export const stamp = (time: number | null | undefined): string | null =>
  time === undefined || time === null ? null : toTimestamp(time)

export const name = z.string().min(1).max(320)
export const identityMeans = z.enum(IDENTITY_MEANS)
export const refusalReason = z.enum(REFUSAL_REASONS)

export const requestBody = z.strictObject({
  type: z.enum(REQUEST_TYPES),
  dataSubject: z.strictObject({
    firstName: z.string().max(200).optional(),
    lastName: z.string().max(200).optional(),
    email: name,
  }),
  /** Other names, addresses and identifiers they have or had here; of one item where it is known of which. */
  otherNames: z
    .array(z.strictObject({ item: z.string().min(1).max(128).optional(), value: name }))
    .max(50)
    .optional(),
  assignedTo: z.uuid().optional(),
  language: z.enum(['en', 'sv']).optional(),
  receivedDateTime: z.iso.datetime().optional(),
  identityConfirmedBy: identityMeans.optional(),
})

export const requestAnswer = z.object({
  id: z.string(),
  type: z.string(),
  status: z.enum(['active', 'closed']),
  stage: z.string(),
  outcome: z.string().nullable(),
  reason: z.string().nullable(),
  dataSubject: z.object({ firstName: z.string(), lastName: z.string(), email: z.string() }),
  otherNames: z.array(z.object({ item: z.string().nullable(), value: z.string() })),
  assignedTo: z.string(),
  language: z.string(),
  cameBy: z.string(),
  createdBy: z.string(),
  createdDateTime: z.string(),
  internalDueDateTime: z.string(),
  isOverdue: z.boolean(),
  extendedMonths: z.int(),
  extensionReason: z.string().nullable(),
  identityConfirmedBy: z.string().nullable(),
  identityConfirmedDateTime: z.string().nullable(),
  collectedDateTime: z.string().nullable(),
  runCount: z.int(),
  closedDateTime: z.string().nullable(),
})

/** A request in Graph's shape, with what Graph has no name for beside it. */
export function describeRequest(
  request: RightsRequest,
  subject: RequestSubject,
  now: number,
): z.input<typeof requestAnswer> {
  return {
    id: request.requestId,
    type: request.type,
    status: request.state === 'closed' ? 'closed' : 'active',
    stage: request.state,
    outcome: request.outcome ?? null,
    reason: request.reason ?? null,
    dataSubject: {
      firstName: subject.firstName,
      lastName: subject.lastName,
      email: subject.email,
    },
    otherNames: subject.names.map((one) => ({ item: one.item ?? null, value: one.value })),
    assignedTo: request.owner,
    language: request.language,
    cameBy: request.cameBy,
    createdBy: request.createdBy,
    createdDateTime: toTimestamp(request.receivedAt),
    internalDueDateTime: toTimestamp(request.dueAt),
    isOverdue: request.state !== 'closed' && now >= request.dueAt,
    extendedMonths: request.extendedMonths,
    extensionReason: request.extendedReason ?? null,
    identityConfirmedBy: request.identityBy ?? null,
    identityConfirmedDateTime: stamp(request.identityAt),
    collectedDateTime: stamp(request.collectedAt),
    runCount: request.runs,
    closedDateTime: stamp(request.closedAt),
  }
}
