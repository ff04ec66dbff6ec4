import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { withdrawConsent } from '#agreements/consent.ts'
import { countRecords } from '#records/read.ts'
import { admin } from '../../sandbox/agree.ts'
import { CONNECTION, OUT, TENANT } from '../../sandbox/sample/organisation.ts'
import { planSynchronisations } from '../../src/node/jobs.ts'
import { type TestNode, agree, startTestNode } from '../node.ts'

describe('work that runs by itself', () => {
  let t: TestNode
  before(async () => {
    t = await startTestNode({ agreed: false })
  })
  after(() => t.stop())
  const planned = async (): Promise<string[]> => {
    const targets: string[] = []
    await planSynchronisations(t.node, async ({ tenantId, connectionId }) =>
      targets.push(`${tenantId}/${connectionId}`),
    )
    return targets
  }
  const refusals = async () => (await t.entries()).filter(({ kind }) => kind === 'refusal').length

  it('P2 plans nothing while a gate is closed, and writes no refusal for what nobody tried', async () => {
    assert.deepEqual(await planned(), [])
    assert.equal(await refusals(), 0)
    assert.deepEqual(t.apple.received, [])
  })

  it('takes the devices in without anybody asking once the gate is open, and stops at a withdrawal', async () => {
    await agree(t.node)
    assert.deepEqual(await planned(), [`${TENANT}/${CONNECTION}`])
    const jobs = await t.node.startJobs()
    const target = { tenantId: TENANT, connectionId: CONNECTION }
    assert.equal(await jobs.add('synchronise-devices', `${TENANT}/${CONNECTION}`, target), true)
    const count = () => t.node.database.read(TENANT, (reader) => countRecords(reader, CONNECTION))
    const end = Date.now() + 20_000
    while ((await count()) < 20) {
      assert.ok(Date.now() < end, 'the devices did not come in')
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    const disclosures = (await t.entries()).filter(({ kind }) => kind === 'disclosure')
    assert.ok(disclosures.length > 0)
    assert.ok(disclosures.every(({ actor }) => actor === 'job:synchronise-devices'))
    await t.node.database.write(TENANT, (tx) => withdrawConsent(tx, OUT, admin(t.node)))
    assert.deepEqual(await planned(), [])
  })
})
