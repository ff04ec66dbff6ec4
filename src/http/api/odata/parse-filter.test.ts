import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { type Filter, UnknownField, type ListSource, listPage } from '#database/list.ts'
import { type TestDatabase, testDatabase } from '../../../../test/database.ts'
import { QueryFault } from './lexer.ts'
import { listInMemory, matches } from './list-in-memory.ts'
import { MAX_CONDITIONS, MAX_DEPTH, parseFilter } from './parse-filter.ts'

/** Writes a filter as OData does: the other way round from `parseFilter`. */
function written(filter: Filter): string {
  const value = (of: unknown): string =>
    typeof of === 'string' ? `'${of.replaceAll("'", "''")}'` : String(of)
  switch (filter.op) {
    case 'and':
    case 'or':
      return filter.of.map((part) => `(${written(part)})`).join(` ${filter.op} `)
    case 'not':
      return `not (${written(filter.of)})`
    case 'in':
      return `${filter.field} in (${filter.values.map(value).join(',')})`
    case 'startswith':
    case 'endswith':
    case 'contains':
      return `${filter.op}(${filter.field},${value(filter.value)})`
    case 'eq':
    case 'ne':
    case 'gt':
    case 'ge':
    case 'lt':
    case 'le':
      return `${filter.field} ${filter.op} ${value(filter.value)}`
  }
}

const TEXTS = ['', 'a', 'b', 'ab', "a'b", "'", 'a%', '_', '\\', 'å', 'A', '1; --', 'null', 'ba']
const text = fc.constantFrom(...TEXTS)
const number = fc.integer({ min: -3, max: 3 })
const op = fc.constantFrom('eq', 'ne', 'gt', 'ge', 'lt', 'le') as fc.Arbitrary<'eq'>
const equality = fc.constantFrom('eq', 'ne') as fc.Arbitrary<'eq'>
const condition: fc.Arbitrary<Filter> = fc.oneof(
  fc.record({ op, field: fc.constant('name'), value: text }),
  fc.record({ op, field: fc.constant('size'), value: number }),
  fc.record({ op: equality, field: fc.constant('open'), value: fc.boolean() }),
  fc.record({
    op: equality,
    field: fc.constantFrom('name', 'size', 'open'),
    value: fc.constant(null),
  }),
  fc.record({
    op: fc.constant('in' as const),
    field: fc.constant('name'),
    values: fc.array(text, { minLength: 1, maxLength: 3 }),
  }),
  fc.record({
    op: fc.constantFrom('startswith', 'endswith', 'contains') as fc.Arbitrary<'contains'>,
    field: fc.constant('name'),
    value: text,
  }),
)
const filters = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 4 },
    condition,
    fc.record({ op: fc.constant('not' as const), of: tie('filter') }),
    fc.record({
      op: fc.constantFrom('and', 'or') as fc.Arbitrary<'and'>,
      of: fc.array(tie('filter'), { minLength: 2, maxLength: 3 }),
    }),
  ),
})).filter

interface Row {
  readonly id: number
  readonly name: string | null
  readonly size: number | null
  readonly open: boolean | null
}

const ROWS: readonly Row[] = Array.from({ length: 60 }, (_, id) => ({
  id,
  name: id % 7 === 0 ? null : (TEXTS[id % TEXTS.length] ?? null),
  size: id % 5 === 0 ? null : (id % 7) - 3,
  open: id % 3 === 0 ? null : id % 2 === 0,
}))

const SOURCE: ListSource = {
  select: 'id, name, size, open',
  from: `(select (r->>'id')::bigint as id, r->>'name' as name, (r->>'size')::bigint as size,
            (r->>'open')::boolean as open from jsonb_array_elements($1::jsonb) r) rows where true`,
  values: [JSON.stringify(ROWS)],
  key: 'id',
  columns: {
    id: { sql: 'id', type: 'bigint' },
    // Compared by code points, as the evaluator does.
    name: { sql: 'name collate "C"', type: 'text' },
    size: { sql: 'size', type: 'bigint' },
    open: { sql: 'open', type: 'boolean' },
  },
}

describe('a filter', () => {
  let db: TestDatabase
  before(async () => {
    db = await testDatabase()
  })
  after(() => db.stop())
  const inSql = (filter: Filter) =>
    db.database.read('acme', (reader) =>
      listPage<Row>(reader, SOURCE, { filter, orderBy: [], top: 100, skip: 0, count: true }),
    )

  it('written down and parsed is the filter it was', () => {
    fc.assert(
      fc.property(filters, (filter) => {
        let conditions = 0
        const count = (part: Filter): void => {
          if ('of' in part) for (const one of [part.of].flat()) count(one as Filter)
          else conditions++
        }
        count(filter)
        fc.pre(conditions <= MAX_CONDITIONS)
        assert.deepEqual(parseFilter(written(filter)), structuredClone(filter))
      }),
      { numRuns: 500 },
    )
  })

  it('finds in SQL what a simple evaluator finds, null and quotes included', async () => {
    await fc.assert(
      fc.asyncProperty(filters, async (filter) => {
        const expected = ROWS.filter((row) => matches(filter, { ...row }) === true)
        const found = await inSql(filter)
        assert.deepEqual(
          found.rows.map((row) => row.id),
          expected.map((row) => row.id),
        )
        assert.equal(found.count, expected.length)
      }),
      { numRuns: 150 },
    )
  })

  it('would not pass with an evaluator that forgets what null is', async () => {
    const filter = parseFilter("not (name eq 'a')")
    const naive = ROWS.filter((row) => !(row.name === 'a')).length
    assert.notEqual((await inSql(filter)).rows.length, naive)
  })

  it('pages in SQL as in memory, by any order, each row once', async () => {
    const fields = ['name', 'size', 'open', 'id'] as const
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.constantFrom(...fields.slice(0, 2)), { maxLength: 2 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 25 }),
        async (ordered, descending, top) => {
          const orderBy = ordered.map((field) => ({ field, descending }))
          const ids = { sql: [] as number[], memory: [] as number[] }
          for (const kind of ['sql', 'memory'] as const) {
            let after: readonly (string | number | boolean | null)[] | undefined
            do {
              const query = { orderBy, top, skip: 0, count: false, ...(after ? { after } : {}) }
              const page =
                kind === 'sql'
                  ? await db.database.read('acme', (reader) => listPage<Row>(reader, SOURCE, query))
                  : listInMemory(ROWS, 'id', query)
              ids[kind].push(...page.rows.map((row) => row.id))
              after = page.next
            } while (after)
          }
          assert.equal(new Set(ids.sql).size, ROWS.length)
          assert.deepEqual(ids.sql, ids.memory)
        },
      ),
      { numRuns: 25 },
    )
  })

  it('that tries to become SQL is text or is refused', async () => {
    const harmless = [
      "name eq '''; drop table tenants; --'",
      "name eq 'x'') or 1=1 --'",
      "contains(name,'%'' or ''1''=''1')",
      "name in ('a'', ''b')",
      "startswith(name,'$1')",
    ]
    for (const one of harmless) assert.equal((await inSql(parseFilter(one))).rows.length, 0, one)
    const refused = [
      "name eq 'x'; drop table tenants",
      "name eq 'x' -- and size eq 1",
      'name eq "x"',
      '1 eq 1',
      'name eq name',
      "name eq 'x' or true",
      "pg_sleep(5) eq ''",
      "name eq 'x' union select 1",
      'name eq $1',
      "name/**/eq 'x'",
      "name eq 'x\u0000'",
      "name eq '\ud800'",
      "tenant_id eq 'beta' )",
      '',
      'not',
      'name',
      'name eq',
      "name like 'x'",
      'size eq 1e999',
      'size eq 2030-13-45',
      'size gt null',
      'name in ()',
    ]
    for (const one of refused) assert.throws(() => parseFilter(one), QueryFault, one)
    assert.deepEqual(
      (await db.ownerQuery("select 1 as here where to_regclass('tenants') is not null")).length,
      1,
    )
  })

  it('on a field that the list does not have, or against another type, is refused', async () => {
    for (const one of [
      "tenant_id eq 'beta'",
      "size eq 'a'",
      'name gt 3',
      "contains(size,'1')",
      "constructor eq 'x'",
    ])
      await assert.rejects(inSql(parseFilter(one)), UnknownField, one)
  })

  it('is bounded in length, depth and conditions', () => {
    const nested = (depth: number): string => `${'('.repeat(depth)}size eq 1${')'.repeat(depth)}`
    parseFilter(nested(MAX_DEPTH))
    assert.throws(() => parseFilter(nested(MAX_DEPTH + 1)), QueryFault)
    assert.throws(() => parseFilter(`${'not '.repeat(100)}size eq 1`), QueryFault)
    const many = Array.from({ length: MAX_CONDITIONS + 1 }, () => 'size eq 1').join(' or ')
    assert.throws(() => parseFilter(many), QueryFault)
    assert.throws(() => parseFilter(`name eq '${'x'.repeat(5_000)}'`), QueryFault)
  })

  it('binds not before and, and before or, and reads dates, ids and numbers', () => {
    assert.deepEqual(parseFilter('not a eq 1 and b eq 2 or c eq -1.5e2'), {
      op: 'or',
      of: [
        {
          op: 'and',
          of: [
            { op: 'not', of: { op: 'eq', field: 'a', value: 1 } },
            { op: 'eq', field: 'b', value: 2 },
          ],
        },
        { op: 'eq', field: 'c', value: -150 },
      ],
    })
    assert.deepEqual(parseFilter('at ge 2030-01-01T10:00:00+02:00'), {
      op: 'ge',
      field: 'at',
      value: '2030-01-01T10:00:00+02:00',
    })
    assert.deepEqual(parseFilter('id eq 0d6a9c3e-9a1e-4c61-8a54-3f1f4b7a1c11'), {
      op: 'eq',
      field: 'id',
      value: '0d6a9c3e-9a1e-4c61-8a54-3f1f4b7a1c11',
    })
  })

  it('never ends in a fault, whatever is sent', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (anything) => {
        try {
          parseFilter(anything)
        } catch (fault) {
          assert.ok(fault instanceof QueryFault)
          assert.ok(anything.length < 4 || !fault.message.includes(anything))
        }
      }),
      { numRuns: 2_000 },
    )
  })
})
