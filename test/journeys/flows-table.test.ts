import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { type TableRow, renderTable, tableRows } from '../../scripts/flows-table.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const facts = (name: string) => JSON.parse(readFileSync(join(ROOT, 'test', 'facts', name), 'utf8'))

/** What of the facts a table leaves out, has twice, or says of a file that is not there. */
function complaints(rows: readonly TableRow[], ids: readonly string[]): string[] {
  const seen = rows.map(({ id }) => id)
  const paths = new Set(rows.flatMap(({ enforcedIn, testedBy }) => [...enforcedIn, ...testedBy]))
  return [
    ...ids.filter((id) => !seen.includes(id)).map((id) => `missing ${id}`),
    ...seen.filter((id, i) => seen.indexOf(id) !== i).map((id) => `twice ${id}`),
    ...seen
      .filter((id) => !ids.includes(id) && !id.startsWith('diagnostics.'))
      .map((id) => `extra ${id}`),
    ...[...paths].filter((path) => !existsSync(join(ROOT, path))).map((path) => `no file ${path}`),
    ...rows.filter(({ status }) => status === 'not in the catalog').map(({ id }) => `lost ${id}`),
  ]
}

describe('docs/flows.md', () => {
  let rows: readonly TableRow[]
  const { required, optional, never } = facts('collection.json')
  const ids: string[] = [
    ...facts('flows.json'),
    ...required,
    ...optional.clientAppItems,
    ...never,
  ].map(({ id }: { id: string }) => id)
  before(async () => {
    rows = await tableRows()
  })

  it('has every row of the facts, each once, and names only files that exist', () => {
    assert.equal(ids.length, 212 + 114)
    assert.equal(rows.length, ids.length + 152)
    assert.deepEqual(complaints(rows, ids), [])
  })

  it('would notice a missing, a doubled and an extra row, and a file that is not there', () => {
    const [first, ...others] = rows
    assert.ok(first)
    const wrong: [readonly TableRow[], RegExp][] = [
      [others, /^missing/],
      [[...rows, first], /^twice/],
      [[...rows, { ...first, id: 'apple.out.invented' }], /^extra/],
      [[...others, { ...first, enforcedIn: ['src/sharing/none.ts'] }], /^no file/],
      [[...others, { ...first, status: 'not in the catalog' }], /^lost/],
    ]
    for (const [table, complaint] of wrong)
      assert.match(complaints(table, ids).join('\n'), complaint)
  })

  it('finds what Apple’s device enrolment enforces, and says plainly what nothing enforces', () => {
    const serial = rows.find(
      ({ group, enforcedIn }) =>
        group.startsWith('Apple') &&
        enforcedIn.includes('src/connectors/apple-device-enrollment/exchanges.ts'),
    )
    assert.ok(serial && serial.testedBy.length > 0)
    const nowhere = { ...serial, enforcedIn: [], testedBy: [] }
    assert.match(renderTable([nowhere]), /\| not yet: issue 4 \| not yet: issue 4 \|/)
    assert.match(renderTable([nowhere]), /1 rows, 0 enforced, 1 not yet/)
  })

  it('keeps the statuses of the catalog, and where page and protocol differ', () => {
    const statuses = new Set(rows.map(({ status }) => status))
    for (const status of ['historic', 'partial', 'published; protocol differs: inbound'])
      assert.ok(statuses.has(status), [...statuses].join(', '))
  })

  it('is not stale: run `npm run flows`', () => {
    const written = new Set(readFileSync(join(ROOT, 'docs', 'flows.md'), 'utf8').split('\n'))
    const stale = renderTable(rows)
      .split('\n')
      .filter((line) => !written.has(line))
    const [first = ''] = stale
    assert.equal(stale.length, 0, `${stale.length} lines are stale, the first: ${first}`)
    assert.equal(written.size, new Set(renderTable(rows).split('\n')).size)
  })
})
