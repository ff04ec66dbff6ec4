import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { EXCHANGES } from '#connectors/apple-device-enrollment/exchanges.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { CONNECTION, TENANT } from '../../sandbox/sample/organisation.ts'
import { type TestNode, startTestNode } from '../node.ts'

const CALLS = 300
const DETAILS = EXCHANGES.find((one) => one.id === 'apple.dep.deviceDetails')

describe('a burst of calls on a node that knows nothing yet', () => {
  let t: TestNode
  const done = { read: 0, write: 0 }
  before(async () => {
    t = await startTestNode({ apple: { devices: CALLS } })
    const { database } = t.node
    const { read, write } = database
    const count = (kind: keyof typeof done, tenantId: string) => {
      if (tenantId === TENANT) done[kind]++
    }
    Object.assign(database, {
      read: (...args: Parameters<typeof read>) => {
        count('read', args[0])
        return read(...args)
      },
      write: (...args: Parameters<typeof write>) => {
        count('write', args[0])
        return write(...args)
      },
    })
  })
  after(() => t.stop())

  const burst = async () => {
    assert.ok(DETAILS)
    const exchange = DETAILS
    const shared = await Promise.all(
      Array.from({ length: CALLS }, (_, i) =>
        t.node.sharing.share({
          tenantId: TENANT,
          connectionId: CONNECTION,
          exchange,
          actor: `client:${CONNECTION}`,
          call: {
            method: 'POST',
            parameters: {},
            query: new URLSearchParams(),
            body: Buffer.from(JSON.stringify({ devices: [`SYN${String(i).padStart(7, '0')}`] })),
          },
        }),
      ),
    )
    return shared.flatMap((one) => (isRefusal(one) ? [one.refused] : []))
  }

  it('P4 refuses none: it is planned once, named together, and asked for one session', async () => {
    assert.deepEqual(await burst(), [])
    const sessions = t.apple.received.filter(({ target }) => target === '/session').length
    assert.equal(sessions, 1)
    assert.ok(done.read <= 4, `${done.read} reads of facts`)
    assert.ok(done.write <= 12, `${done.write} commits besides the entries`)
  })

  it('P5 who finds the plan old after the facts moved does not forget a newer one for the others', async () => {
    done.read = 0
    await t.node.database.write(TENANT, async (tx) => {
      // As a change by a node whose word did not reach this one.
      await tx.change('update facts_versions set version = version + 1 where tenant_id = $1', [
        tx.tenantId,
      ])
    })
    assert.deepEqual(await burst(), [])
    assert.ok(done.read <= 4, `${done.read} reads of facts`)
  })
})
