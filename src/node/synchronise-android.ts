import { openCredentials } from '#connections/credentials.ts'
import { commitCursor, readCursor } from '#connections/cursor.ts'
import { EXCHANGES } from '#connectors/google-android-management/exchanges.ts'
import {
  type AndroidBatch,
  type AskPage,
  androidBatches,
} from '#connectors/google-android-management/source.ts'
import {
  ANDROID_DEVICE,
  ANDROID_REMOVAL,
  ANDROID_SECTION,
} from '#connectors/google-events/source.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import { receiveStates } from '#intake/receive-event.ts'
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

const ACTOR = 'job:synchronise-android'
type Parts = Pick<Node, 'parts' | 'sharing' | 'database'>
interface Target {
  readonly tenantId: string
  readonly connectionId: string
}

/**
 * Sluss as its own client of the Android Management API: walks through the devices of a connection's enterprise, each page
 * with its position in one commit. Ended at any point, it goes on where the last commit was. What a notification told of a
 * device later than the page was asked for stays.
 */
export async function synchroniseAndroid(
  node: Parts,
  target: Target,
  onPage: (sum: Synchronised) => void | Promise<void> = () => {},
): Promise<Synchronised | Refusal> {
  const { tenantId, connectionId } = target
  const { enterprise, position } = await node.database.read(tenantId, async (reader) => ({
    enterprise: (await openCredentials(reader, node.parts.keys, connectionId))?.enterprise,
    position: await readCursor(reader, connectionId),
  }))
  if (enterprise === undefined)
    return refuse('credentials_missing', { connection: connectionId, field: 'enterprise' })
  const from = position.phase === 'fetch' ? position.cursor : undefined
  let sum: Synchronised = { kept: 0, pages: 0, withheld: {}, unknown: 0 }
  let askedAt = 0
  const ask = asking(node, target, enterprise)
  const timed: AskPage = (query) => {
    askedAt = node.sharing.gate.now()
    return ask(query)
  }
  try {
    for await (const batch of androidBatches(timed, from)) {
      const received = await keepBatch(node, target, batch, askedAt)
      if (isRefusal(received)) return received
      sum = {
        kept: sum.kept + received.kept,
        pages: sum.pages + 1,
        withheld: added(sum.withheld, received.withheld),
        unknown: sum.unknown + received.unknown,
      }
      await onPage(sum)
    }
  } catch (fault) {
    if (fault instanceof Stopped) return fault.refusal
    throw fault
  }
  return sum
}

const LIST = 'google.androidManagement.enterprises.devices.list'

/** Every page goes through the door out, as any call does. */
function asking({ sharing }: Parts, target: Target, enterprise: string): AskPage {
  const exchange = EXCHANGES.find((one) => one.id === LIST)
  if (!exchange) throw new RangeError(`no exchange ${LIST}`)
  return async (query) => {
    const call = {
      method: 'GET' as const,
      parameters: { parent: enterprise },
      query,
      body: undefined,
    }
    const shared = await sharing.share({ ...target, exchange, call, actor: ACTOR })
    if (isRefusal(shared)) throw new Stopped(shared)
    if ('failed' in shared) throw new Error(`Google could not be asked: ${shared.failed}`)
    const { raw, admitted } = shared
    try {
      if (raw.status === 200) return { page: JSON.parse(raw.body.toString()) as unknown }
      const { error } = JSON.parse(admitted.response.body.toString()) as {
        error: { status: string }
      }
      return { code: error.status }
    } catch {
      // Half an answer: nothing of it is kept, and it is asked for again by the next run.
      throw new Error('Google answered what is no JSON')
    }
  }
}

function keepBatch(
  { parts, sharing, database }: Parts,
  { tenantId, connectionId }: Target,
  { devices, next }: AndroidBatch,
  askedAt: number,
): Promise<Omit<Synchronised, 'pages'> | Refusal> {
  const states = devices.map((device) => ({
    // No event is told apart by it: nobody marks them.
    name: '',
    at: askedAt,
    section: ANDROID_SECTION,
    record: ANDROID_DEVICE.flatten(device),
    shape: ANDROID_DEVICE.shape,
    subjectItem: 'device.name',
    removal: ANDROID_REMOVAL,
  }))
  const now = sharing.gate.now()
  const { catalog, decider, keys } = parts
  const by = { catalog, decider, keys, now, actor: ACTOR, node: database.nodeId }
  const source = { flow: 'android-enterprise/inbound', purpose: 'device-management' }
  return database.write(tenantId, async (tx) => {
    const taken = await receiveStates(tx, connectionId, source, states, by)
    if (!isRefusal(taken))
      await commitCursor(tx, connectionId, next === undefined ? 'sync' : 'fetch', next ?? '', now)
    return taken
  })
}

function added(
  one: Readonly<Record<string, number>>,
  other: Readonly<Record<string, number>>,
): Record<string, number> {
  const sum = { ...one }
  for (const [item, count] of Object.entries(other)) sum[item] = (sum[item] ?? 0) + count
  return sum
}
