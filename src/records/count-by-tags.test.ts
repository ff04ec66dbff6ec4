import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { type TestDatabase, testDatabase } from '../../test/database.ts'
import { countByTags, tagCarried } from './count-by-tags.ts'

describe('counting records by scope tags', () => {
  let test: TestDatabase
  const keep = (tenantId: string, kind: string, tags: readonly string[], removed = false) =>
    test.database.write(tenantId, (tx) =>
      tx.change(
        `insert into records (tenant_id, record_id, subject_id, connection_id, kind, clear, sealed,
           first_seen, last_seen, removed_at, scope_tags)
         values ($1, $2, $3, 'c', $4, '{}', '', now(), now(), $5, $6)`,
        [tenantId, randomUUID(), randomUUID(), kind, removed ? new Date(0) : null, tags],
      ),
    )
  before(async () => {
    test = await testDatabase()
    await keep('acme', 'device', ['north'])
    await keep('acme', 'device', ['north', 'south'])
    await keep('acme', 'device', ['default'])
    await keep('acme', 'device', ['south'], true)
    await keep('acme', 'person', ['north'])
    await keep('other', 'device', ['north'])
  })
  after(() => test.stop())

  const count = (seenBy: 'all' | string[], notSeenBy: 'all' | string[], tenantId = 'acme') => {
    const set = (tags: 'all' | string[]) => (tags === 'all' ? tags : new Set(tags))
    return test.database.read(tenantId, (reader) =>
      countByTags(reader, 'device', set(seenBy), set(notSeenBy)),
    )
  }

  it('counts what one scope sees and the other does not, of one kind and one tenant', async () => {
    assert.equal(await count('all', []), 3)
    assert.equal(await count(['north'], []), 2)
    assert.equal(await count(['north'], ['south']), 1)
    assert.equal(await count('all', ['north']), 1)
    assert.equal(await count('all', 'all'), 0)
    assert.equal(await count([], []), 0)
    assert.equal(await count('all', [], 'other'), 1)
  })

  it('knows whether a tag is carried, by what was not removed', async () => {
    const carried = (tag: string) => test.database.read('acme', (reader) => tagCarried(reader, tag))
    assert.deepEqual([await carried('south'), await carried('west')], [true, false])
  })
})
