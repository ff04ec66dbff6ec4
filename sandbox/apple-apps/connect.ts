import { createConnection } from '#connections/connection.ts'
import { issueClientToken, storeCredentials } from '#connections/credentials.ts'
import { dressClientToken, readTokenFile } from '#connectors/apple-apps-and-books/token-file.ts'
import { isRefusal } from '#foundation/refusal.ts'
import type { Node } from '../../src/compose.ts'
import { admin, agreeOn } from '../agree.ts'
import type { SandboxAppleApps } from './server.ts'

export const APPS_CONNECTION = 'apps'
export const APPS_OUT = 'apple-volume-purchase/outbound'
export const APPS_IN = 'apple-volume-purchase/inbound'

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
      admin(node),
    )
    await storeCredentials(tx, node.keys, APPS_CONNECTION, { ...token }, { expiresAt }, admin(node))
    const made = await issueClientToken(tx, node.keys, APPS_CONNECTION, admin(node), (secret) =>
      dressClientToken(secret, expiresAt),
    )
    return made.token ?? ''
  })
}

/** Contract, permission, feature on and consent to both directions. */
export const agreeOnAppleApps = (node: Node, tenantId: string): Promise<void> =>
  agreeOn(node, tenantId, {
    party: 'apple',
    purposes: ['app-licensing'],
    features: ['apple-volume-purchase'],
  })
