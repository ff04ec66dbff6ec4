import { createConnection } from '#connections/connection.ts'
import {
  issueClientIdAndSecret,
  issueEventSecret,
  storeCredentials,
} from '#connections/credentials.ts'
import type { Node } from '../../src/compose.ts'
import { admin, agreeOn } from '../agree.ts'
import type { SandboxJamf } from './server.ts'

export const JAMF_CONNECTION = 'jamf'
/** A connection to the stand-in: the API client's secret, one for the tenant's own client, and one for webhooks. */
export async function connectJamf(
  node: Node,
  tenantId: string,
  jamf: SandboxJamf,
  connectorId: 'jamf-pro' | 'jamf-pro-historic' = 'jamf-pro',
): Promise<{ client_id: string; client_secret: string; eventSecret: string }> {
  return node.database.write(tenantId, async (tx) => {
    await createConnection(
      tx,
      {
        connectionId: JAMF_CONNECTION,
        connectorId,
        title: 'Jamf Pro (sandbox)',
        origin: jamf.origin,
      },
      admin(node),
    )
    await storeCredentials(tx, node.keys, JAMF_CONNECTION, { ...jamf.client }, {}, admin(node))
    const made = await issueClientIdAndSecret(tx, node.keys, JAMF_CONNECTION, admin(node))
    const eventSecret = await issueEventSecret(tx, node.keys, JAMF_CONNECTION, admin(node))
    return { client_id: made.client_id ?? '', client_secret: made.client_secret ?? '', eventSecret }
  })
}

/** Contract and permission for Jamf Pro; of each feature, it is switched on and consented to. */
export const agreeWithJamf = (
  node: Node,
  tenantId: string,
  features: readonly string[] = ['jamf-pro-compliance', 'jamf-pro-management'],
): Promise<void> =>
  agreeOn(node, tenantId, {
    party: 'jamf-pro',
    purposes: ['compliance-check', 'device-management'],
    features,
  })
