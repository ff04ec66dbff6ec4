import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Database, ListenHandler } from '#database/handles.ts'
import { silentLog } from '#foundation/log.ts'
import { followFacts } from './follow-facts.ts'

const WHERE = { tenantId: 'one', connectionId: 'push' }

describe('what a gateway knows of its client', () => {
  /** A database whose word of changes is given by hand. */
  const listening = () => {
    let tell: ListenHandler = () => {}
    const database: Pick<Database, 'listen'> = {
      listen: async (_, handler) => {
        tell = handler
        return async () => {
          tell = () => {}
        }
      },
    }
    return { database, changed: (tenantId: string) => tell(tenantId) }
  }
  const turn = () => new Promise((resolve) => setImmediate(resolve))

  it('P5 is what was read last, though an older read takes longer', async () => {
    const { database, changed } = listening()
    let stored = 'old'
    let known = ''
    let held: (() => void) | undefined
    let reads = 0
    const close = await followFacts({ database, log: silentLog }, WHERE, async () => {
      const read = stored
      if (++reads === 2) await new Promise<void>((resolve) => (held = resolve))
      known = read
    })
    changed('one')
    await turn()
    stored = 'new'
    changed('one')
    await turn()
    held?.()
    await turn()
    assert.equal(known, 'new')
    assert.equal(reads, 3)
    changed('another')
    await turn()
    assert.equal(reads, 3)
    await close()
  })

  it('P5 is read again after a read that failed', async (context) => {
    context.mock.timers.enable({ apis: ['setTimeout'] })
    const { database, changed } = listening()
    let reads = 0
    const close = await followFacts({ database, log: silentLog }, WHERE, async () => {
      if (++reads === 2) throw new Error('away')
    })
    changed('one')
    await turn()
    assert.equal(reads, 2)
    context.mock.timers.tick(1_000)
    await turn()
    assert.equal(reads, 3)
    await close()
  })
})
