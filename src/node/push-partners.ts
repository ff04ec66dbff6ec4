import { listTenantConnections } from '#connections/list-connections.ts'
import { listConnections } from '#connections/connection.ts'
import { markHeard } from '#connections/partner-state.ts'
import type { ItemId } from '#catalog/catalog.ts'
import { DERIVED, valueOf } from '#catalog/partner-derived.ts'
import type { PartnerExchange, PartnerPush } from '#catalog/read-partner.ts'
import { type Leaf, type ObjectShape, itemsOf } from '#catalog/shape.ts'
import { INSTALLATION } from '#database/handles.ts'
import type { JobKind, Jobs } from '#database/jobs.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { type Refusal, isRefusal } from '#foundation/refusal.ts'
import type { Plan } from '#minimisation/plan.ts'
import { readRecords } from '#records/read.ts'
import type { Node } from '../compose.ts'

export const PUSH_TO_PARTNER = 'push-to-partner'
const PLAN = 'plan-partner-pushes'
const ACTOR = 'job:push-to-partner'
const EVERY_HOUR = '41 * * * *'
/** Rounds of one walk through a tenant's connections. */
const MOST_CONNECTIONS = 500

type PushNode = Pick<Node, 'parts' | 'sharing' | 'database'>
type Pushing = PartnerExchange & { readonly push: PartnerPush }

export interface Pushed {
  readonly calls: number
  readonly devices: number
}

/** A party that could not be reached or asks to come again: the job is tried again, later and later. */
class PartnerAway extends Error {
  override readonly name = 'PartnerAway'
}

/**
 * Sluss as the partner's client: sends of every device what the partner's exchanges ask for and the tenant has agreed
 * to, read from what is kept. Only permitted items are read at all; of them a record sends what it holds. Each call goes
 * through the door out like any other, with its own entry.
 *
 * @returns what was sent, or the refusal at which it ended
 */
export async function pushToPartner(
  node: PushNode,
  tenantId: string,
  connectionId: string,
): Promise<Pushed | Refusal> {
  let sum: Pushed = { calls: 0, devices: 0 }
  for (const exchange of await pushesOf(node, tenantId, connectionId)) {
    const pushed = await pushExchange(node, tenantId, connectionId, exchange)
    if (isRefusal(pushed)) return pushed
    sum = { calls: sum.calls + pushed.calls, devices: sum.devices + pushed.devices }
  }
  return sum
}

/** Exchanges that Sluss sends of itself and whose gate is open. A closed one is not asked, so no clock fills the ledger. */
async function pushesOf(
  { parts, sharing, database }: PushNode,
  tenantId: string,
  connectionId: string,
): Promise<readonly Pushing[]> {
  const page = await database.read(tenantId, (reader) =>
    listTenantConnections(reader, {
      filter: { op: 'eq', field: 'id', value: connectionId },
      orderBy: [],
      top: 1,
      skip: 0,
      count: false,
    }),
  )
  const connector = parts.connectors.get(page.rows[0]?.connectorId ?? '')
  const open: Pushing[] = []
  for (const exchange of (connector?.exchanges ?? []) as readonly PartnerExchange[]) {
    if (!exchange.push) continue
    const gate = await sharing.gate.open(tenantId, connectionId, exchange)
    if (!isRefusal(gate) && !gate.refusal) open.push(exchange as Pushing)
  }
  return open
}

async function pushExchange(
  node: PushNode,
  tenantId: string,
  connectionId: string,
  exchange: Pushing,
): Promise<Pushed | Refusal> {
  const gate = await node.sharing.gate.open(tenantId, connectionId, exchange)
  if (isRefusal(gate)) return gate
  const element = elementOf(exchange)
  let sum: Pushed = { calls: 0, devices: 0 }
  let batch: Record<string, unknown>[] = []
  const send = async (): Promise<Refusal | undefined> => {
    if (batch.length === 0) return undefined
    const refusal = await sendBatch(node, tenantId, connectionId, exchange, batch)
    if (refusal) return refusal
    sum = { calls: sum.calls + 1, devices: sum.devices + batch.length }
    batch = []
    return undefined
  }
  for await (const record of recordsOf(node, tenantId, itemsToRead(element, gate.outbound))) {
    const filled = fill(element, record)
    if (filled) batch.push(filled)
    if (batch.length < exchange.push.most) continue
    const refusal = await send()
    if (refusal) return refusal
  }
  return (await send()) ?? sum
}

async function sendBatch(
  { sharing, database }: PushNode,
  tenantId: string,
  connectionId: string,
  exchange: Pushing,
  devices: readonly Record<string, unknown>[],
): Promise<Refusal | undefined> {
  const at = sharing.gate.now()
  const body = Buffer.from(
    JSON.stringify({ ...envelopeOf(exchange, at), [exchange.push.list]: devices }),
  )
  const call = { method: exchange.methods[0], query: new URLSearchParams(), body }
  const shared = await sharing.share({ tenantId, connectionId, exchange, call, actor: ACTOR })
  if (isRefusal(shared)) return shared
  if ('failed' in shared) throw new PartnerAway(shared.failed)
  const { status } = shared.raw
  if (status >= 500 || status === 429 || status === 408) throw new PartnerAway(String(status))
  // What it does not take it will not take the next time either; the outcome stands in the ledger.
  await database.write(tenantId, (tx) => markHeard(tx, connectionId, at))
  return undefined
}

/** What stands beside the devices: the kind of the message and its time, where the party's form has them. */
function envelopeOf({ request, push }: Pushing, at: number): Record<string, string> {
  const fields = request?.kind === 'object' ? Object.entries(request.fields) : []
  return Object.fromEntries(
    fields.flatMap(([name, part]) => {
      if (part.kind !== 'leaf') return []
      if (part.item === 'protocol.partnerMessageTime') return [[name, toTimestamp(at)]]
      return part.item === 'protocol.partnerMessageType' && push.type !== undefined
        ? [[name, push.type]]
        : []
    }),
  )
}

function elementOf({ id, request, push }: Pushing): ObjectShape {
  const list = request?.kind === 'object' ? request.fields[push.list] : undefined
  if (list?.kind !== 'array' || list.of.kind !== 'object')
    throw new RangeError(`${id} has no list of devices`)
  return list.of
}

/** Permitted items of the element, and what they are derived from: nothing else is opened. */
function itemsToRead(element: ObjectShape, plan: Plan): ReadonlySet<ItemId> {
  const permitted = new Set(
    plan.items.filter((one) => one.precision !== 'withheld').map((one) => one.item),
  )
  return new Set(
    itemsOf(element)
      .filter((item) => permitted.has(item))
      .flatMap((item) => {
        const derived = Object.hasOwn(DERIVED, item) ? DERIVED[item] : undefined
        return derived ? [derived.from, derived.when.item] : [item]
      }),
  )
}

/** Every device that is kept, of whichever connection. */
async function* recordsOf(
  { database, parts }: PushNode,
  tenantId: string,
  items: ReadonlySet<ItemId>,
): AsyncGenerator<Readonly<Record<ItemId, unknown>>> {
  const connections = await database.read(tenantId, (reader) =>
    listTenantConnections(reader, { orderBy: [], top: MOST_CONNECTIONS, skip: 0, count: false }),
  )
  for (const { id: connectionId } of connections.rows) {
    let after: string | undefined
    for (;;) {
      const page = { connectionId, items, limit: 200, ...(after === undefined ? {} : { after }) }
      const records = await database.read(tenantId, (reader) =>
        readRecords(reader, parts.keys, page),
      )
      for (const record of records) if (record.kind === 'device') yield record.items
      after = records.at(-1)?.recordId
      if (after === undefined) break
    }
  }
}

/** Undefined where the record does not say whose it is, or says nothing beside that. */
function fill(
  element: ObjectShape,
  record: Readonly<Record<ItemId, unknown>>,
): Record<string, unknown> | undefined {
  const filled: Record<string, unknown> = {}
  let says = false
  for (const [name, part] of Object.entries(element.fields)) {
    const { item, type, subject } = part as Leaf
    const value = valueOf(record, item)
    if (value === undefined && subject) return undefined
    if (value === undefined) continue
    filled[name] = type === 'string' ? String(value) : value
    says ||= !subject
  }
  return says ? filled : undefined
}

/** The jobs of the pushes: one each hour for every connection that has one, and whatever else is asked for. */
export function partnerJobKinds(
  node: PushNode,
  jobs: () => Jobs | undefined,
): readonly JobKind<never>[] {
  const { parts, database } = node
  const plan: JobKind<Readonly<Record<string, string>>> = {
    name: PLAN,
    cron: EVERY_HOUR,
    seconds: 300,
    tryAgain: false,
    run: async () => {
      for (const { tenantId, connectionId, connectorId } of await database.read(
        INSTALLATION,
        listConnections,
      )) {
        const exchanges = (parts.connectors.get(connectorId)?.exchanges ??
          []) as readonly PartnerExchange[]
        if (exchanges.some(({ push }) => push))
          await jobs()?.add(PUSH_TO_PARTNER, `${tenantId}/${connectionId}`, {
            tenantId,
            connectionId,
          })
      }
    },
  }
  const push: JobKind<{ readonly tenantId: string; readonly connectionId: string }> = {
    name: PUSH_TO_PARTNER,
    concurrency: 4,
    seconds: 3_600,
    tryAgain: true,
    run: async ({ tenantId, connectionId }) => {
      const result = await pushToPartner(node, tenantId, connectionId)
      if (isRefusal(result)) {
        // It stands in the ledger; trying the same again would only be refused again.
        parts.log.info('a partner was not told', {
          tenantId,
          connectionId,
          refusal: result.refused,
        })
        return
      }
      parts.log.info('a partner was told', { tenantId, connectionId, count: result.devices })
    },
  }
  return [plan, push]
}
