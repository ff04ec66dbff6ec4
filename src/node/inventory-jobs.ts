import { listConnections } from '#connections/connection.ts'
import { EXCHANGES, HISTORIC_EXCHANGES } from '#connectors/jamf-pro/exchanges.ts'
import { inventoriesOf } from '#connectors/jamf-pro/source.ts'
import { INSTALLATION } from '#database/handles.ts'
import type { JobKind, Jobs } from '#database/jobs.ts'
import { isRefusal } from '#foundation/refusal.ts'
import type { Node } from '../compose.ts'
import { synchroniseInventory } from './synchronise-inventory.ts'

export const SYNCHRONISE_INVENTORY = 'synchronise-inventory'
/** Webhooks tell of changes at once; the whole inventory is gone through four times a day. */
const EVERY_SIX_HOURS = '41 */6 * * *'
const CONNECTORS: ReadonlySet<string> = new Set(['jamf-pro', 'jamf-pro-historic'])

export interface InventoryTarget extends Readonly<Record<string, string>> {
  readonly tenantId: string
  readonly connectionId: string
  readonly connectorId: string
}

/** Walks through the inventories of Jamf Pro by the clock, on whichever node is free. */
export function inventoryJobKinds(
  node: Pick<Node, 'database' | 'sharing' | 'parts'>,
  jobs: () => Jobs | undefined,
): readonly JobKind<never>[] {
  const plan: JobKind<Readonly<Record<string, string>>> = {
    name: 'plan-inventories',
    cron: EVERY_SIX_HOURS,
    seconds: 300,
    tryAgain: false,
    run: async () => {
      await planInventories(node, (target) =>
        jobs()?.add(SYNCHRONISE_INVENTORY, `${target.tenantId}/${target.connectionId}`, target),
      )
    },
  }
  const synchronise: JobKind<InventoryTarget> = {
    name: SYNCHRONISE_INVENTORY,
    concurrency: 2,
    seconds: 6 * 3_600,
    tryAgain: true,
    run: async (target) => {
      const { tenantId, connectionId } = target
      const result = await synchroniseInventory(node, target)
      // What was refused stands in the ledger; trying the same again would only be refused again.
      node.parts.log.info(
        isRefusal(result) ? 'an inventory was not synchronised' : 'an inventory was synchronised',
        {
          tenantId,
          connectionId,
          ...(isRefusal(result) ? { refusal: result.refused } : { count: result.kept }),
        },
      )
    },
  }
  return [plan, synchronise]
}

/** Adds a walk for each connection whose gate is open. A closed one is not asked, so no refusals are written by the clock. */
export async function planInventories(
  node: Pick<Node, 'database' | 'sharing'>,
  add: (target: InventoryTarget) => Promise<unknown> | undefined,
): Promise<void> {
  const connections = await node.database.read(INSTALLATION, listConnections)
  for (const { tenantId, connectionId, connectorId } of connections) {
    if (!CONNECTORS.has(connectorId)) continue
    const [first] = inventoriesOf(connectorId)
    const exchange = [...EXCHANGES, ...HISTORIC_EXCHANGES].find(
      (one) => one.id === first?.exchangeId,
    )
    const gate = exchange && (await node.sharing.gate.open(tenantId, connectionId, exchange))
    if (!gate || isRefusal(gate) || gate.refusal) continue
    await add({ tenantId, connectionId, connectorId })
  }
}
