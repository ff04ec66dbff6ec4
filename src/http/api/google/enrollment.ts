import { z } from 'zod'
import { isRefusal } from '#foundation/refusal.ts'
import { type Endpoint, changeEndpoint, listEndpoint } from '../endpoint.ts'
import { listInMemory } from '../odata/list-in-memory.ts'
import { slug } from '../sharing/connections.ts'
import { PAGE, TENANT_ONLY, both, noBody, nothing } from '../sharing/shared.ts'
import {
  type AndroidEnterpriseParts,
  ENROLL,
  PATH,
  READ_ANDROID,
  RESOURCE_ID,
  ask,
  askAll,
  enterpriseOf,
  lastOf,
  text,
  withToken,
} from './shared.ts'

const token = z.object({
  id: z.string(),
  policyId: z.string().nullable(),
  oneTimeOnly: z.boolean(),
  allowPersonalUsage: z.string().nullable(),
  expirationDateTime: z.string().nullable(),
})
const policy = z.object({ id: z.string(), version: z.string().nullable() })

type Resource = Readonly<Record<string, unknown>>

/** Tokens with which devices enrol, and the policies that they enrol with: asked of Google, kept nowhere. */
export function enrollmentEndpoints(parts: AndroidEnterpriseParts): readonly Endpoint[] {
  return [...reading(parts), ...changing(parts)]
}

function reading(parts: AndroidEnterpriseParts): readonly Endpoint[] {
  return [
    listEndpoint({
      id: 'listAndroidEnrollmentTokens',
      path: `${PATH}/{id}/enrollmentTokens`,
      summary: 'Enrolment tokens in force at Google, without what is secret of them',
      realms: TENANT_ONLY,
      permission: READ_ANDROID,
      params: slug,
      answer: token,
      pageSize: PAGE,
      fields: { id: both, policyId: both, expirationDateTime: both },
      list: async (call, { id }, query) => {
        const all = await askAll(
          parts,
          call,
          id,
          'enterprises.enrollmentTokens.list',
          'enrollmentTokens',
        )
        return isRefusal(all) ? all : listInMemory(all.map(describe), 'id', query)
      },
    }),
    listEndpoint({
      id: 'listAndroidPolicies',
      path: `${PATH}/{id}/policies`,
      summary: 'Policies of the enterprise, by name and version',
      realms: TENANT_ONLY,
      permission: READ_ANDROID,
      params: slug,
      answer: policy,
      pageSize: PAGE,
      fields: { id: both, version: both },
      list: async (call, { id }, query) => {
        const all = await askAll(parts, call, id, 'enterprises.policies.list', 'policies')
        if (isRefusal(all)) return all
        const rows = all.map(({ name, version }) => ({ id: lastOf(name), version: text(version) }))
        return listInMemory(rows, 'id', query)
      },
    }),
  ]
}

function changing(parts: AndroidEnterpriseParts): readonly Endpoint[] {
  return [
    changeEndpoint({
      id: 'createAndroidEnrollmentToken',
      path: `${PATH}/{id}/enrollmentTokens`,
      method: 'POST',
      summary: 'Makes an enrolment token; its value is shown this once and kept nowhere',
      realms: TENANT_ONLY,
      permission: ENROLL,
      params: slug,
      body: z.strictObject({
        policyId: z.string().regex(RESOURCE_ID),
        /** How long it is good for; Google takes up to about ten thousand years, Sluss a year. */
        durationInSeconds: z
          .int()
          .min(60)
          .max(365 * 86_400),
        oneTimeOnly: z.boolean().default(true),
        allowPersonalUsage: z
          .enum(['PERSONAL_USAGE_ALLOWED', 'PERSONAL_USAGE_DISALLOWED'])
          .optional(),
      }),
      answer: token.extend({ value: z.string(), qrCode: z.string().nullable() }),
      success: 201,
      change: async (call, { id }, { policyId, durationInSeconds, ...rest }) => {
        const parent = await enterpriseOf(parts, call.tenantId, id)
        if (isRefusal(parent)) return parent
        const policyName = `${parent}/policies/${policyId}`
        const made = await ask(parts, call, id, 'enterprises.enrollmentTokens.create', {
          parameters: { parent },
          body: { policyName, duration: `${durationInSeconds}s`, ...rest },
        })
        if (isRefusal(made)) return made
        return { ...describe(made), value: text(made.value) ?? '', qrCode: text(made.qrCode) }
      },
    }),
    changeEndpoint({
      id: 'revokeAndroidEnrollmentToken',
      path: `${PATH}/{id}/enrollmentTokens/{tokenId}/revoke`,
      method: 'POST',
      summary: 'Takes an enrolment token back at Google',
      realms: TENANT_ONLY,
      permission: ENROLL,
      params: withToken,
      body: noBody,
      answer: nothing,
      success: 204,
      change: async (call, { id, tokenId }) => {
        const parent = await enterpriseOf(parts, call.tenantId, id)
        if (isRefusal(parent)) return parent
        const name = `${parent}/enrollmentTokens/${tokenId}`
        const done = await ask(parts, call, id, 'enterprises.enrollmentTokens.delete', {
          parameters: { name },
        })
        return isRefusal(done) ? done : undefined
      },
    }),
  ]
}

function describe({
  name,
  policyName,
  oneTimeOnly,
  allowPersonalUsage,
  expirationTimestamp,
}: Resource): z.input<typeof token> {
  return {
    id: lastOf(name),
    policyId: typeof policyName === 'string' ? lastOf(policyName) : null,
    oneTimeOnly: oneTimeOnly === true,
    allowPersonalUsage: text(allowPersonalUsage),
    expirationDateTime: text(expirationTimestamp),
  }
}
