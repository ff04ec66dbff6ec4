import { giveConsent } from '#agreements/consent.ts'
import { givePermission, recordContract } from '#agreements/party.ts'
import { switchFeature } from '#agreements/switch-feature.ts'
import { manifestOf } from '#catalog/manifest.ts'
import { createConnection } from '#connections/connection.ts'
import { issueClientToken, storeCredentials } from '#connections/credentials.ts'
import { readKeyFile } from '#connectors/google-android-management/service-account.ts'
import { sha256Hex } from '#foundation/hashing.ts'
import { isRefusal } from '#foundation/refusal.ts'
import type { Node } from '../../src/compose.ts'
import type { SandboxGoogle } from './server.ts'

export const GOOGLE_CONNECTION = 'google'
export const GOOGLE_OUT = 'android-enterprise/outbound'
export const GOOGLE_IN = 'android-enterprise/inbound'

const by = (node: Node) => ({ actor: 'admin:sample', at: node.sharing.gate.now() })

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
      by(node),
    )
    await storeCredentials(tx, node.keys, GOOGLE_CONNECTION, { ...key }, {}, by(node))
    const { token = '' } = await issueClientToken(tx, node.keys, GOOGLE_CONNECTION, by(node))
    return token
  })
}

/** Feature on, contract, permission and consent to both directions. */
export async function agreeWithGoogle(node: Node, tenantId: string): Promise<void> {
  await node.database.write(tenantId, async (tx) => {
    await switchFeature(tx, node.parts.catalog, 'android-enterprise', true, by(node))
    const contract = await recordContract(
      tx,
      {
        partyId: 'google',
        documentHash: sha256Hex('a synthetic contract'),
        purposes: ['device-management'],
        from: by(node).at,
        until: by(node).at + 365 * 86_400_000,
      },
      by(node),
    )
    await givePermission(tx, 'google', contract, by(node))
    await consentToGoogle(tx, node)
  })
}

/** Consent to both directions as the catalog has them now. */
export async function consentToGoogle(
  tx: Parameters<typeof giveConsent>[0],
  node: Node,
): Promise<void> {
  for (const flowId of [GOOGLE_OUT, GOOGLE_IN]) {
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
