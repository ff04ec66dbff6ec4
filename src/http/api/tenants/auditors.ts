import { z } from 'zod'
import type { Database } from '#database/handles.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { newOrderedId } from '#foundation/ids.ts'
import type { Keys } from '#keys/keys.ts'
import { append } from '#ledger/append.ts'
import { AUDITOR_TOKEN_LIFE_IN_MS, auditorOf, issueAuditorToken } from '../../auditor-token.ts'
import { type Endpoint, changeEndpoint } from '../endpoint.ts'

/** Tokens for auditors without an account: they open tiles and entries of the tenant's log, and nothing else. */
export function auditorEndpoints({
  database,
  keys,
}: {
  readonly database: Database
  readonly keys: Keys
}): readonly Endpoint[] {
  return [
    changeEndpoint({
      id: 'createAuditorToken',
      path: '/auditLogs/auditorTokens',
      method: 'POST',
      summary: "A token by which an auditor reads the tenant's log for half an hour",
      realms: ['tenant'],
      permission: 'Audit data/Read',
      stepUp: true,
      params: z.strictObject({}),
      body: z.strictObject({}),
      answer: z.object({
        token: z.string(),
        ledgerPath: z.string(),
        expirationDateTime: z.string(),
      }),
      success: 201,
      change: async (call) => {
        const until = toTimestamp(call.now + AUDITOR_TOKEN_LIFE_IN_MS)
        const token = await issueAuditorToken(
          { database, keys, clock: { now: () => call.now, elapsed: () => call.now } },
          call.tenantId,
        )
        // Nobody has it before it is recorded; each bundle that it opens is an entry of its own.
        await database.write(call.tenantId, (tx) =>
          append(tx, {
            id: newOrderedId(call.now),
            at: toTimestamp(call.now),
            kind: 'ledger.read',
            actor: call.actor,
            data: { what: 'auditor-token', auditor: auditorOf(token), until },
          }),
        )
        return { token, ledgerPath: `/ledger/${call.tenantId}`, expirationDateTime: until }
      },
    }),
  ]
}
