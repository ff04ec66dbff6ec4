import { chooseCollection } from '#agreements/collection.ts'
import { giveConsent, withdrawConsent } from '#agreements/consent.ts'
import type { Catalog, FlowId, ItemId } from '#catalog/catalog.ts'
import { withoutFlowItem } from '#catalog/grow.ts'
import { manifestOf } from '#catalog/manifest.ts'
import type { Transaction } from '#database/handles.ts'
import { admin } from '../../../sandbox/agree.ts'
import { TENANT } from '../../../sandbox/sample/organisation.ts'
import type { Node } from '../../../src/compose.ts'
import type { Random } from './random.ts'
import type { Lane } from './world.ts'

/** What is agreed to in one round: the judge's whole knowledge. */
export interface Rules {
  /** Whether the item may pass exactly as it came. */
  exact(flow: FlowId, item: ItemId): boolean
}

/**
 * Agrees at random: consent to what an older catalog had in each flow, so that the items it lacked wait, and for each item
 * a choice of the admin's. `closed`: consent to everything is withdrawn.
 */
export async function agreeAtRandom(
  node: Node,
  lanes: readonly Lane[],
  random: Random,
  how: 'open' | 'random' | 'closed',
): Promise<Rules> {
  const { catalog } = node.parts
  const exchanges = lanes.flatMap((lane) => lane.exchanges)
  const flows = new Set([...exchanges.flatMap(({ outbound, inbound }) => [outbound, inbound])])
  /** Without these no call is made at all: they are closed now and then only. */
  const needed = new Set(exchanges.flatMap(({ carries, essential }) => [...carries, ...essential]))
  const some = (item: ItemId, often: number): boolean =>
    how === 'random' && random.chance(needed.has(item) ? often / 20 : often)
  const waits = new Map<FlowId, ReadonlySet<ItemId>>()
  const chosen = new Map<ItemId, string>()
  const by = admin(node)
  for (const flowId of flows) {
    const { items } = manifestOf(catalog, flowId)
    waits.set(flowId, new Set(items.filter((item) => some(item, 0.12))))
    for (const item of items) chosen.set(item, choiceFor(catalog, item, some(item, 0.25), random))
  }
  await node.database.write(TENANT, async (tx) => {
    for (const [itemId, precision] of chosen)
      await chooseCollection(tx, catalog, { itemId, on: true, precision }, by)
    for (const flowId of flows) {
      if (how === 'closed') await withdrawConsent(tx, flowId, by)
      else await consentWithout(tx, catalog, flowId, waits.get(flowId) ?? [], by)
    }
  })
  return {
    exact: (flow, item) =>
      how !== 'closed' &&
      flows.has(flow) &&
      manifestOf(catalog, flow).items.includes(item) &&
      waits.get(flow)?.has(item) !== true &&
      chosen.get(item) === 'exact' &&
      catalog.items.get(item)?.need !== 'never',
  }
}

/** Consents anew to what an older catalog, without the dropped items, had in the flow: those wait. */
export async function consentWithout(
  tx: Transaction,
  catalog: Catalog,
  flowId: FlowId,
  dropped: Iterable<ItemId>,
  by: Parameters<typeof withdrawConsent>[2],
): Promise<void> {
  let older = catalog
  for (const item of dropped) older = withoutFlowItem(older, flowId, item)
  await withdrawConsent(tx, flowId, by)
  await giveConsent(tx, older, { flowId, manifestHash: manifestOf(older, flowId).hash }, by)
}

function choiceFor(catalog: Catalog, item: ItemId, less: boolean, random: Random): string {
  const { precisions = [] } = catalog.items.get(item) ?? {}
  if (!less) return precisions.includes('exact') ? 'exact' : 'withheld'
  return precisions.includes('pseudonym') && random.chance(0.7) ? 'pseudonym' : 'withheld'
}
