import { chooseCollection } from '#agreements/collection.ts'
import { giveConsent } from '#agreements/consent.ts'
import { givePermission, recordContract } from '#agreements/party.ts'
import { switchFeature } from '#agreements/switch-feature.ts'
import type { ItemId } from '#catalog/catalog.ts'
import { manifestOf } from '#catalog/manifest.ts'
import type { Transaction } from '#database/handles.ts'
import { sha256Hex } from '#foundation/hashing.ts'
import { isRefusal } from '#foundation/refusal.ts'
import type { Node } from '../src/compose.ts'

const YEAR_IN_MS = 365 * 86_400_000

/** What a party is agreed on for: its contract's purposes and the features that are turned on. */
export interface Terms {
  readonly party: string
  /** The contract's: all that the party is permitted for, since the newest permission counts. */
  readonly purposes: readonly string[]
  readonly features: readonly string[]
  /** Items that the admin keeps back although the flow has them. */
  readonly keptBack?: readonly ItemId[]
}

/** The sample's administrator, at the node's own time. */
export const admin = (node: Node) => ({ actor: 'admin:sample', at: node.sharing.gate.now() })

/** Contract and permission; of each feature, it is switched on and consented to as the catalog has it now. */
export async function agreeOn(
  node: Node,
  tenantId: string,
  { party, purposes, features, keptBack = [] }: Terms,
): Promise<void> {
  const { catalog } = node.parts
  await node.database.write(tenantId, async (tx) => {
    await permit(tx, node, party, purposes)
    for (const feature of features) await switchFeature(tx, catalog, feature, true, admin(node))
    for (const itemId of keptBack) {
      const choice = { itemId, on: true, precision: 'withheld' }
      await chooseCollection(tx, catalog, choice, admin(node))
    }
    for (const feature of features) await consentTo(tx, node, feature)
  })
}

/** The tenant's own contract with the party, for a year, and the admin's explicit permission that rests on it. */
export async function permit(
  tx: Transaction,
  node: Node,
  party: string,
  purposes: readonly string[],
): Promise<void> {
  const by = admin(node)
  const documentHash = sha256Hex('a synthetic contract')
  const until = by.at + YEAR_IN_MS
  const contract = await recordContract(
    tx,
    { partyId: party, documentHash, purposes, from: by.at, until },
    by,
  )
  await givePermission(tx, party, contract, by)
}

/**
 * Consent to every flow of a feature as the catalog has them now.
 *
 * @param preview commitment of the preview that was looked at before what goes out was consented to
 */
export async function consentTo(
  tx: Transaction,
  node: Node,
  feature: string,
  preview?: string,
): Promise<void> {
  const { catalog } = node.parts
  for (const { id: flowId, direction, feature: itsFeature } of catalog.flows.values()) {
    if (itsFeature !== feature) continue
    const { hash: manifestHash } = manifestOf(catalog, flowId)
    const seen = direction === 'outbound' ? preview : undefined
    const given = await giveConsent(
      tx,
      catalog,
      { flowId, manifestHash, preview: seen },
      admin(node),
    )
    if (isRefusal(given)) throw new Error(given.message)
  }
}
