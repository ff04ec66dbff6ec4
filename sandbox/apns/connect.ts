import { createConnection } from '#connections/connection.ts'
import { issueClientToken } from '#connections/credentials.ts'
import { uploadPushCertificate } from '#connections/push-certificate.ts'
import type { Node } from '../../src/compose.ts'
import { admin, agreeOn } from '../agree.ts'
import type { SandboxApns } from './server.ts'

export const PUSH_CONNECTION = 'apple-push'
export const TUNNEL_CONNECTION = 'apple-push-tunnel'
export const PUSH_FLOWS = ['apple-mdm-push/outbound', 'apple-mdm-push/inbound']
export const TUNNEL_FLOWS = ['apple-push-tunnel/outbound', 'apple-push-tunnel/inbound']

/** Connections for pushes, with a push certificate, and for tunnels; answers the tokens of the tenant's own client. */
export async function connectPush(
  node: Node,
  tenantId: string,
  apns: SandboxApns,
): Promise<{ push: string; tunnel: string }> {
  return node.database.write(tenantId, async (tx) => {
    const tokens: string[] = []
    for (const connectionId of [PUSH_CONNECTION, TUNNEL_CONNECTION]) {
      const title = `${connectionId} (sandbox)`
      const made = { connectionId, connectorId: connectionId, title, origin: apns.origin }
      await createConnection(tx, made, admin(node))
      const { token = '' } = await issueClientToken(tx, node.keys, connectionId, admin(node))
      tokens.push(token)
    }
    const file = apns.authority.pushCertificate()
    const refused = await uploadPushCertificate(tx, node.keys, PUSH_CONNECTION, file, admin(node))
    if (refused) throw new Error(refused.message)
    const [push = '', tunnel = ''] = tokens
    return { push, tunnel }
  })
}

/** Contract, permission, feature on and consent to both directions, for pushes, tunnels or both. */
export const agreeToPush = (
  node: Node,
  tenantId: string,
  features: readonly string[] = ['apple-mdm-push', 'apple-push-tunnel'],
): Promise<void> =>
  agreeOn(node, tenantId, { party: 'apple', purposes: ['device-management'], features })
