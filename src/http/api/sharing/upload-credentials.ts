import { z } from 'zod'
import { storeCredentials } from '#connections/credentials.ts'
import { readTenantConnection } from '#connections/list-connections.ts'
import type { Database } from '#database/handles.ts'
import { isRefusal, refuse } from '#foundation/refusal.ts'
import type { Keys } from '#keys/keys.ts'
import type { SharingParts } from '#sharing/parts.ts'
import { type Endpoint, changeEndpoint } from '../endpoint.ts'
import { TENANT_ONLY, by, nothing, slug } from './shared.ts'

/** For parties that hand out a file to keep as it is, such as the key file of a Google service account. */
export function uploadCredentials({
  database,
  keys,
  sharing,
}: {
  readonly database: Database
  readonly keys: Keys
  readonly sharing: Pick<SharingParts, 'connectors'>
}): Endpoint {
  return changeEndpoint({
    id: 'uploadCredentials',
    path: '/deviceManagement/connections/{id}/uploadCredentials',
    method: 'POST',
    summary: "Takes the file with the party's credentials; refused when it is of another account",
    realms: TENANT_ONLY,
    permission: 'Enrollment programs/Update token',
    params: slug,
    body: z.strictObject({
      /** The file in base64. */
      file: z.base64().min(1).max(262_144),
      /** The only enterprise that these credentials may be used for, where they open several. */
      enterprise: z
        .string()
        .regex(/^enterprises\/[\w-]{1,100}$/)
        .optional(),
      replacesAccount: z.boolean().optional(),
    }),
    answer: nothing,
    success: 204,
    change: (call, { id }, { file, enterprise, replacesAccount }) =>
      database.write(call.tenantId, async (tx) => {
        const found = await readTenantConnection(tx, id)
        if (!found) return refuse('connection_unknown')
        const read = sharing.connectors
          .get(found.connectorId)
          ?.readCredentials?.(Buffer.from(file, 'base64'))
        if (!read) return refuse('body_malformed', { field: 'file', connector: found.connectorId })
        if (isRefusal(read)) return read
        const credentials = enterprise === undefined ? read : { ...read, enterprise }
        const force = replacesAccount ?? false
        // Some files say themselves until when they are good.
        const end = read.expires_at === undefined ? undefined : Date.parse(read.expires_at)
        if (end !== undefined && end <= call.now) return refuse('token_file_expired')
        const options = end === undefined ? { force } : { force, expiresAt: end }
        return storeCredentials(tx, keys, id, credentials, options, by(call))
      }),
  })
}
