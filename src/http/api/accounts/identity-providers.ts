import { z } from 'zod'
import {
  createIdentityProvider,
  type IdentityProvider,
  type ProviderRow,
  type ProviderSettings,
  providerOf,
  providersSource,
  readIdentityProvider,
  updateIdentityProvider,
} from '#access/identity-provider.ts'
import type { Transaction } from '#database/handles.ts'
import { listPage } from '#database/list.ts'
import { isRefusal, type Refusal, refuse } from '#foundation/refusal.ts'
import { type Call, changeEndpoint, type Endpoint, getEndpoint, listEndpoint } from '../endpoint.ts'
import {
  type AccountEndpointParts,
  BOTH,
  by,
  byId,
  noParams,
  PAGE,
  type RealmNames,
} from './shared.ts'

const provider = z.object({
  id: z.string(),
  displayName: z.string(),
  issuer: z.string(),
  clientId: z.string(),
  hasClientSecret: z.boolean(),
  groupsClaim: z.string().nullable(),
  rolesClaim: z.string().nullable(),
  mailDomains: z.array(z.string()),
  createsAccounts: z.boolean(),
  isEnabled: z.boolean(),
})
const claim = z.string().min(1).max(200).nullable().optional()
const issuer = z.url({ protocol: /^https?$/ }).max(500)
const text = z.string().trim().min(1).max(300)
const domain = z.hostname().max(253)
const optional = {
  clientSecret: z.string().min(1).max(1_000).optional(),
  groupsClaim: claim,
  rolesClaim: claim,
  mailDomains: z.array(domain).max(100).optional(),
  createsAccounts: z.boolean().optional(),
  isEnabled: z.boolean().optional(),
}

/** `identity/identityProviders`: the organisation's own sign-in. Only full administrators change it. */
export function identityProviderEndpoints(
  parts: AccountEndpointParts,
  { prefix, suffix, realms, read, manage }: RealmNames,
): readonly Endpoint[] {
  const { database, keys } = parts
  const one = async (tenantId: string, id: string) => {
    const found = await database.read(tenantId, (reader) => readIdentityProvider(reader, id))
    return found && describe(found)
  }
  return [
    listEndpoint({
      id: `listIdentityProviders${suffix}`,
      path: `${prefix}/identity/identityProviders`,
      summary: "The organisation's own sign-ins",
      realms,
      permission: read,
      params: noParams,
      answer: provider,
      pageSize: PAGE,
      fields: { id: BOTH, displayName: BOTH, issuer: BOTH },
      list: ({ tenantId }, _, query) =>
        database.read(tenantId, async (reader) => {
          const page = await listPage<ProviderRow>(reader, providersSource(tenantId), query)
          return { ...page, rows: page.rows.map((row) => describe(providerOf(row))) }
        }),
    }),
    getEndpoint({
      id: `getIdentityProvider${suffix}`,
      path: `${prefix}/identity/identityProviders/{id}`,
      summary: 'One of them',
      realms,
      permission: read,
      params: byId,
      answer: provider,
      get: ({ tenantId }, { id }) => one(tenantId, id),
    }),
    changeEndpoint({
      id: `createIdentityProvider${suffix}`,
      path: `${prefix}/identity/identityProviders`,
      method: 'POST',
      summary: 'Lets people in by their own OpenID provider',
      realms,
      permission: manage,
      stepUp: true,
      params: noParams,
      body: z.strictObject({ displayName: text, issuer, clientId: text, ...optional }),
      answer: provider,
      success: 201,
      change: async (call, _, body) => {
        const made = await asAdministrator(parts, call, (tx) =>
          createIdentityProvider(tx, keys, { ...settingsOf(body), ...required(body) }, by(call)),
        )
        return isRefusal(made) ? made : one(call.tenantId, made)
      },
    }),
    changeEndpoint({
      id: `updateIdentityProvider${suffix}`,
      path: `${prefix}/identity/identityProviders/{id}`,
      method: 'PATCH',
      summary: 'Changes one; switched off, it lets nobody in any more',
      realms,
      permission: manage,
      stepUp: true,
      params: byId,
      body: z.strictObject({
        displayName: text.optional(),
        issuer: issuer.optional(),
        clientId: text.optional(),
        ...optional,
      }),
      answer: provider,
      success: 200,
      current: ({ tenantId }, { id }) => one(tenantId, id),
      change: async (call, { id }, body) => {
        const refusal = await asAdministrator(parts, call, (tx) =>
          updateIdentityProvider(tx, keys, id, settingsOf(body), by(call)),
        )
        return refusal ?? one(call.tenantId, id)
      },
    }),
  ]
}

/** A provider says who somebody is and in which groups: whoever names it could come in as anybody. */
function asAdministrator<Result>(
  { database, administrators }: AccountEndpointParts,
  call: Call,
  work: (tx: Transaction) => Promise<Result>,
): Promise<Result | Refusal> {
  return database.write<Result | Refusal>(call.tenantId, async (tx) =>
    (await administrators(tx)).has(call.principal.accountId)
      ? work(tx)
      : refuse('role_missing', { needed: 'administrator' }),
  )
}

function required(body: { displayName: string; issuer: string; clientId: string }) {
  return { title: body.displayName, issuer: body.issuer, clientId: body.clientId }
}

function settingsOf(body: {
  displayName?: string | undefined
  issuer?: string | undefined
  clientId?: string | undefined
  clientSecret?: string | undefined
  groupsClaim?: string | null | undefined
  rolesClaim?: string | null | undefined
  mailDomains?: readonly string[] | undefined
  createsAccounts?: boolean | undefined
  isEnabled?: boolean | undefined
}): Partial<ProviderSettings> {
  const { displayName, issuer: address, clientId, isEnabled, ...rest } = body
  return {
    ...rest,
    enabled: isEnabled,
    ...(displayName === undefined ? {} : { title: displayName }),
    ...(address === undefined ? {} : { issuer: address }),
    ...(clientId === undefined ? {} : { clientId }),
  }
}

function describe(known: IdentityProvider): z.input<typeof provider> {
  return {
    id: known.providerId,
    displayName: known.title,
    issuer: known.issuer,
    clientId: known.clientId,
    hasClientSecret: known.hasSecret,
    groupsClaim: known.groupsClaim ?? null,
    rolesClaim: known.rolesClaim ?? null,
    mailDomains: [...known.mailDomains],
    createsAccounts: known.createsAccounts,
    isEnabled: known.enabled,
  }
}
