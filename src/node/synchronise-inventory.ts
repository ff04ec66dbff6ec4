import { type KeptCursor, commitCursor, readCursor } from '#connections/cursor.ts'
import { EXCHANGES, HISTORIC_EXCHANGES } from '#connectors/jamf-pro/exchanges.ts'
import { COMPLIANCE, HISTORIC } from '#connectors/jamf-pro/profile.ts'
import {
  type AskPage,
  type InventoryBatch,
  inventoriesOf,
  inventoryBatches,
} from '#connectors/jamf-pro/source.ts'
import { DEVICE_SECTION, JAMF_REMOVAL } from '#connectors/jamf-pro/webhooks.ts'
import { type Refusal, isRefusal } from '#foundation/refusal.ts'
import { receiveStates } from '#intake/receive-event.ts'
import { removeUnseen } from '#records/remove-unseen.ts'
import type { Node } from '../compose.ts'
import type { Synchronised } from './synchronise.ts'

/** A page could not be had; what came before it is kept, with its position. */
class Stopped extends Error {
  readonly refusal: Refusal
  constructor(refusal: Refusal) {
    super(refusal.message)
    this.refusal = refusal
  }
}

const ACTOR = 'job:synchronise-inventory'

/**
 * Sluss as its own client of Jamf Pro: walks through the inventories of a connection, each page with its position in one
 * commit. Ended at any point, it goes on where the last commit was; after the last page it begins anew. What a webhook
 * told of a device later than the page was asked for stays. What a complete walk did not come across is marked as
 * removed with its last page, unless the walk came across nothing at all.
 */
export async function synchroniseInventory(
  node: Pick<Node, 'parts' | 'sharing' | 'database'>,
  target: {
    readonly tenantId: string
    readonly connectionId: string
    readonly connectorId: string
  },
  onPage: (sum: Synchronised) => void | Promise<void> = () => {},
): Promise<Synchronised | Refusal> {
  const { tenantId, connectionId, connectorId } = target
  const position = await node.database.read(tenantId, (reader) => readCursor(reader, connectionId))
  let walk = readWalk(position) ?? { since: node.sharing.gate.now(), seen: 0, from: undefined }
  let sum: Synchronised = { kept: 0, pages: 0, withheld: {}, unknown: 0 }
  let askedAt = 0
  const ask = asking(node, target)
  const timed: AskPage = (id, query) => {
    askedAt = node.sharing.gate.now()
    return ask(id, query)
  }
  try {
    for await (const batch of inventoryBatches(timed, inventoriesOf(connectorId), walk.from)) {
      walk = { ...walk, seen: walk.seen + batch.records.length, from: batch.next }
      const received = await keepBatch(node, target, batch, { ...walk, askedAt })
      if (isRefusal(received)) return received
      sum = added(sum, received)
      await onPage(sum)
    }
  } catch (fault) {
    if (fault instanceof Stopped) return fault.refusal
    throw fault
  }
  return sum
}

/** A walk that may take several runs: when it began, how many records it came across, where it goes on. */
interface Walk {
  readonly since: number
  readonly seen: number
  readonly from: string | undefined
}

function readWalk({ phase, cursor }: KeptCursor): Walk | undefined {
  const [, since, seen, from] = /^(\d+) (\d+) (\S+)$/.exec(cursor ?? '') ?? []
  return phase === 'fetch' && from !== undefined
    ? { since: Number(since), seen: Number(seen), from }
    : undefined
}

type Target = Parameters<typeof synchroniseInventory>[1]
type Taken = Omit<Synchronised, 'pages'>

/** Every page goes through the door out, as any call does. */
function asking({ sharing }: Pick<Node, 'sharing'>, { tenantId, connectionId }: Target): AskPage {
  return async (id, query) => {
    const exchange = [...EXCHANGES, ...HISTORIC_EXCHANGES].find((one) => one.id === id)
    if (!exchange) throw new RangeError(`no exchange ${id}`)
    const call = { method: 'GET' as const, query, body: undefined }
    const shared = await sharing.share({ tenantId, connectionId, exchange, call, actor: ACTOR })
    if (isRefusal(shared)) throw new Stopped(shared)
    if ('failed' in shared) {
      if (shared.failed === 'response_too_large') return { tooLarge: true }
      throw new Error(`Jamf Pro could not be asked: ${shared.failed}`)
    }
    const { status, body } = shared.raw
    if (status !== 200) throw new Error(`Jamf Pro answered ${status}`)
    try {
      return { page: JSON.parse(body.toString()) as unknown }
    } catch {
      // Half an answer: nothing of it is kept, and it is asked for again by the next run.
      throw new Error('Jamf Pro answered what is no JSON')
    }
  }
}

function keepBatch(
  { parts, sharing, database }: Pick<Node, 'parts' | 'sharing' | 'database'>,
  { tenantId, connectionId, connectorId }: Target,
  { list, records }: InventoryBatch,
  { askedAt, since, seen, from }: Walk & { readonly askedAt: number },
): Promise<Taken | Refusal> {
  const { inbound: flow, purpose } = connectorId === HISTORIC.connectorId ? HISTORIC : COMPLIANCE
  const states = records.map((record) => ({
    // No event is told apart by it: nobody marks them.
    name: '',
    at: askedAt,
    section: DEVICE_SECTION,
    record: { ...record },
    shape: list.kind.shape,
    subjectItem: 'device.serialNumber',
    removal: JAMF_REMOVAL,
  }))
  const now = sharing.gate.now()
  const { catalog, decider, keys } = parts
  const by = { catalog, decider, keys, now, actor: ACTOR, node: database.nodeId }
  return database.write(tenantId, async (tx) => {
    const taken = await receiveStates(tx, connectionId, { flow, purpose }, states, by)
    if (isRefusal(taken)) return taken
    if (from !== undefined) {
      await commitCursor(tx, connectionId, 'fetch', `${since} ${seen} ${from}`, now)
      return taken
    }
    await commitCursor(tx, connectionId, 'sync', '', now)
    if (seen > 0) await removeUnseen(tx, { connectionId, kind: 'device' }, { since, now })
    return taken
  })
}

function added(sum: Synchronised, taken: Taken): Synchronised {
  const withheld = { ...sum.withheld }
  for (const [item, count] of Object.entries(taken.withheld))
    withheld[item] = (withheld[item] ?? 0) + count
  return {
    kept: sum.kept + taken.kept,
    pages: sum.pages + 1,
    withheld,
    unknown: sum.unknown + taken.unknown,
  }
}
