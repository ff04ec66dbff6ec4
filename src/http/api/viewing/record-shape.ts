import { z } from 'zod'
import type { Catalog, ItemId } from '#catalog/catalog.ts'
import type { Filter, ListQuery } from '#database/list.ts'
import { toTimestamp } from '#foundation/clock.ts'
import type { ViewedRecord } from '#viewing/project.ts'
import { queriesOf } from '#viewing/query-fields.ts'
import type { CollectionField } from '../endpoint.ts'
import type { Property } from './properties.ts'

/** Fields of every record that have no item, by their name in the answer. */
const OWN: Readonly<Record<string, string>> = {
  id: 'id',
  'sluss/connection': 'connection',
  'sluss/firstSeen': 'firstSeen',
  'sluss/lastSeen': 'lastSeen',
}

const value = z.union([z.string(), z.number(), z.boolean()])

/** What stands beside Graph's properties: everything Graph has no name for, and why something is not exact. */
const besides = z.object({
  connection: z.string(),
  scopeTags: z.array(z.string()),
  firstSeen: z.string(),
  lastSeen: z.string(),
  items: z.record(z.string(), value),
  masked: z.array(
    z.object({
      property: z.string().nullable(),
      item: z.string(),
      precision: z.string(),
      reason: z.string(),
    }),
  ),
})

/** How records of one kind look in the API. */
export interface RecordShape {
  readonly answer: z.ZodObject
  readonly fields: Readonly<Record<string, CollectionField>>
  /** The items that an answer with these properties needs; undefined: all. */
  itemsFor(select: ReadonlySet<string> | undefined): ReadonlySet<ItemId> | undefined
  /** The same question, over items. */
  toItems(query: ListQuery): ListQuery
  render(record: ViewedRecord): Readonly<Record<string, unknown>>
}

/** Reads a table of properties once, for lists and single records. */
export function recordShape(catalog: Catalog, properties: readonly Property[]): RecordShape {
  const propertyOf = new Map(
    properties.flatMap(({ name, items }) => items.map((item) => [item, name] as const)),
  )
  const fieldNames = new Map<string, string>(Object.entries(OWN))
  for (const { name, items } of properties) fieldNames.set(name, items[0])
  const named = new Set(fieldNames.values())
  for (const item of catalog.items.values()) {
    if (item.need !== 'never' && !named.has(item.id)) fieldNames.set(item.id, item.id)
  }
  const fieldOf = (name: string): string => fieldNames.get(name) ?? name
  return {
    answer: z.object({
      id: z.string(),
      ...Object.fromEntries(properties.map(({ name }) => [name, value.nullable()])),
      sluss: besides,
    }),
    fields: Object.fromEntries(
      [...fieldNames].map(([name, field]): [string, CollectionField] => {
        const item = catalog.items.get(field)
        return [name, item ? queriesOf(item) : { filter: true, sort: true }]
      }),
    ),
    itemsFor: (select) => {
      if (!select || select.has('sluss')) return undefined
      return new Set(
        properties.filter(({ name }) => select.has(name)).flatMap(({ items }) => items),
      )
    },
    toItems: (query) => ({
      ...query,
      orderBy: query.orderBy.map((order) => ({ ...order, field: fieldOf(order.field) })),
      ...(query.filter ? { filter: renamed(query.filter, fieldOf) } : {}),
    }),
    render: (record) => render(record, properties, propertyOf),
  }
}

function renamed(filter: Filter, fieldOf: (name: string) => string): Filter {
  if (!('of' in filter)) return { ...filter, field: fieldOf(filter.field) }
  if (filter.op === 'not') return { op: 'not', of: renamed(filter.of, fieldOf) }
  return { op: filter.op, of: filter.of.map((part) => renamed(part, fieldOf)) }
}

function render(
  record: ViewedRecord,
  properties: readonly Property[],
  propertyOf: ReadonlyMap<ItemId, string>,
): Readonly<Record<string, unknown>> {
  const shown = new Set<ItemId>()
  const answer: Record<string, unknown> = { id: record.recordId }
  for (const { name, items } of properties) {
    const item = items.find((one) => record.items[one] !== undefined)
    answer[name] = item === undefined ? null : record.items[item]
    if (item !== undefined) shown.add(item)
  }
  return {
    ...answer,
    sluss: {
      connection: record.connectionId,
      scopeTags: record.scopeTags,
      firstSeen: toTimestamp(record.firstSeen),
      lastSeen: toTimestamp(record.lastSeen),
      items: Object.fromEntries(Object.entries(record.items).filter(([item]) => !shown.has(item))),
      masked: record.marks.map(({ item, precision, reason }) => ({
        property: propertyOf.get(item) ?? null,
        item,
        precision,
        reason,
      })),
    },
  }
}
