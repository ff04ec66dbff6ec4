import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { COLLECTION_ROWS } from './items/collection-rows.ts'
import { SAME_FACTS } from './items/collection-same-facts.ts'
import { shippedCatalog } from './shipped.ts'

describe('facts of the collection table under the names that protocols have for them', () => {
  const rows = new Set(Object.values(COLLECTION_ROWS))
  const inbound = new Set(
    [...shippedCatalog.flows.values()].flatMap((flow) =>
      flow.direction === 'inbound' ? flow.items.map(({ item }) => item) : [],
    ),
  )
  for (const [id, others] of Object.entries(SAME_FACTS))
    it(`${id} comes in as ${others.join(', ')}, kept as long and no less protected`, () => {
      assert.ok(rows.has(id))
      const row = shippedCatalog.items.get(id) ?? assert.fail(id)
      for (const other of others) {
        const item = shippedCatalog.items.get(other) ?? assert.fail(other)
        assert.ok(inbound.has(other), `${other} comes in by no flow`)
        assert.equal(item.retention, row.retention)
        assert.ok(item.personal || !row.personal, `${other} is taken for less personal`)
        assert.notEqual(item.need, 'never')
      }
    })
})
