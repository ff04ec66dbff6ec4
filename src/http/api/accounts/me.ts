import { z } from 'zod'
import { signOutEverywhere, updateAccount } from '#access/account-updates.ts'
import { readAccountRow } from '#access/account.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { type Call, changeEndpoint, type Endpoint, getEndpoint } from '../endpoint.ts'
import {
  type AccountEndpointParts,
  account,
  by,
  describe,
  language,
  noBody,
  noParams,
  nothing,
  open,
} from './shared.ts'

const own = account.extend({
  tenantId: z.string(),
  accountKind: z.enum(['person', 'service']),
  authenticatedDateTime: z.string(),
  authenticationMethods: z.array(z.string()),
})

/** `me/account`: one's own account. */
export function ownAccountEndpoints(parts: AccountEndpointParts): readonly Endpoint[] {
  const { database, keys } = parts
  const read = (call: Call) =>
    database.read(call.tenantId, async (reader) => {
      const { principal } = call
      const found = await readAccountRow(reader, principal.accountId)
      if (!found) return undefined
      return {
        ...describe(await open(reader, keys, found.row)),
        tenantId: call.tenantId,
        accountKind: principal.kind,
        authenticatedDateTime: toTimestamp(principal.authenticatedAt),
        authenticationMethods: [...principal.methods],
      }
    })
  return [
    getEndpoint({
      id: 'getOwnAccount',
      path: '/me/account',
      summary: 'Who you are here',
      realms: ['tenant', 'operator'],
      permission: 'signedIn',
      params: noParams,
      answer: own,
      get: read,
    }),
    changeEndpoint({
      id: 'updateOwnAccount',
      path: '/me/account',
      method: 'PATCH',
      summary: 'The language you are written to in',
      realms: ['tenant', 'operator'],
      permission: 'signedIn',
      params: noParams,
      body: z.strictObject({ preferredLanguage: language }),
      answer: own,
      success: 200,
      current: read,
      change: async (call, _, { preferredLanguage }) => {
        const change = { language: preferredLanguage }
        const refusal = await database.write(call.tenantId, (tx) =>
          updateAccount(tx, parts, call.principal.accountId, change, by(call)),
        )
        return refusal ?? read(call)
      },
    }),
    changeEndpoint({
      id: 'revokeOwnSignIns',
      path: '/me/revokeSignInSessions',
      method: 'POST',
      summary: 'Signs you out everywhere, here too',
      realms: ['tenant', 'operator'],
      permission: 'signedIn',
      params: noParams,
      body: noBody,
      answer: nothing,
      success: 204,
      change: (call) =>
        database.write(call.tenantId, (tx) =>
          signOutEverywhere(tx, call.principal.accountId, by(call)),
        ),
    }),
  ]
}
