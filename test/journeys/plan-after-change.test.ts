import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { withdrawConsent } from '#agreements/consent.ts'
import { switchFeature } from '#agreements/switch-feature.ts'
import { EXCHANGES } from '#connectors/apple-device-enrollment/exchanges.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { type Gate, type OpenGate, createGate } from '#sharing/gate.ts'
import { bumpFactsVersion } from '#tenants/facts-version.ts'
import { admin } from '../../sandbox/agree.ts'
import { CONNECTION, OUT, TENANT } from '../../sandbox/sample/organisation.ts'
import { type TestNode, agree, startTestNode } from '../node.ts'

const FETCH = EXCHANGES.find((one) => one.id === 'apple.dep.fetchDevices')

describe('P5 a plan that is remembered', () => {
  let t: TestNode
  /** A gate that the word of the database never reaches. */
  let deaf: Gate
  before(async () => {
    t = await startTestNode()
    const { database } = t.node.parts
    const silent = { ...database, listen: async () => async () => {} }
    deaf = await createGate({ ...t.node.parts, database: silent })
  })
  after(async () => {
    await deaf.close()
    await t.stop()
  })
  const open = async (): Promise<OpenGate> => {
    const gate = await deaf.open(TENANT, CONNECTION, FETCH ?? assert.fail('no such exchange'))
    return isRefusal(gate) ? assert.fail(gate.refused) : gate
  }

  it('is forgotten by the node that changed the facts as soon as it did, not when its own word comes back', async () => {
    assert.equal((await open()).refusal, undefined)
    await t.node.database.write(TENANT, (tx) => withdrawConsent(tx, OUT, admin(t.node)))
    assert.equal((await open()).refusal?.refused, 'consent_withdrawn')
    await agree(t.node)
    assert.equal((await open()).refusal, undefined)
  })

  it('stands for a call that waits until something changes that bears on it', async () => {
    const decided = await open()
    assert.equal(await deaf.stands(decided), true)
    await t.node.database.write(TENANT, (tx) => bumpFactsVersion(tx))
    assert.equal(await deaf.stands(decided), true, 'the same is decided anew')
    await t.node.database.write(TENANT, (tx) =>
      switchFeature(
        tx,
        t.node.parts.catalog,
        decided.outbound.flow.split('/')[0] ?? '',
        false,
        admin(t.node),
      ),
    )
    assert.equal(await deaf.stands(decided), false)
  })
})
