import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { COUNTED_EXPRESSIONS } from './count-devices.ts'

const MIGRATION = join(import.meta.dirname, '../../migrations/0351-records-counted-items.sql')

describe('what devices are counted by', () => {
  it('is what the planner has statistics of, word for word', () => {
    const sql = readFileSync(MIGRATION, 'utf8')
    for (const [name, expression] of Object.entries(COUNTED_EXPRESSIONS))
      assert.ok(
        sql.includes(`create statistics records_counted_${name} on (${expression}) from records;`),
        name,
      )
    assert.equal(sql.split('create statistics').length - 1, Object.keys(COUNTED_EXPRESSIONS).length)
  })
})
