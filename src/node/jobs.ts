import { listConnections } from '#connections/connection.ts'
import { INSTALLATION } from '#database/handles.ts'
import type { JobKind, Jobs } from '#database/jobs.ts'
import { EXCHANGES } from '#connectors/apple-device-enrollment/exchanges.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { androidJobKinds } from './android-jobs.ts'
import type { Node } from '../compose.ts'
import { licenceJobKinds } from './licences.ts'
import { inventoryJobKinds } from './inventory-jobs.ts'
import { partnerJobKinds } from './push-partners.ts'
import { synchroniseDevices } from './synchronise.ts'

const PLAN = 'plan-synchronisations'
export const SYNCHRONISE = 'synchronise-devices'
const APPLE = 'apple-device-enrollment'

interface Target extends Readonly<Record<string, string>> {
  readonly tenantId: string
  readonly connectionId: string
}

/** What runs by itself; `more` is what the front door adds. `jobs` is where one kind adds another; it is there once the kinds have been handed over. */
export function jobKinds(
  node: Omit<Node, 'startJobs'>,
  jobs: () => Jobs | undefined,
  more: readonly JobKind<never>[],
): readonly JobKind<never>[] {
  const plan: JobKind<Readonly<Record<string, string>>> = {
    name: PLAN,
    cron: node.settings.synchroniseCron,
    seconds: 300,
    tryAgain: false,
    run: async () => {
      await planSynchronisations(node, (target) =>
        jobs()?.add(SYNCHRONISE, `${target.tenantId}/${target.connectionId}`, target),
      )
    },
  }
  const synchronise: JobKind<Target> = {
    name: SYNCHRONISE,
    concurrency: 4,
    seconds: 6 * 3_600,
    tryAgain: true,
    run: async ({ tenantId, connectionId }) => {
      const result = await synchroniseDevices(node, tenantId, connectionId)
      // What was refused stands in the ledger; trying the same again would only be refused again.
      if (isRefusal(result)) {
        node.parts.log.info('devices were not synchronised', {
          tenantId,
          connectionId,
          refusal: result.refused,
        })
        return
      }
      node.parts.log.info('devices were synchronised', {
        tenantId,
        connectionId,
        count: result.kept,
      })
    },
  }
  return [
    plan,
    synchronise,
    ...licenceJobKinds(node, jobs),
    ...inventoryJobKinds(node, jobs),
    ...androidJobKinds(node, jobs),
    ...partnerJobKinds(node, jobs),
    ...more,
  ]
}

/**
 * Adds a synchronisation for each connection whose gate is open. A closed one is not asked: nobody tried to share,
 * so the ledger is not filled with refusals by the clock.
 */
export async function planSynchronisations(
  node: Pick<Node, 'database' | 'sharing' | 'parts'>,
  add: (target: Target) => Promise<unknown> | undefined,
): Promise<void> {
  const fetch = EXCHANGES.find((exchange) => exchange.id === 'apple.dep.fetchDevices')
  if (!fetch) throw new RangeError('the exchange that fetches devices is gone')
  const connections = await node.database.read(INSTALLATION, listConnections)
  for (const { tenantId, connectionId, connectorId } of connections) {
    if (connectorId !== APPLE) continue
    const gate = await node.sharing.gate.open(tenantId, connectionId, fetch)
    if (isRefusal(gate) || gate.refusal) continue
    await add({ tenantId, connectionId })
  }
}
