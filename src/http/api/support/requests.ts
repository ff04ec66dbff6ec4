import { z } from 'zod'
import { listPage } from '#database/list.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { type RequestRow, readRequest, requestList, toRequest } from '#support/request.table.ts'
import type { ApproverSignature } from '#support/support.ts'
import { type Call, type Endpoint, changeEndpoint, getEndpoint, listEndpoint } from '../endpoint.ts'
import {
  ANSWER,
  MINUTE_IN_MS,
  PAGE,
  READ,
  type SupportEndpointParts,
  TENANT,
  both,
  byOf,
  describeRequests,
  narrowingBody,
  narrowingOf,
  noParams,
  numbered,
  requestAnswer,
} from './shapes.ts'

const base64url = z
  .string()
  .regex(/^[A-Za-z0-9_-]+={0,2}$/, 'base64url')
  .max(20_000)

const signature = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('ed25519'),
    keyId: z.string().min(1).max(1_400),
    signature: base64url,
  }),
  z.strictObject({
    kind: z.literal('passkey'),
    keyId: z.string().min(1).max(1_400),
    /** What `navigator.credentials.get` answered, as JSON (WebAuthn level 3). */
    assertion: z.object({
      id: base64url,
      rawId: base64url,
      type: z.literal('public-key'),
      response: z.object({
        clientDataJSON: base64url,
        authenticatorData: base64url,
        signature: base64url,
        userHandle: base64url.optional(),
      }),
      clientExtensionResults: z.looseObject({}),
      authenticatorAttachment: z.enum(['platform', 'cross-platform']).optional(),
    }),
  }),
])

const offer = z.object({
  text: z.string(),
  challenge: z.string(),
  items: z.array(z.string()),
  records: z.array(z.string()),
  durationMinutes: z.number(),
  precision: z.string(),
})

/** `support/accessRequests`: what the operator asks of the tenant, and the tenant's answer. */
export function accessRequestEndpoints(parts: SupportEndpointParts): readonly Endpoint[] {
  const { database, keys, support } = parts
  const one = (call: Call, id: string) =>
    database.read(call.tenantId, async (reader) => {
      const found = await readRequest(reader, keys, id)
      return found && (await describeRequests(reader, [found], call.now))[0]
    })
  const toSign = async (call: Call, id: string, narrowing: z.output<typeof narrowingBody>) => {
    const answer = await support.textToSign(id, narrowingOf(narrowing), byOf(call))
    if (isRefusal(answer)) return answer
    const { text, challenge, items, records, durationMs, precision } = answer
    return {
      text,
      challenge,
      items: [...items],
      records: [...records],
      durationMinutes: durationMs / MINUTE_IN_MS,
      precision,
    }
  }
  return [
    listEndpoint({
      id: 'listSupportAccessRequests',
      path: '/support/accessRequests',
      summary: 'What support asked for, and what became of it; nothing is ever removed',
      realms: TENANT,
      permission: READ,
      params: noParams,
      answer: requestAnswer,
      pageSize: PAGE,
      fields: {
        id: both,
        caseId: both,
        operatorId: both,
        createdDateTime: both,
        expirationDateTime: both,
        state: {
          filter: false,
          sort: false,
          whyNot: 'the state follows from the time; filter by expirationDateTime',
        },
      },
      list: (call, _, query) =>
        database.read(call.tenantId, async (reader) => {
          const page = await listPage<RequestRow>(reader, requestList(reader), query)
          const requests = []
          for (const row of page.rows) requests.push(await toRequest(reader, keys, row))
          return { ...page, rows: await describeRequests(reader, requests, call.now) }
        }),
    }),
    getEndpoint({
      id: 'getSupportAccessRequest',
      path: '/support/accessRequests/{id}',
      summary: 'One request',
      realms: TENANT,
      permission: READ,
      params: numbered,
      answer: requestAnswer,
      get: (call, { id }) => one(call, id),
    }),
    getEndpoint({
      id: 'getSupportTextToSign',
      path: '/support/accessRequests/{id}/textToSign',
      summary: 'What an approver signs who takes nothing away',
      realms: TENANT,
      permission: ANSWER,
      params: numbered,
      answer: offer,
      get: (call, { id }) => toSign(call, id, {}),
    }),
    changeEndpoint({
      id: 'makeSupportTextToSign',
      path: '/support/accessRequests/{id}/textToSign',
      method: 'POST',
      summary: 'What an approver signs who takes something away; changes nothing',
      realms: TENANT,
      permission: ANSWER,
      params: numbered,
      body: narrowingBody,
      answer: offer,
      success: 200,
      change: (call, { id }, body) => toSign(call, id, body),
    }),
    changeEndpoint({
      id: 'approveSupportAccessRequest',
      path: '/support/accessRequests/{id}/approve',
      method: 'POST',
      summary: "Approves, signed with the approver's own key",
      realms: TENANT,
      permission: ANSWER,
      stepUp: true,
      params: numbered,
      body: z.strictObject({
        ...narrowingBody.shape,
        text: z.string().min(1).max(60_000),
        signature,
      }),
      answer: requestAnswer,
      success: 200,
      change: async (call, { id }, body) => {
        const { text, signature: given, ...narrowing } = body
        const approval = {
          ...narrowingOf(narrowing),
          text,
          signature: given as unknown as ApproverSignature,
        }
        const answer = await support.approve(id, approval, byOf(call))
        return isRefusal(answer) ? answer : one(call, id)
      },
    }),
    changeEndpoint({
      id: 'denySupportAccessRequest',
      path: '/support/accessRequests/{id}/deny',
      method: 'POST',
      summary: 'Turns a request down, with a reason that the asker reads',
      realms: TENANT,
      permission: ANSWER,
      params: numbered,
      body: z.strictObject({ reason: z.string().max(2_000) }),
      answer: requestAnswer,
      success: 200,
      change: async (call, { id }, { reason }) => {
        const answer = await support.deny(call.tenantId, id, reason, byOf(call))
        return isRefusal(answer) ? answer : one(call, id)
      },
    }),
  ]
}
