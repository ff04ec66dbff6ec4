import { commitCursor, readCursor } from '#connections/cursor.ts'
import { APPLE_DEP_ITEMS } from '#catalog/flows/apple-device-enrollment-fields.ts'
import type { ObjectShape } from '#catalog/shape.ts'
import { DEVICE_SHAPE, EXCHANGES } from '#connectors/apple-device-enrollment/exchanges.ts'
import { type AskPage, deviceBatches } from '#connectors/apple-device-enrollment/source.ts'
import { type Refusal, isRefusal } from '#foundation/refusal.ts'
import { receive } from '#intake/receive.ts'
import type { Node } from '../compose.ts'

export interface Synchronised {
  readonly kept: number
  readonly pages: number
  readonly withheld: Readonly<Record<string, number>>
  readonly unknown: number
}

/** A page could not be had or kept; what came before it is kept, with its cursor. */
class Stopped extends Error {
  readonly refusal: Refusal
  constructor(refusal: Refusal) {
    super(refusal.message)
    this.refusal = refusal
  }
}

/**
 * Sluss as its own client: walks through the devices of a connection and takes them in, each page with its cursor
 * in one commit. Ended at any point, it goes on where the last commit was.
 */
export async function synchroniseDevices(
  node: Pick<Node, 'parts' | 'sharing' | 'database'>,
  tenantId: string,
  connectionId: string,
  onPage: (sum: Synchronised) => void = () => {},
): Promise<Synchronised | Refusal> {
  const actor = 'job:synchronise-devices'
  const { parts, sharing, database } = node
  const ask: AskPage = async (id, body) => {
    const exchange = EXCHANGES.find((one) => one.id === id)
    if (!exchange) throw new RangeError(`no exchange ${id}`)
    const call = {
      method: 'POST' as const,
      query: new URLSearchParams(),
      body: Buffer.from(JSON.stringify(body)),
    }
    const shared = await sharing.share({ tenantId, connectionId, exchange, call, actor })
    if (isRefusal(shared)) throw new Stopped(shared)
    if ('failed' in shared) throw new Error(`the party could not be asked: ${shared.failed}`)
    const { status } = shared.raw
    if (status === 200) return { page: JSON.parse(shared.raw.body.toString()) as unknown }
    return { code: shared.admitted.response.body.toString() }
  }
  const position = await database.read(tenantId, (reader) => readCursor(reader, connectionId))
  let sum: Synchronised = { kept: 0, pages: 0, withheld: {}, unknown: 0 }
  try {
    for await (const batch of deviceBatches(ask, position)) {
      const now = sharing.gate.now()
      const received = await database.write(tenantId, async (tx) => {
        const taken = await receive(
          tx,
          {
            connectionId,
            flow: 'apple-device-enrollment/inbound',
            purpose: 'device-enrolment-management',
            kind: 'device',
            records: batch.records,
            shape: DEVICE_SHAPE as ObjectShape,
            subjectItem: APPLE_DEP_ITEMS['Device.serial_number'],
            removal: { item: APPLE_DEP_ITEMS['Device.op_type'], word: 'deleted' },
          },
          {
            catalog: parts.catalog,
            decider: parts.decider,
            keys: parts.keys,
            now,
            actor,
            node: database.nodeId,
          },
        )
        if (!isRefusal(taken)) await commitCursor(tx, connectionId, batch.phase, batch.cursor, now)
        return taken
      })
      if (isRefusal(received)) return received
      sum = {
        kept: sum.kept + received.kept,
        pages: sum.pages + 1,
        withheld: added(sum.withheld, received.withheld),
        unknown: sum.unknown + received.unknown,
      }
      onPage(sum)
    }
  } catch (fault) {
    if (fault instanceof Stopped) return fault.refusal
    throw fault
  }
  return sum
}

function added(
  a: Readonly<Record<string, number>>,
  b: Readonly<Record<string, number>>,
): Record<string, number> {
  const sum = { ...a }
  for (const [item, count] of Object.entries(b)) sum[item] = (sum[item] ?? 0) + count
  return sum
}
