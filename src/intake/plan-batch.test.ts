import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Decider } from '#access/decide.ts'
import type { FlowFacts } from '#agreements/facts.ts'
import { leaf, object } from '#catalog/shape.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { planBatch } from './plan-batch.ts'
import type { IntakeBatch } from './receive.ts'

const at = Date.parse('2030-01-01T00:00:00Z')
const FLOW = 'apple-mdm-checkin/inbound'

const facts = (change: object = {}): FlowFacts =>
  ({
    tenantId: 'acme',
    version: 1,
    tenantOpen: true,
    flow: FLOW,
    direction: 'inbound',
    feature: { id: 'apple-mdm-checkin', on: true },
    manifestHash: 'h',
    consent: {
      id: 'c',
      manifestHash: 'h',
      items: new Set(['device.udid']),
      from: at,
      until: at + 1_000,
    },
    party: { id: 'apple', kind: 'thirdParty' },
    collection: new Map([['device.udid', { on: true, precision: undefined }]]),
    ...change,
  }) as unknown as FlowFacts

describe('plan of a batch', () => {
  it('P5 is used again only while facts, dates and key are the very same', () => {
    let asked = 0
    const decider = {
      policyHash: 'p',
      decide: (_: unknown, questions: readonly { item: { id: string } }[]) => {
        asked++
        return questions.map(({ item }) => ({
          item: item.id,
          allowed: true,
          reason: 'permitted',
          policies: [],
        }))
      },
    } as unknown as Decider
    const batch = {
      flow: FLOW,
      purpose: 'device-management',
      shape: object({ UDID: leaf('device.udid') }),
    } as unknown as IntakeBatch
    const key = Buffer.alloc(32, 1)
    const plan = (change: object, now = at, pseudonymKey = key) => {
      planBatch(facts(change), batch, { catalog: shippedCatalog, decider, now }, pseudonymKey)
      return asked
    }
    assert.equal(plan({}), 1)
    assert.equal(plan({}, at + 999), 1)
    const consent = facts().consent
    for (const [i, change] of [
      { version: 2 },
      { tenantOpen: false },
      { tenantId: 'beta' },
      { feature: { id: 'apple-mdm-checkin', on: false } },
      { consent: undefined },
      { consent: { ...consent, items: new Set() } },
      { consent: { ...consent, withdrawnAt: at } },
      { collection: new Map([['device.udid', { on: true, precision: 'pseudonym' }]]) },
      { collection: new Map([['device.imei', { on: true, precision: undefined }]]) },
    ].entries())
      assert.equal(plan(change), i + 2, JSON.stringify(change))
    // The consent ends in between, and a clock that goes back finds no plan of later.
    const before = plan({ version: 3 })
    assert.equal(plan({ version: 3 }, at + 1_000), before + 1)
    assert.equal(plan({ version: 3 }, at + 999), before + 2)
    assert.equal(plan({ version: 3 }, at + 999, Buffer.alloc(32, 2)), before + 3)
  })
})
