import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import type { Filter, Scalar } from '#database/list.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { SERIAL, type ViewingWorld, viewingWorld } from '../../test/viewing.ts'
import type { MinimisedRecord } from './keep.ts'
import { type RecordBounds, listRecords, listSealedRecords } from './list-records.ts'

const MODELS = ["iPad's", 'iPhone', 'Mac', 'phone%_']
const RECORDS: readonly MinimisedRecord[] = Array.from({ length: 24 }, (_, i) => ({
  [SERIAL]: `SYN${i}`,
  'device.assignedBy': `person${i % 5}@example.org`,
  ...(i % 4 === 3 ? {} : { 'device.model': MODELS[i % 3] ?? '' }),
  ...(i % 2 === 0 ? { 'device.totalRam': i } : {}),
  ...(i % 3 === 0 ? { 'device.encrypted': i % 2 === 0 } : {}),
}))

const anyLeaf: fc.Arbitrary<Filter> = fc.oneof(
  fc.record({
    op: fc.constantFrom('eq', 'ne', 'gt', 'ge', 'lt', 'le'),
    field: fc.constant('device.model'),
    value: fc.constantFrom<Scalar>(...MODELS, "'; drop table records; --", ''),
  }),
  fc.record({
    op: fc.constantFrom('eq', 'ne', 'gt', 'ge', 'lt', 'le'),
    field: fc.constant('device.totalRam'),
    value: fc.integer({ min: -1, max: 25 }),
  }),
  fc.record({
    op: fc.constantFrom('eq', 'ne'),
    field: fc.constant('device.encrypted'),
    value: fc.boolean(),
  }),
  fc.record({
    op: fc.constantFrom('eq', 'ne'),
    field: fc.constantFrom('device.model', 'device.color'),
    value: fc.constant(null),
  }),
  fc.record({
    op: fc.constantFrom('startswith', 'endswith', 'contains'),
    field: fc.constant('device.model'),
    value: fc.constantFrom('i', 'phone', "'s", '%', '_', ''),
  }),
  fc.record({
    op: fc.constant('in' as const),
    field: fc.constantFrom(SERIAL, 'device.assignedBy'),
    values: fc.array(fc.constantFrom('SYN3', 'SYN7', 'person2@example.org', 'nobody'), {
      maxLength: 3,
    }),
  }),
  fc.record({
    op: fc.constant('eq' as const),
    field: fc.constantFrom(SERIAL, 'device.assignedBy'),
    value: fc.constantFrom('SYN3', 'person2@example.org', 'nobody'),
  }),
)
const { filter: anyFilter } = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    anyLeaf,
    fc.record({
      op: fc.constantFrom('and', 'or'),
      of: fc.array(tie('filter'), { minLength: 1, maxLength: 3 }),
    }),
    fc.record({ op: fc.constant('not' as const), of: tie('filter') }),
  ),
}))

/** SQL's three answers: undefined where a value is missing and that decides it. */
function judge(filter: Filter, record: MinimisedRecord): boolean | undefined {
  if ('of' in filter) {
    if (filter.op === 'not') {
      const inner = judge(filter.of, record)
      return inner === undefined ? undefined : !inner
    }
    const parts = filter.of.map((part) => judge(part, record))
    const decisive = filter.op === 'or'
    if (parts.includes(decisive)) return decisive
    return parts.includes(undefined) ? undefined : !decisive
  }
  const value = record[filter.field]
  if (filter.op === 'in') {
    if (filter.values.length === 0) return false
    return filter.values.some((one) => one === value)
  }
  if (filter.value === null) return filter.op === 'eq' ? value === undefined : value !== undefined
  if (filter.op === 'ne') return value !== filter.value
  if (value === undefined) return undefined
  return compare(filter, value)
}

function compare(
  filter: Exclude<Filter, { of: unknown } | { op: 'in' }>,
  value: string | number | boolean,
): boolean {
  const text = String(value)
  const wanted = filter.value as string | number | boolean
  switch (filter.op) {
    case 'startswith':
      return text.startsWith(String(wanted))
    case 'endswith':
      return text.endsWith(String(wanted))
    case 'contains':
      return text.includes(String(wanted))
    case 'eq':
      return value === wanted
    case 'gt':
      return value > wanted
    case 'ge':
      return value >= wanted
    case 'lt':
      return value < wanted
    case 'le':
      return value <= wanted
    case 'ne':
      return value !== wanted
  }
}

/** Whether a sealed item stands below a `not`, where it is not served. */
function asksForTheRest(filter: Filter, below = false): boolean {
  if (!('of' in filter))
    return below && (filter.field === SERIAL || filter.field === 'device.assignedBy')
  if (filter.op === 'not') return asksForTheRest(filter.of, true)
  return filter.of.some((part) => asksForTheRest(part, below))
}

describe('lists of records', () => {
  let world: ViewingWorld
  const bounds: RecordBounds = { kind: 'device', tags: 'all', mayFilter: () => true }
  const query = { orderBy: [], top: 100, skip: 0, count: false }

  before(async () => {
    world = await viewingWorld()
    await world.makeTenant('acme')
    await world.keep('acme', RECORDS)
  })
  after(() => world.stop())

  const found = (filter: Filter) =>
    world.test.database.read('acme', async (reader) => {
      const page = await listRecords(reader, world.parts, bounds, { ...query, filter })
      return isRefusal(page) ? page.refused : page.rows.map((row) => row.items[SERIAL]).toSorted()
    })

  it('answers every filter as a plain evaluator over the records does, or says that it is not served', async () => {
    await fc.assert(
      fc.asyncProperty(anyFilter, async (filter) => {
        const expected = asksForTheRest(filter)
          ? 'filter_unserved'
          : RECORDS.filter((record) => judge(filter, record) === true)
              .map((record) => record[SERIAL])
              .toSorted()
        assert.deepEqual(await found(filter), expected)
      }),
      { numRuns: 300 },
    )
  })

  it('follows what a record holds: an old value no longer leads to it', async () => {
    await world.makeTenant('moved')
    const device = (mail: string) => [{ [SERIAL]: 'SYN1', 'device.assignedBy': mail }]
    await world.keep('moved', device('before@example.org'))
    await world.keep('moved', device('after@example.org'))
    const count = (value: string) =>
      world.test.database.read('moved', async (reader) => {
        const filter: Filter = { op: 'eq', field: 'device.assignedBy', value }
        const page = await listRecords(reader, world.parts, bounds, { ...query, filter })
        return isRefusal(page) ? page.refused : page.rows.length
      })
    assert.deepEqual([await count('before@example.org'), await count('after@example.org')], [0, 1])
  })

  it('names the items of a record before it is opened, also of one kept before they were noted', async () => {
    const named = () =>
      world.test.database.read('acme', async (reader) => {
        const page = await listSealedRecords(reader, world.parts, bounds, query)
        return isRefusal(page) ? [] : page.rows.map((row) => row.itemIds.toSorted())
      })
    const noted = await named()
    assert.ok(noted.every((ids) => ids.includes(SERIAL)))
    await world.test.ownerQuery(
      'alter table records no force row level security; update records set sealed_items = null; alter table records force row level security',
    )
    assert.deepEqual(await named(), noted)
  })
})
