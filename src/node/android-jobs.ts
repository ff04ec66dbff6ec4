import { listConnections } from '#connections/connection.ts'
import { openCredentials } from '#connections/credentials.ts'
import { EXCHANGES } from '#connectors/google-android-management/exchanges.ts'
import { INSTALLATION } from '#database/handles.ts'
import type { JobKind, Jobs } from '#database/jobs.ts'
import { isRefusal } from '#foundation/refusal.ts'
import type { Node } from '../compose.ts'
import { synchroniseAndroid } from './synchronise-android.ts'

export const SYNCHRONISE_ANDROID = 'synchronise-android'
/** Notifications tell of changes at once; the whole list is gone through four times a day. */
const EVERY_SIX_HOURS = '11 */6 * * *'
const CONNECTOR = 'google-android-management'

export interface AndroidTarget extends Readonly<Record<string, string>> {
  readonly tenantId: string
  readonly connectionId: string
}

/** Walks through the devices of enterprises by the clock, on whichever node is free. */
export function androidJobKinds(
  node: Pick<Node, 'database' | 'sharing' | 'parts'>,
  jobs: () => Jobs | undefined,
): readonly JobKind<never>[] {
  const plan: JobKind<Readonly<Record<string, string>>> = {
    name: 'plan-android',
    cron: EVERY_SIX_HOURS,
    seconds: 300,
    tryAgain: false,
    run: async () => {
      await planAndroid(node, (target) =>
        jobs()?.add(SYNCHRONISE_ANDROID, `${target.tenantId}/${target.connectionId}`, target),
      )
    },
  }
  const synchronise: JobKind<AndroidTarget> = {
    name: SYNCHRONISE_ANDROID,
    concurrency: 2,
    seconds: 6 * 3_600,
    tryAgain: true,
    run: async (target) => {
      const { tenantId, connectionId } = target
      const result = await synchroniseAndroid(node, target)
      // What was refused stands in the ledger; trying the same again would only be refused again.
      node.parts.log.info(
        isRefusal(result)
          ? 'android devices were not synchronised'
          : 'android devices were synchronised',
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

/**
 * Adds a walk for each connection that is bound to an enterprise and whose gate is open. A closed one is not asked, so no
 * refusals are written by the clock.
 */
export async function planAndroid(
  node: Pick<Node, 'database' | 'sharing' | 'parts'>,
  add: (target: AndroidTarget) => Promise<unknown> | undefined,
): Promise<void> {
  const list = EXCHANGES.find(({ id }) => id.endsWith('.enterprises.devices.list'))
  if (!list) throw new RangeError('the exchange that lists devices is gone')
  const connections = await node.database.read(INSTALLATION, listConnections)
  for (const { tenantId, connectionId, connectorId } of connections) {
    if (connectorId !== CONNECTOR) continue
    const credentials = await node.database.read(tenantId, (reader) =>
      openCredentials(reader, node.parts.keys, connectionId),
    )
    if (credentials?.enterprise === undefined) continue
    const gate = await node.sharing.gate.open(tenantId, connectionId, list)
    if (isRefusal(gate) || gate.refusal) continue
    await add({ tenantId, connectionId })
  }
}
