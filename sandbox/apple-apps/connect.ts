import { giveConsent } from '#agreements/consent.ts'
import { givePermission, recordContract } from '#agreements/party.ts'
import { switchFeature } from '#agreements/switch-feature.ts'
import { manifestOf } from '#catalog/manifest.ts'
import { createConnection } from '#connections/connection.ts'
import { issueClientToken, storeCredentials } from '#connections/credentials.ts'
import { dressClientToken, readTokenFile } from '#connectors/apple-apps-and-books/token-file.ts'
import { sha256Hex } from '#foundation/hashing.ts'
import { isRefusal } from '#foundation/refusal.ts'
import type { Node } from '../../src/compose.ts'
import type { SandboxAppleApps } from './server.ts'

export const APPS_CONNECTION = 'apps'
export const APPS_OUT = 'apple-volume-purchase/outbound'
export const APPS_IN = 'apple-volume-purchase/inbound'

const by = (node: Node) => ({ actor: 'admin:sample', at: node.sharing.gate.now() })

/** A connection to the stand-in, with its content token and a token for the tenant's own client: which is answered. */
export async function connectAppleApps(
  node: Node,
  tenantId: string,
  apps: SandboxAppleApps,
): Promise<string> {
  const token = readTokenFile(Buffer.from(apps.tokenFile))
  if (isRefusal(token)) throw new Error(token.message)
  const expiresAt = Date.parse(token.expires_at)
  return node.database.write(tenantId, async (tx) => {
    await createConnection(
      tx,
      {
        connectionId: APPS_CONNECTION,
        connectorId: 'apple-apps-and-books',
        title: 'Apple Apps and Books (sandbox)',
        origin: apps.origin,
      },
      by(node),
    )
    await storeCredentials(tx, node.keys, APPS_CONNECTION, { ...token }, { expiresAt }, by(node))
    const made = await issueClientToken(tx, node.keys, APPS_CONNECTION, by(node), (secret) =>
      dressClientToken(secret, expiresAt),
    )
    return made.token ?? ''
  })
}

/** Feature on, contract, permission and consent to both directions. */
export async function agreeOnAppleApps(node: Node, tenantId: string): Promise<void> {
  await node.database.write(tenantId, async (tx) => {
    await switchFeature(tx, node.parts.catalog, 'apple-volume-purchase', true, by(node))
    const contract = await recordContract(
      tx,
      {
        partyId: 'apple',
        documentHash: sha256Hex('a synthetic contract'),
        purposes: ['app-licensing'],
        from: by(node).at,
        until: by(node).at + 365 * 86_400_000,
      },
      by(node),
    )
    await givePermission(tx, 'apple', contract, by(node))
    await consentToAppleApps(tx, node)
  })
}

/** Consent to both directions as the catalog has them now. */
export async function consentToAppleApps(
  tx: Parameters<typeof giveConsent>[0],
  node: Node,
): Promise<void> {
  for (const flowId of [APPS_OUT, APPS_IN]) {
    const manifestHash = manifestOf(node.parts.catalog, flowId).hash
    const given = await giveConsent(tx, node.parts.catalog, { flowId, manifestHash }, by(node))
    if (isRefusal(given)) throw new Error(given.message)
  }
}
