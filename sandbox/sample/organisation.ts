import { giveConsent } from '#agreements/consent.ts'
import { givePermission, recordContract } from '#agreements/party.ts'
import { manifestOf } from '#catalog/manifest.ts'
import { createConnection, moveConnection } from '#connections/connection.ts'
import {
  issueClientCredentials,
  openTokenKeyPair,
  storeCredentials,
  storeTokenKeyPair,
} from '#connections/credentials.ts'
import { makeTokenKeyPair, readTokenFile } from '#connectors/apple-device-enrollment/token-file.ts'
import { sha256Hex } from '#foundation/hashing.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { createTenant, type NewTenant } from '#tenants/create-tenant.ts'
import { readTenant } from '#tenants/tenant.ts'
import type { Node } from '../../src/compose.ts'
import type { SandboxApple } from '../apple/server.ts'
import { makeTokenFile } from '../apple/token-file.ts'

/** A synthetic organisation. */
export const TENANT = 'example'
export const CONNECTION = 'apple'
export const OUT = 'apple-device-enrollment/outbound'
export const IN = 'apple-device-enrollment/inbound'
const SAMPLE: Omit<NewTenant, 'at'> = {
  name: 'Example organisation',
  region: 'EU',
  privacyContact: 'privacy@example.org',
  actor: 'operator:sample',
}

export const admin = (node: Node) => ({ actor: 'admin:sample', at: node.sharing.gate.now() })

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

/** The tenant's own contract with the party, and the admin's explicit permission that rests on it. */
export async function agreeWithApple(node: Node): Promise<void> {
  const by = admin(node)
  await node.database.write(TENANT, async (tx) => {
    const contract = await recordContract(
      tx,
      {
        partyId: 'apple',
        documentHash: sha256Hex('a synthetic contract'),
        purposes: ['device-enrolment-management'],
        from: by.at,
        until: by.at + 365 * 86_400_000,
      },
      by,
    )
    await givePermission(tx, 'apple', contract, by)
  })
}

/** The admin consents to both directions as the catalog has them now. */
export async function consentToBoth(node: Node, preview?: string): Promise<void> {
  const by = admin(node)
  await node.database.write(TENANT, async (tx) => {
    for (const flowId of [OUT, IN]) {
      const { hash } = manifestOf(node.parts.catalog, flowId)
      const given = await giveConsent(
        tx,
        node.parts.catalog,
        { flowId, manifestHash: hash, preview: flowId === OUT ? preview : undefined },
        by,
      )
      if (isRefusal(given)) throw new Error(given.message)
    }
  })
}
