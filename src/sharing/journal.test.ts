import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { DatabaseFault } from '#database/fault.ts'
import { newOrderedId } from '#foundation/ids.ts'
import { prepareEntry } from '#ledger/prepare.ts'
import { bumpFactsVersion, lockFactsVersion } from '#tenants/facts-version.ts'
import { type TestDatabase, testDatabase, waitingEntries } from '../../test/database.ts'
import { type Closing, createJournal, type Opening } from './journal.ts'

let counter = 0
const written = () => ({
  entry: prepareEntry({
    id: newOrderedId(1_900_000_000_000 + counter),
    at: '2030-01-01T00:00:00.000Z',
    kind: 'disclosure',
    actor: String.raw`client:"quoted\", and more`,
    // A byte beyond ASCII, so that a length in characters would not do.
    data: { n: counter++, text: 'ä😀' },
  }),
})
const opening = (version: number): Opening => ({
  ...written(),
  version,
  connectionId: 'apple',
  exchangeId: 'apple.dep.fetchDevices',
})
const closing = (closes: string): Closing => ({ ...written(), closes })

describe('journal', () => {
  let test: TestDatabase
  before(async () => {
    test = await testDatabase()
  })
  after(() => test.stop())

  const queue = (tenantId: string) => waitingEntries(test, tenantId)
  const open = async (tenantId: string): Promise<string[]> =>
    (
      await test.ownerQuery<{ entry_id: string }>(
        'select entry_id from outbox where tenant_id = $1',
        [tenantId],
      )
    ).map((row) => row.entry_id)

  it('P3 writes every line of a group in order and byte for byte, and a disclosure stays open until its outcome', async () => {
    const version = await test.database.write('alpha', bumpFactsVersion)
    const journal = createJournal(test.database)
    const lines = Array.from({ length: 40 }, () => opening(version))
    const answers = await Promise.all(lines.map((line) => journal.submit('alpha', line)))
    assert.deepEqual(new Set(answers), new Set([true]))
    assert.deepEqual(
      await queue('alpha'),
      lines.map(({ entry: { id, bytes } }) => ({ id, bytes })),
    )
    assert.deepEqual(new Set(await open('alpha')), new Set(lines.map((line) => line.entry.id)))
    const mixed = [...lines.map((line) => closing(line.entry.id)), opening(version)]
    await Promise.all(mixed.map((line) => journal.submit('alpha', line)))
    assert.deepEqual(await open('alpha'), [mixed.at(-1)?.entry.id])
    assert.equal((await queue('alpha')).length, 81)
  })

  it('P5 writes no disclosure that was decided at another version of the facts', async () => {
    const version = await test.database.write('beta', bumpFactsVersion)
    const journal = createJournal(test.database)
    const lines = [opening(version - 1), opening(version), opening(version + 1)]
    const answers = await Promise.all(lines.map((line) => journal.submit('beta', line)))
    assert.deepEqual(answers, [false, true, false])
    assert.deepEqual(await open('beta'), [lines[1]?.entry.id])
    assert.equal(await journal.submit('nobody', opening(0)), false)
  })

  it('P5 a change of the facts that is under way comes before the disclosure, and is seen by it', async () => {
    const version = await test.database.write('gamma', bumpFactsVersion)
    const journal = createJournal(test.database)
    const line = opening(version)
    let answer: Promise<boolean> | undefined
    await test.database.write('gamma', async (tx) => {
      await bumpFactsVersion(tx)
      answer = journal.submit('gamma', line)
      const settled = await Promise.race([answer.then(() => 'done'), pause(100)])
      assert.equal(settled, 'waits')
    })
    assert.equal(await answer, false)
    assert.deepEqual(await open('gamma'), [])
  })

  it('P3 a disclosure has one outcome, whoever writes it first', async () => {
    const version = await test.database.write('delta', bumpFactsVersion)
    const [one, other] = [createJournal(test.database), createJournal(await test.openSecond())]
    const line = opening(version)
    await one.submit('delta', line)
    const answers = await Promise.all([
      one.submit('delta', closing(line.entry.id)),
      one.submit('delta', closing(line.entry.id)),
      other.submit('delta', closing(line.entry.id)),
      one.submit('delta', closing(newOrderedId(1_900_000_000_000))),
    ])
    assert.equal(answers.filter(Boolean).length, 1)
    assert.equal(await one.submit('delta', closing(line.entry.id)), false)
    assert.equal((await queue('delta')).length, 2)
  })

  it('P9 closes nothing of another tenant, and leaves no scope behind', async () => {
    const version = await test.database.write('epsilon', bumpFactsVersion)
    await test.database.write('zeta', bumpFactsVersion)
    const journal = createJournal(test.database)
    const line = opening(version)
    await journal.submit('epsilon', line)
    assert.equal(await journal.submit('zeta', closing(line.entry.id)), false)
    assert.deepEqual(await open('epsilon'), [line.entry.id])
    await test.database.write('zeta', async (tx) => {
      assert.equal(await lockFactsVersion(tx), 1)
    })
  })

  it('tells the fault to every caller of the group, without a value, and goes on', async () => {
    const version = await test.database.write('eta', bumpFactsVersion)
    const journal = createJournal(test.database)
    const line = opening(version)
    await journal.submit('eta', line)
    const group = await Promise.allSettled([
      journal.submit('eta', line),
      journal.submit('eta', opening(version)),
    ])
    for (const result of group) {
      assert.ok(result.status === 'rejected' && result.reason instanceof DatabaseFault)
      assert.equal(result.reason.code, '23505')
      assert.doesNotMatch(JSON.stringify(result.reason) + String(result.reason), /apple|1900|"n"/)
    }
    assert.equal(await journal.submit('eta', opening(version)), true)
    await journal.idle()
  })
})

function pause(milliseconds: number): Promise<string> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds, 'waits'))
}
