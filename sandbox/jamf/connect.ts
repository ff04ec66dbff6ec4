import { giveConsent } from '#agreements/consent.ts'
import { givePermission, recordContract } from '#agreements/party.ts'
import { switchFeature } from '#agreements/switch-feature.ts'
import { manifestOf } from '#catalog/manifest.ts'
import { createConnection } from '#connections/connection.ts'
import {
  issueClientIdAndSecret,
  issueEventSecret,
  storeCredentials,
} from '#connections/credentials.ts'
import { sha256Hex } from '#foundation/hashing.ts'
import { isRefusal } from '#foundation/refusal.ts'
import type { Node } from '../../src/compose.ts'
import type { SandboxJamf } from './server.ts'

export const JAMF_CONNECTION = 'jamf'
const by = (node: Node) => ({ actor: 'admin:sample', at: node.sharing.gate.now() })

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
      by(node),
    )
    await storeCredentials(tx, node.keys, JAMF_CONNECTION, { ...jamf.client }, {}, by(node))
    const made = await issueClientIdAndSecret(tx, node.keys, JAMF_CONNECTION, by(node))
    const eventSecret = await issueEventSecret(tx, node.keys, JAMF_CONNECTION, by(node))
    return { client_id: made.client_id ?? '', client_secret: made.client_secret ?? '', eventSecret }
  })
}

/** Contract and permission for Jamf Pro; of each feature, it is switched on and consented to. */
export async function agreeWithJamf(
  node: Node,
  tenantId: string,
  features: readonly string[] = ['jamf-pro-compliance', 'jamf-pro-management'],
): Promise<void> {
  await node.database.write(tenantId, async (tx) => {
    const from = by(node).at
    const contract = await recordContract(
      tx,
      {
        partyId: 'jamf-pro',
        documentHash: sha256Hex('a synthetic contract'),
        purposes: ['compliance-check', 'device-management'],
        from,
        until: from + 365 * 86_400_000,
      },
      by(node),
    )
    await givePermission(tx, 'jamf-pro', contract, by(node))
    for (const feature of features) {
      await switchFeature(tx, node.parts.catalog, feature, true, by(node))
      for (const direction of ['outbound', 'inbound']) {
        const flowId = `${feature}/${direction}`
        const { hash } = manifestOf(node.parts.catalog, flowId)
        const given = await giveConsent(
          tx,
          node.parts.catalog,
          { flowId, manifestHash: hash },
          by(node),
        )
        if (isRefusal(given)) throw new Error(given.message)
      }
    }
  })
}
