import { createConnection } from '#connections/connection.ts'
import { issueClientToken, storeCredentials } from '#connections/credentials.ts'
import { readKeyFile } from '#connectors/google-android-management/service-account.ts'
import { isRefusal } from '#foundation/refusal.ts'
import type { Node } from '../../src/compose.ts'
import { admin, agreeOn } from '../agree.ts'
import type { SandboxGoogle } from './server.ts'

export const GOOGLE_CONNECTION = 'google'
export const GOOGLE_OUT = 'android-enterprise/outbound'
export const GOOGLE_IN = 'android-enterprise/inbound'

/** A connection to the stand-in, with its service account's key and a token for the tenant's own client: which is answered. */
export async function connectGoogle(
  node: Node,
  tenantId: string,
  google: SandboxGoogle,
): Promise<string> {
  const key = readKeyFile(google.keyFile, [google.tokenEndpoint])
  if (isRefusal(key)) throw new Error(key.message)
  return node.database.write(tenantId, async (tx) => {
    await createConnection(
      tx,
      {
        connectionId: GOOGLE_CONNECTION,
        connectorId: 'google-android-management',
        title: 'Google (sandbox)',
        origin: google.origin,
      },
      admin(node),
    )
    await storeCredentials(tx, node.keys, GOOGLE_CONNECTION, { ...key }, {}, admin(node))
    const { token = '' } = await issueClientToken(tx, node.keys, GOOGLE_CONNECTION, admin(node))
    return token
  })
}

/** Contract, permission, feature on and consent to both directions. */
export const agreeWithGoogle = (node: Node, tenantId: string): Promise<void> =>
  agreeOn(node, tenantId, {
    party: 'google',
    purposes: ['device-management'],
    features: ['android-enterprise'],
  })
