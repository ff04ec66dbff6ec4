import { z } from 'zod'
import { type ListQuery, listPage } from '#database/list.ts'
import { type Refusal, isRefusal } from '#foundation/refusal.ts'
import { collect } from '#subjects/request-collect.ts'
import { EXTENSION_REASONS } from '#subjects/request.ts'
import {
  type RequestRow,
  openRequestSubject,
  requestsSource,
  toRightsRequest,
} from '#subjects/request.table.ts'
import {
  type RequestChange,
  assignRequest,
  changeRequest,
  openRequest,
  readRequest,
} from '#subjects/requests.ts'
import { type Call, type Endpoint, changeEndpoint, getEndpoint, listEndpoint } from '../endpoint.ts'
import {
  MANAGE,
  PAGE,
  PATH,
  READ,
  type RightsEndpointParts,
  TENANT,
  both,
  byOf,
  describeRequest,
  identityMeans,
  noParams,
  nothing,
  numbered,
  refusalReason,
  requestAnswer,
  requestBody,
} from './shapes.ts'

/** `security/subjectRightsRequests`: what people ask for about themselves, each with a date and an owner. */
export function requestEndpoints({ rights }: RightsEndpointParts): readonly Endpoint[] {
  const one = async (call: Call, id: string) => {
    const found = await rights.database.read(call.tenantId, (reader) =>
      readRequest(reader, rights, id),
    )
    return found && describeRequest(found.request, found.subject, call.now)
  }
  /** Looks up at once whom it is about, where that may be looked up now. */
  const answered = async (call: Call, id: string, done: unknown) => {
    if (isRefusal(done)) return done
    await collect(rights, call.tenantId, id, byOf(call))
    return one(call, id)
  }
  const change = async (call: Call, id: string, what: RequestChange) =>
    answered(
      call,
      id,
      await rights.database.write(call.tenantId, (tx) => changeRequest(tx, id, what, byOf(call))),
    )
  const common = {
    realms: TENANT,
    permission: MANAGE,
    answer: requestAnswer,
    success: 200,
  } as const
  const action = <Body extends z.ZodType>(
    id: string,
    verb: string,
    summary: string,
    body: Body,
    to: (body: z.output<Body>) => RequestChange,
  ): Endpoint =>
    changeEndpoint({
      ...common,
      id,
      summary,
      body,
      method: 'POST',
      path: `${PATH}/{id}/${verb}`,
      params: numbered,
      change: (call, params, given) => change(call, params.id, to(given)),
    })
  return [
    ...readEndpoints(one, (call, query) => listAll(rights, call, query)),
    changeEndpoint({
      ...common,
      id: 'createSubjectRightsRequest',
      path: PATH,
      method: 'POST',
      summary: 'Writes down that a person asks for something; its month begins when they asked',
      params: noParams,
      body: requestBody,
      success: 201,
      change: async (call, _, body) => {
        const made = await create(rights, call, body)
        return isRefusal(made) ? made : answered(call, made, undefined)
      },
    }),
    changeEndpoint({
      ...common,
      id: 'updateSubjectRightsRequest',
      path: `${PATH}/{id}`,
      method: 'PATCH',
      summary: 'Gives a request to another account',
      params: numbered,
      body: z.strictObject({ assignedTo: z.uuid() }),
      current: (call, { id }) => one(call, id),
      change: async (call, { id }, { assignedTo }) => {
        const done = await rights.database.write(call.tenantId, (tx) =>
          assignRequest(tx, id, assignedTo, byOf(call)),
        )
        return isRefusal(done) ? done : one(call, id)
      },
    }),
    action(
      'confirmSubjectRightsRequestIdentity',
      'confirmIdentity',
      'Says how it is known who asks; no document of theirs is taken in',
      z.strictObject({ means: identityMeans }),
      ({ means }) => ({ do: 'confirmIdentity', means }),
    ),
    action(
      'extendSubjectRightsRequest',
      'extend',
      'Takes one or two months more, within the first one',
      z.strictObject({
        months: z.union([z.literal(1), z.literal(2)]),
        reason: z.enum(EXTENSION_REASONS),
      }),
      ({ months, reason }) => ({ do: 'extend', months, reason }),
    ),
    action(
      'runSubjectRightsRequestAgain',
      'runAgain',
      'Looks up anew what is held; before the deadline also of one that is closed',
      nothing,
      () => ({ do: 'runAgain' }),
    ),
    action(
      'waitForSubjectRightsRequestRecipients',
      'waitForRecipients',
      'Done here; others have yet to answer',
      nothing,
      () => ({ do: 'waitForRecipients' }),
    ),
    action(
      'completeSubjectRightsRequest',
      'complete',
      'Closes a request as done; in part only with the reason',
      z.strictObject({ exceptFor: refusalReason.optional() }),
      ({ exceptFor }) =>
        exceptFor === undefined
          ? { do: 'complete', outcome: 'fulfilled' }
          : { do: 'complete', outcome: 'partly', reason: exceptFor },
    ),
    action(
      'refuseSubjectRightsRequest',
      'refuse',
      'Closes a request as refused, with the reason',
      z.strictObject({ reason: refusalReason }),
      ({ reason }) => ({ do: 'refuse', reason }),
    ),
    action('withdrawSubjectRightsRequest', 'withdraw', 'The person takes it back', nothing, () => ({
      do: 'withdraw',
    })),
  ]
}

type Described = ReturnType<typeof describeRequest>

function readEndpoints(
  one: (call: Call, id: string) => Promise<Described | undefined>,
  list: (call: Call, query: ListQuery) => ReturnType<typeof listAll>,
): readonly Endpoint[] {
  return [
    listEndpoint({
      id: 'listSubjectRightsRequests',
      path: PATH,
      summary: 'Requests of people about their data',
      realms: TENANT,
      permission: READ,
      params: noParams,
      answer: requestAnswer,
      pageSize: PAGE,
      fields: {
        id: both,
        type: both,
        status: both,
        createdDateTime: both,
        internalDueDateTime: both,
      },
      list: (call, _, query) => list(call, query),
    }),
    getEndpoint({
      id: 'getSubjectRightsRequest',
      path: `${PATH}/{id}`,
      summary: 'One request',
      realms: TENANT,
      permission: READ,
      params: numbered,
      answer: requestAnswer,
      get: (call, { id }) => one(call, id),
    }),
  ]
}

function listAll(rights: RightsEndpointParts['rights'], call: Call, query: ListQuery) {
  return rights.database.read(call.tenantId, async (reader) => {
    const page = await listPage<RequestRow>(reader, requestsSource(reader), query)
    const rows: Described[] = []
    for (const row of page.rows) {
      const subject = await openRequestSubject(reader, rights.keys, row)
      rows.push(describeRequest(toRightsRequest(row), subject, call.now))
    }
    return { ...page, rows }
  })
}

function create(
  rights: RightsEndpointParts['rights'],
  call: Call,
  body: z.output<typeof requestBody>,
): Promise<string | Refusal> {
  const { firstName = '', lastName = '', email } = body.dataSubject
  return rights.database.write(call.tenantId, (tx) =>
    openRequest(
      tx,
      rights,
      {
        type: body.type,
        subject: { firstName, lastName, email, names: body.otherNames ?? [] },
        cameBy: call.principal.kind === 'service' ? 'api' : 'admin',
        owner: body.assignedTo ?? call.principal.accountId,
        language: body.language ?? 'en',
        receivedAt:
          body.receivedDateTime === undefined ? undefined : Date.parse(body.receivedDateTime),
        identityBy: body.identityConfirmedBy,
      },
      byOf(call),
    ),
  )
}
