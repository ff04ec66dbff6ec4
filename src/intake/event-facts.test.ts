import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { manifestOf } from '#catalog/manifest.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import type { Transaction } from '#database/handles.ts'
import type { Keys } from '#keys/keys.ts'
import { factsAt, rememberedFacts } from './event-facts.ts'

const FLOW = 'android-enterprise/inbound'

describe('facts that are remembered between events', () => {
  it('P2 are read anew when the flow is another one, though their version is the same', async () => {
    const flows = new Map(shippedCatalog.flows)
    const parts = { keys: {} as Keys, catalog: { ...shippedCatalog, flows } }
    let reads = 0
    const tx = {
      tenantId: 'one',
      rows: async () => {
        reads++
        return [{ version: 1 }]
      },
    } as unknown as Transaction
    factsAt(parts, 'one', { version: 1, untouched: true })
    const read = async () =>
      (await (rememberedFacts(parts, 'one') ?? assert.fail()).flow(tx, FLOW)).manifestHash
    const before = await read()
    assert.equal(await read(), before)
    assert.equal(reads, 1)
    const flow = flows.get(FLOW) ?? assert.fail()
    flows.set(FLOW, { ...flow, items: flow.items.slice(0, 1) })
    const after = await read()
    assert.notEqual(after, before)
    assert.equal(after, manifestOf(parts.catalog, FLOW).hash)
    assert.equal(reads, 2)
  })
})
