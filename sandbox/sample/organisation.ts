import { createConnection, moveConnection } from '#connections/connection.ts'
import {
  issueClientCredentials,
  openTokenKeyPair,
  storeCredentials,
  storeTokenKeyPair,
} from '#connections/credentials.ts'
import { makeTokenKeyPair, readTokenFile } from '#connectors/apple-device-enrollment/token-file.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { createTenant, type NewTenant } from '#tenants/create-tenant.ts'
import { readTenant } from '#tenants/tenant.ts'
import type { Node } from '../../src/compose.ts'
import { admin, consentTo, permit } from '../agree.ts'
import type { SandboxApple } from '../apple/server.ts'
import { makeTokenFile } from '../apple/token-file.ts'

export const TENANT = 'example'
export const CONNECTION = 'apple'
export const OUT = 'apple-device-enrollment/outbound'
export const IN = 'apple-device-enrollment/inbound'
/** A synthetic organisation. */
export const SAMPLE: Omit<NewTenant, 'at'> = {
  name: 'Example organisation',
  region: 'EU',
  privacyContact: 'privacy@example.org',
  actor: 'operator:sample',
}

/** Makes the organisation and its connection to the stand-in for Apple, by way of a token file as the portal makes it. */
export async function makeOrganisation(
  node: Node,
  apple: SandboxApple,
): Promise<{ fresh: boolean; client: Readonly<Record<string, string>> }> {
  const { database, keys } = node
  const by = admin(node)
  const fresh = (await database.read(TENANT, readTenant)) === undefined
  if (fresh) {
    await database.write(TENANT, (tx) => createTenant(tx, keys, { ...SAMPLE, at: by.at }))
    await database.write(TENANT, (tx) =>
      createConnection(
        tx,
        {
          connectionId: CONNECTION,
          connectorId: 'apple-device-enrollment',
          title: 'Apple (sandbox)',
          origin: apple.origin,
        },
        by,
      ),
    )
    const pair = await makeTokenKeyPair(by.at)
    await database.write(TENANT, (tx) => storeTokenKeyPair(tx, keys, CONNECTION, pair, by))
  }
  const pair = await database.read(TENANT, (reader) => openTokenKeyPair(reader, keys, CONNECTION))
  if (!pair) throw new Error('the sample has no key pair for its token file')
  const file = makeTokenFile(
    apple.token,
    pair.certificate,
    new Date(by.at + 365 * 86_400_000).toISOString(),
  )
  const token = readTokenFile(file, pair, by.at)
  if (isRefusal(token)) throw new Error(token.message)
  const { expiresAt, ...secrets } = token
  const client = await database.write(TENANT, async (tx) => {
    await moveConnection(tx, CONNECTION, { origin: apple.origin }, by)
    await storeCredentials(tx, keys, CONNECTION, secrets, { expiresAt, force: true }, by)
    return issueClientCredentials(tx, keys, CONNECTION, by)
  })
  return { fresh, client }
}

/** The tenant's own contract with Apple, and the admin's explicit permission that rests on it. */
export const agreeWithApple = (node: Node): Promise<void> =>
  node.database.write(TENANT, (tx) => permit(tx, node, 'apple', ['device-enrolment-management']))

/** The admin consents to both directions as the catalog has them now. */
export const consentToBoth = (node: Node, preview?: string): Promise<void> =>
  node.database.write(TENANT, (tx) => consentTo(tx, node, 'apple-device-enrollment', preview))
