import { giveConsent } from '#agreements/consent.ts'
import { givePermission, recordContract } from '#agreements/party.ts'
import { switchFeature } from '#agreements/switch-feature.ts'
import { manifestOf } from '#catalog/manifest.ts'
import { createConnection } from '#connections/connection.ts'
import { issueClientToken } from '#connections/credentials.ts'
import { uploadPushCertificate } from '#connections/push-certificate.ts'
import { sha256Hex } from '#foundation/hashing.ts'
import { isRefusal } from '#foundation/refusal.ts'
import type { Node } from '../../src/compose.ts'
import type { SandboxApns } from './server.ts'

export const PUSH_CONNECTION = 'apple-push'
export const TUNNEL_CONNECTION = 'apple-push-tunnel'
export const PUSH_FLOWS = ['apple-mdm-push/outbound', 'apple-mdm-push/inbound']
export const TUNNEL_FLOWS = ['apple-push-tunnel/outbound', 'apple-push-tunnel/inbound']

const by = (node: Node) => ({ actor: 'admin:sample', at: node.sharing.gate.now() })

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
      await createConnection(tx, made, by(node))
      const { token = '' } = await issueClientToken(tx, node.keys, connectionId, by(node))
      tokens.push(token)
    }
    const file = apns.authority.pushCertificate()
    const refused = await uploadPushCertificate(tx, node.keys, PUSH_CONNECTION, file, by(node))
    if (refused) throw new Error(refused.message)
    const [push = '', tunnel = ''] = tokens
    return { push, tunnel }
  })
}

/** Feature on, contract, permission and consent to both directions, for pushes, tunnels or both. */
export async function agreeToPush(
  node: Node,
  tenantId: string,
  features: readonly string[] = ['apple-mdm-push', 'apple-push-tunnel'],
): Promise<void> {
  const { catalog } = node.parts
  await node.database.write(tenantId, async (tx) => {
    const contract = await recordContract(
      tx,
      {
        partyId: 'apple',
        documentHash: sha256Hex('a synthetic contract'),
        purposes: ['device-management'],
        from: by(node).at,
      },
      by(node),
    )
    await givePermission(tx, 'apple', contract, by(node))
    for (const feature of features) {
      await switchFeature(tx, catalog, feature, true, by(node))
      for (const flowId of catalog.features.get(feature)?.flows ?? []) {
        const { hash } = manifestOf(catalog, flowId)
        const given = await giveConsent(tx, catalog, { flowId, manifestHash: hash }, by(node))
        if (isRefusal(given)) throw new Error(given.message)
      }
    }
  })
}
