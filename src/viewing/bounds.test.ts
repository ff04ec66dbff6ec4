import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { systemClock } from '#foundation/clock.ts'
import { isRefusal } from '#foundation/refusal.ts'
import {
  ADMIN_RIGHTS,
  SERIAL,
  type ViewingWorld,
  adminOf,
  viewingWorld,
} from '../../test/viewing.ts'
import type { ViewedRecord } from './project.ts'
import type { Viewer } from './viewer.ts'

const TAGS = ['default', 'sales', 'north'] as const
const ITEMS = [SERIAL, 'device.model', 'device.assignedBy'] as const
const query = { orderBy: [], top: 100, skip: 0, count: false }

/** What one viewer may see, in plain words: which records, and of which items. */
interface Allowed {
  readonly records: ReadonlySet<string>
  readonly items: ReadonlySet<string>
}

function complaints(rows: readonly ViewedRecord[], allowed: Allowed): string[] {
  const seen = new Set(rows.map((row) => row.recordId))
  return [
    ...[...seen].filter((id) => !allowed.records.has(id)).map((id) => `${id} appears`),
    ...[...allowed.records].filter((id) => !seen.has(id)).map((id) => `${id} is missing`),
    ...rows.flatMap((row) =>
      Object.keys(row.items)
        .filter((item) => !allowed.items.has(item))
        .map((item) => `${item} is shown`),
    ),
  ]
}

describe('bounds of a viewer', () => {
  let world: ViewingWorld
  let ids: readonly string[]
  const tagsOf = (index: number) => TAGS.filter((_, i) => (index % 7) & (1 << i))

  before(async () => {
    world = await viewingWorld()
    await world.makeTenant('acme')
    await world.keep(
      'acme',
      Array.from({ length: 14 }, (_, i) => ({
        [SERIAL]: `SYN${10 + i}`,
        'device.model': 'iPhone',
        'device.assignedBy': `person${i}@example.org`,
      })),
    )
    ids = await world.recordIds('acme')
    await world.test.ownerQuery('alter table records no force row level security')
    for (const [i, id] of ids.entries()) {
      const tags = tagsOf(i)
      await world.test.ownerQuery('update records set scope_tags = $2 where record_id = $1', [
        id,
        tags.length > 0 ? tags : ['other'],
      ])
    }
    await world.test.ownerQuery('alter table records force row level security')
  })
  after(() => world.stop())

  const rowsFor = async (viewer: Viewer): Promise<readonly ViewedRecord[]> => {
    const page = await world.viewing.listRecords(viewer, { kind: 'device', query })
    return isRefusal(page) ? [] : page.rows
  }
  const inScope = (tags: readonly string[]): Allowed => ({
    records: new Set(ids.filter((_, i) => tagsOf(i).some((tag) => tags.includes(tag)))),
    items: new Set(ITEMS),
  })

  it('P9 P7 records appear exactly when they share a scope tag with the role', async () => {
    await fc.assert(
      fc.asyncProperty(fc.subarray([...TAGS]), async (tags) => {
        const rows = await rowsFor(adminOf('acme', ADMIN_RIGHTS, tags))
        assert.deepEqual(complaints(rows, inScope(tags)), [])
      }),
      { numRuns: 20 },
    )
    // A door that took an assignment without tags for one of all would be noticed.
    assert.notDeepEqual(complaints(await rowsFor(adminOf('acme')), inScope([])), [])
  })

  it('P7 a grant shows exactly its records and of them its items', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.subarray([...Array(14).keys()], { minLength: 1 }),
        fc.subarray([...ITEMS], { minLength: 1 }),
        fc.constantFrom('exact' as const, 'masked' as const),
        async (places, items, precision) => {
          const records = places.map((place) => ids[place] ?? '')
          const wishes = { records, items, precision, approvedAt: systemClock.now() }
          const rows = await rowsFor(await world.grant('acme', wishes))
          assert.deepEqual(
            complaints(rows, { records: new Set(records), items: new Set(items) }),
            [],
          )
        },
      ),
      { numRuns: 40 },
    )
    // One that took the items of a grant but not its records, or its records but not its items, would be noticed.
    const wide = { records: ids, items: ITEMS, approvedAt: systemClock.now() }
    const rows = await rowsFor(await world.grant('acme', wide))
    const records = new Set(ids)
    assert.notDeepEqual(
      complaints(rows, { records: new Set(ids.slice(1)), items: new Set(ITEMS) }),
      [],
    )
    assert.notDeepEqual(complaints(rows, { records, items: new Set([SERIAL]) }), [])
  })
})
