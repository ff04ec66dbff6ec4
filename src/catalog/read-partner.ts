import type { FeatureId, FlowId, ItemId, PurposeId } from './catalog.ts'
import type { PartnerDescription, WrittenExchange } from './partner-description.ts'
import { type WrittenLeaf, readLeaf, readObject, readShape } from './partner-shape.ts'
import {
  type ArrayShape,
  type Leaf,
  type ObjectShape,
  type Shape,
  array,
  itemsOf,
} from './shape.ts'

/** Stands beside the body of every call: what proves who calls. */
export const PARTNER_ACCESS: ItemId = 'credential.partnerAccess'

/** One call of a described party; `sharing` knows it as an exchange. */
export interface PartnerExchange {
  readonly id: string
  readonly methods: readonly [WrittenExchange['method']]
  readonly path: string
  readonly parameters?: Readonly<Record<string, Leaf>>
  readonly query: Readonly<Record<string, Leaf | ArrayShape>>
  readonly request?: Shape
  readonly response?: Shape
  readonly errors: Readonly<Record<number, readonly string[]>>
  readonly outbound: FlowId
  readonly inbound: FlowId
  readonly purpose: PurposeId
  readonly idempotent: boolean
  readonly permanent: boolean
  readonly limits?: Readonly<Record<string, number>>
  readonly carries: readonly ItemId[]
  readonly essential: readonly ItemId[]
  readonly whole?: boolean
  readonly subject?: ItemId
  readonly source: string
  readonly push?: PartnerPush
}

/** What Sluss sends of itself: at most `most` devices in the member `list` of one call. */
export interface PartnerPush {
  readonly list: string
  readonly most: number
  readonly type?: string
}

export interface PartnerEvents {
  readonly flow: FlowId
  readonly purpose: PurposeId
  readonly at: Readonly<Record<'type' | 'time' | 'data', string>> & { readonly name?: string }
  readonly types: ReadonlyMap<
    string,
    {
      readonly shape: ObjectShape
      readonly subjectItem: ItemId
      readonly removal: { readonly item: ItemId; readonly word: string }
    }
  >
}

/** A description with its shapes built: what connector, event source and catalog are made from. */
export interface ReadPartner {
  readonly description: PartnerDescription
  readonly exchanges: readonly PartnerExchange[]
  readonly events: PartnerEvents | undefined
  /** What each feature sends and brings in, in the order in which it appears. */
  readonly items: ReadonlyMap<
    FeatureId,
    { readonly outbound: readonly ItemId[]; readonly inbound: readonly ItemId[] }
  >
}

/** @throws RangeError for a body that is nested or large beyond reason, or a feature that the description does not have */
export function readPartner(description: PartnerDescription): ReadPartner {
  const sent = new Map<FeatureId, Set<ItemId>>()
  const came = new Map<FeatureId, Set<ItemId>>()
  for (const { feature } of description.flows) {
    sent.set(feature, new Set())
    came.set(feature, new Set())
  }
  const exchanges = description.exchanges.map((written) => {
    const read = readExchange(description, written)
    const outbound = sent.get(read.feature)
    const inbound = came.get(read.answers)
    if (!outbound || !inbound)
      throw new RangeError(`${written.id} names a feature that is not there`)
    for (const item of itemsSent(read.exchange)) outbound.add(item)
    if (read.exchange.response)
      for (const item of itemsOf(read.exchange.response)) inbound.add(item)
    return read.exchange
  })
  const events = description.events && readEvents(description, description.events)
  if (events) {
    const inbound = came.get(events.flow.split('/')[0] ?? '')
    if (!inbound) throw new RangeError('the events name a feature that is not there')
    for (const { shape } of events.types.values())
      for (const item of itemsOf(shape)) inbound.add(item)
  }
  return {
    description,
    exchanges,
    events,
    items: new Map(
      description.flows.map(({ feature }) => [
        feature,
        { outbound: [...(sent.get(feature) ?? [])], inbound: [...(came.get(feature) ?? [])] },
      ]),
    ),
  }
}

export function itemsSent(exchange: PartnerExchange): readonly ItemId[] {
  return [
    ...exchange.carries,
    ...Object.values(exchange.parameters ?? {}).flatMap(itemsOf),
    ...Object.values(exchange.query).flatMap(itemsOf),
    ...(exchange.request ? itemsOf(exchange.request) : []),
  ]
}

function readExchange(description: PartnerDescription, written: WrittenExchange) {
  const feature = written.feature ?? firstFeature(description)
  const answers = written.answers ?? feature
  const outbound: FlowId = `${feature}/outbound`
  const { parameters, query = {}, request, response, errors = {}, essential = [] } = written
  const { limits, whole, subject, push } = written
  const exchange: PartnerExchange = {
    id: `${description.id}.${written.id}`,
    methods: [written.method],
    path: written.path,
    ...(parameters ? { parameters: leavesOf(parameters) } : {}),
    query: Object.fromEntries(
      Object.entries(query).map(([name, value]) => [
        name,
        Array.isArray(value) ? array(readLeaf(value[0])) : readLeaf(value as string | WrittenLeaf),
      ]),
    ) as PartnerExchange['query'],
    ...(request ? { request: readObject(request) } : {}),
    ...(response === undefined ? {} : { response: readShape(response) }),
    errors: Object.fromEntries(
      Object.entries(errors).map(([status, codes]) => [Number(status), codes]),
    ),
    outbound,
    // Nothing comes back: then there is nothing to agree to, and the outbound flow stands for both.
    inbound: response === undefined ? outbound : `${answers}/inbound`,
    purpose: purposeOf(description, feature),
    idempotent: written.idempotent,
    permanent: written.permanent,
    ...(limits || push
      ? {
          limits: {
            ...limits,
            ...(push ? { [push.list]: Math.min(push.most, limits?.[push.list] ?? push.most) } : {}),
          },
        }
      : {}),
    carries: [PARTNER_ACCESS],
    essential,
    ...(whole === undefined ? {} : { whole }),
    ...(subject === undefined ? {} : { subject }),
    source: description.source,
    ...(push
      ? {
          push: {
            list: push.list,
            most: push.most,
            ...(push.type === undefined ? {} : { type: push.type }),
          },
        }
      : {}),
  }
  return { exchange, feature, answers }
}

function readEvents(
  description: PartnerDescription,
  { feature, type, time, name, data, types }: NonNullable<PartnerDescription['events']>,
): PartnerEvents {
  const from = feature ?? firstFeature(description)
  return {
    flow: `${from}/inbound`,
    purpose: purposeOf(description, from),
    at: { type, time, data, ...(name === undefined ? {} : { name }) },
    types: new Map(
      types.map((one) => [
        one.type,
        {
          shape: markSubject(readObject(one.shape), one.subject),
          subjectItem: one.subject,
          // Without a word of its own a party never says that it has a device no longer.
          removal: one.removal ?? { item: one.subject, word: '' },
        },
      ]),
    ),
  }
}

/** The one member that holds the subject's item names the subject, said or not. */
function markSubject(shape: ObjectShape, subject: ItemId): ObjectShape {
  let marked = false
  const fields = Object.entries(shape.fields).map(([name, part]): [string, Shape] => {
    if (part.kind !== 'leaf') return [name, part]
    const { subject: _, ...rest } = part
    if (part.item !== subject || marked) return [name, rest]
    marked = true
    return [name, { ...rest, subject: true }]
  })
  return { kind: 'object', fields: Object.fromEntries(fields) }
}

function leavesOf(written: Readonly<Record<string, string | WrittenLeaf>>): Record<string, Leaf> {
  return Object.fromEntries(Object.entries(written).map(([name, one]) => [name, readLeaf(one)]))
}

function firstFeature({ flows: [first] }: PartnerDescription): FeatureId {
  return first?.feature ?? ''
}

function purposeOf({ flows }: PartnerDescription, feature: FeatureId): PurposeId {
  return flows.find((flow) => flow.feature === feature)?.purpose ?? ''
}
