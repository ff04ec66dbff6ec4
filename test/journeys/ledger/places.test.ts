import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import type { ListQuery } from '#database/list.ts'
import { newId, newOrderedId } from '#foundation/ids.ts'
import { type TestDatabase, testDatabase } from '../../database.ts'
import { appendAll } from '#ledger/append.ts'
import type { Entry } from '#ledger/entry.ts'
import { listEntries, readEntriesById } from '#ledger/list-entries.ts'
import { prepareEntry } from '#ledger/prepare.ts'
import { findEntry, readBundle, readEntries } from '#ledger/read.ts'
import { sequenceBatch } from '#ledger/sequence.ts'
import { packEntries } from '#ledger/verify/bundle.ts'

const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const parts = {
  ledgerName: 'sluss.example',
  signer: {
    publicKey: publicKey.export({ format: 'der', type: 'spki' }).subarray(-32),
    sign: (message: Buffer) => sign(null, message, privateKey),
  },
  now: () => 1_900_000_000_000,
}

/** Not a word of it is plain in an array literal of SQL. */
const ODD_ACTOR = String.raw`admin:"NULL",{},\ å`
const START = 1_900_000_000_000

/** Ids of both versions, some of them long before or after their neighbours', as after a clock was set. */
function makeEntry(n: number): Entry {
  const time = START + n + (n % 97 === 0 ? 86_400_000 : 0) - (n % 89 === 0 ? 86_400_000 : 0)
  return {
    id: n % 101 === 0 ? newId() : newOrderedId(time),
    at: new Date(time).toISOString(),
    kind: n % 1_999 === 0 ? 'consent.given' : n % 2 === 0 ? 'disclosure' : 'outcome',
    actor: n % 500 === 7 ? ODD_ACTOR : 'client:apple',
    data: { n },
  }
}

describe('places of entries', () => {
  let test: TestDatabase
  const all = Array.from({ length: 9_000 }, (_, n) => makeEntry(n))
  const read = <Result>(work: (reader: never) => Promise<Result>) =>
    test.database.read('places', (reader) => work(reader as never))

  before(async () => {
    test = await testDatabase()
    for (let from = 0, width = 1; from < all.length; from += width, width = ((width * 7) % 300) + 1)
      await test.database.write('places', (tx) => appendAll(tx, all.slice(from, from + width)))
    while (await test.database.write('places', (tx) => sequenceBatch(tx, parts)).then(wantsMore));
  })
  after(() => test.stop())

  it('are in the order of appending, and a bundle is cut out of whatever segments hold it', async () => {
    const entries = await read((reader) => readEntries(reader, 0, all.length))
    assert.deepEqual(
      entries.map((entry) => [entry.index, entry.id]),
      all.map((entry, index) => [index, entry.id]),
    )
    const bytes = all.map((entry) => prepareEntry(entry).bytes)
    for (const [index, width] of [
      [0, 256],
      [7, 256],
      [34, 256],
      [35, 40],
      [35, 1],
    ] as const) {
      const bundle = await read((reader) => readBundle(reader, index, width))
      assert.ok(bundle?.equals(packEntries(bytes.slice(index * 256, index * 256 + width))))
    }
    assert.equal(await read((reader) => readBundle(reader, 35, 41)), undefined)
  })

  it('are found by id, by whatever id, and none is found for an id that is not there or waits', async () => {
    const waiting = makeEntry(9_001)
    await test.database.write('places', (tx) => appendAll(tx, [waiting]))
    for (let n = 0; n < all.length; n += 37)
      assert.equal(await read((reader) => findEntry(reader, all[n]?.id ?? '')), n)
    for (const id of [newId(), newOrderedId(START), newOrderedId(0), waiting.id])
      assert.equal(await read((reader) => findEntry(reader, id)), undefined)
    const ids = [all[8_000], all[3], all[4_444]].map((entry) => entry?.id ?? '')
    const found = await read((reader) => readEntriesById(reader, [...ids, newId()]))
    assert.deepEqual(
      found.map((entry) => entry.index),
      [3, 4_444, 8_000],
    )
  })

  const LATE = new Date(START + 8_950).toISOString()
  const QUERIES: readonly (Pick<ListQuery, 'orderBy' | 'filter'> & { readonly top: number })[] = [
    { orderBy: [], top: 1_000 },
    { orderBy: [{ field: 'index', descending: true }], top: 700 },
    {
      orderBy: [{ field: 'index', descending: true }],
      top: 3,
      filter: eq('kind', 'consent.given'),
    },
    {
      orderBy: [{ field: 'index', descending: false }],
      top: 3,
      filter: eq('kind', 'consent.given'),
    },
    { orderBy: [{ field: 'index', descending: true }], top: 50, filter: eq('actor', ODD_ACTOR) },
    { orderBy: [{ field: 'index', descending: true }], top: 5, filter: eq('kind', 'refusal') },
    { orderBy: [{ field: 'at', descending: true }], top: 4_000 },
    {
      orderBy: [{ field: 'index', descending: true }],
      top: 300,
      filter: { op: 'and', of: [at('ge', LATE), eq('kind', 'outcome')] },
    },
    {
      orderBy: [],
      top: 300,
      filter: { op: 'or', of: [at('gt', LATE), { op: 'not', of: at('ge', LATE) }] },
    },
    {
      orderBy: [],
      top: 300,
      filter: {
        op: 'and',
        of: [{ op: 'startswith', field: 'kind', value: 'con' }, at('lt', LATE)],
      },
    },
    {
      orderBy: [
        { field: 'kind', descending: false },
        { field: 'at', descending: true },
      ],
      top: 4_000,
    },
  ]
  for (const query of QUERIES) {
    it(`are listed page by page as sorting the whole log says: ${JSON.stringify(query)}`, async () => {
      const listed: string[] = []
      let next: ListQuery['after']
      do {
        const page = await read((reader) =>
          listEntries(reader, {
            ...query,
            skip: 0,
            count: false,
            ...(next ? { after: next } : {}),
          }),
        )
        listed.push(...page.rows.map((entry) => entry.id))
        next = page.next
      } while (next)
      assert.deepEqual(
        listed,
        expected(query).map((entry) => entry.id),
      )
    })
  }

  it('are counted, and skipped over, however far', async () => {
    const query = { filter: eq('kind', 'outcome'), orderBy: [{ field: 'index', descending: true }] }
    const page = await read((reader) =>
      listEntries(reader, { ...query, top: 2, skip: 4_400, count: true }),
    )
    assert.equal(page.count, expected(query).length)
    const uncounted = await read((reader) =>
      listEntries(reader, { ...query, top: 2, skip: 4_400, count: false }),
    )
    const ids = expected(query)
      .slice(4_400, 4_402)
      .map((entry) => entry.id)
    for (const { rows } of [page, uncounted])
      assert.deepEqual(
        rows.map((entry) => entry.id),
        ids,
      )
  })

  it('stay: a place that was given is not taken back or changed', async () => {
    for (const change of ['first_index = null', 'first_index = first_index + 1']) {
      await assert.rejects(
        test.database.write('places', (tx) =>
          tx.change(
            `update ledger_segments set ${change} where tenant_id = 'places' and first_index = 0`,
          ),
        ),
        { code: '23514' },
      )
    }
    await assert.rejects(
      test.database.write('places', (tx) =>
        tx.change(`update ledger_segments set entries = '' where tenant_id = 'places'`),
      ),
      { code: '42501' },
    )
  })

  /** The judge: all in memory, sorted as the query says. */
  function expected(query: Pick<ListQuery, 'orderBy' | 'filter'>): readonly Entry[] {
    const wanted = all
      .map((entry, index) => ({ ...entry, index }))
      .filter((entry) => !query.filter || fits(query.filter, entry))
    const descending = query.orderBy[0]?.descending ?? false
    const order = [...query.orderBy, { field: 'index', descending }]
    return wanted.toSorted((a, b) => {
      for (const { field, descending: down } of order) {
        const [x, y] = [a, b].map((one) => one[field as 'at' | 'kind' | 'index']) as [
          string,
          string,
        ]
        if (x !== y) return x < y === down ? 1 : -1
      }
      return 0
    })
  }
})

/** What the filters above mean. */
function fits(filter: NonNullable<ListQuery['filter']>, entry: Entry): boolean {
  if (filter.op === 'not') return !fits(filter.of, entry)
  if (!('field' in filter))
    return filter.op === 'and'
      ? filter.of.every((part) => fits(part, entry))
      : filter.of.some((part) => fits(part, entry))
  const value = entry[filter.field as 'kind' | 'actor' | 'at']
  if (filter.op === 'startswith') return value.startsWith(filter.value)
  if (filter.op === 'eq') return value === filter.value
  const wanted = 'value' in filter ? String(filter.value) : ''
  return filter.op === 'lt' ? value < wanted : filter.op === 'gt' ? value > wanted : value >= wanted
}

function at(op: 'ge' | 'gt' | 'lt', value: string): NonNullable<ListQuery['filter']> {
  return { op, field: 'at', value }
}

function eq(field: string, value: string): NonNullable<ListQuery['filter']> {
  return { op: 'eq', field, value }
}

function wantsMore(batch: Awaited<ReturnType<typeof sequenceBatch>>): boolean {
  return batch === 'busy' || batch.more
}
