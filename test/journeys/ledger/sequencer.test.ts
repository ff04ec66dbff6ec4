import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { systemClock } from '#foundation/clock.ts'
import { newOrderedId } from '#foundation/ids.ts'
import { silentLog } from '#foundation/log.ts'
import { signerFromSeed } from '#keys/signing.ts'
import { type TestDatabase, testDatabase } from '../../database.ts'
import { append } from '#ledger/append.ts'
import { readHead } from '#ledger/read.ts'
import { startSequencer } from '#ledger/sequencer.ts'

describe('sequencer', () => {
  let test: TestDatabase
  before(async () => {
    test = await testDatabase()
  })
  after(() => test.stop())

  it('gathers what is appended without a pause into few batches', async () => {
    let batches = 0
    const sequencer = startSequencer({
      ledgerName: 'sluss.example',
      signer: signerFromSeed(Buffer.alloc(32, 1)),
      clock: systemClock,
      log: silentLog,
      database: test.database,
      reached: (point) => {
        if (point === 'batch-read') batches++
      },
    })
    const began = performance.now()
    let appended = 0
    while (performance.now() - began < 1_000) {
      await test.database.write('steady', (tx) => append(tx, entry(appended)))
      appended++
    }
    const most = Math.ceil((performance.now() - began) / 200) + 1
    assert.ok(batches <= most, `${batches} batches for ${appended} commits, at most ${most}`)
    await sequencer.settled()
    const head = await test.database.read('steady', readHead)
    assert.equal(head?.size, appended)
    await sequencer.stop()
  })
})

function entry(n: number) {
  return {
    id: newOrderedId(1_900_000_000_000 + n),
    at: '2030-01-01T00:00:00.000Z',
    kind: 'disclosure' as const,
    actor: 'client:test',
    data: { n },
  }
}
