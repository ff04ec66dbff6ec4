import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { createDecider } from '#access/create-decider.ts'
import { loadPolicies } from '#access/policies.ts'
import { giveConsent, withdrawConsent } from '#agreements/consent.ts'
import { switchFeature } from '#agreements/switch-feature.ts'
import { manifestOf } from '#catalog/manifest.ts'
import { shippedCatalog } from '#catalog/shipped.ts'
import { enableConnection } from '#connections/connection.ts'
import { nanoMdm } from '#connectors/mdm-events/source.ts'
import type { Transaction } from '#database/handles.ts'
import { isRefusal } from '#foundation/refusal.ts'
import { TENANT_ATTACH_FLOW, receiveTenantAttachList } from '#intake/diagnostics-tenant-attach.ts'
import { countEvents } from '#intake/event-mark.ts'
import { receive } from '#intake/receive.ts'
import { receiveEvents, receiveStates } from '#intake/receive-event.ts'
import { bumpFactsVersion } from '#tenants/facts-version.ts'
import { FLOW, type MdmWorld, START, TENANT, mdmWorld } from '../mdm/world.ts'
import { webhookBody } from '../mdm/webhook.ts'

describe('P5 facts that a node remembers between events', () => {
  let world: MdmWorld
  let count = 0
  const decider = loadPolicies(join(import.meta.dirname, '../../policies')).then(createDecider)
  before(async () => {
    world = await mdmWorld()
  })
  after(() => world.stop())

  const event = () => {
    const eventId = `event-${++count}`
    const message = { MessageType: 'Authenticate', UDID: 'SYN-1', OSVersion: '18' }
    const read = nanoMdm.read(
      webhookBody({ topic: 'mdm.Authenticate', message, at: START, eventId }),
    )
    return isRefusal(read) ? assert.fail() : read
  }
  const take = async (tx: Transaction, keys = world.keys) => {
    const parts = { catalog: shippedCatalog, decider: await decider, keys, now: START, actor: 'x' }
    const [result] = await receiveEvents(tx, 'nano', nanoMdm, [event()], parts)
    return isRefusal(result) ? result.refused : result
  }

  it('what a transaction changed itself and then undid is not gone by afterwards', async () => {
    assert.equal(await world.write((tx) => take(tx)), 'taken')
    const undone = world.write(async (tx) => {
      await withdrawConsent(tx, FLOW, world.by)
      assert.equal(await take(tx), 'consent_withdrawn')
      throw new Error('undone')
    })
    await assert.rejects(undone, /undone/)
    // Another change gets the version that the undone one had.
    await world.write((tx) => bumpFactsVersion(tx))
    assert.equal(await world.write((tx) => take(tx)), 'taken')
  })

  /** A withdrawal that begins while what was taken in waits for its commit. */
  const withdrawMeanwhile = async (
    takeIn: (tx: Transaction) => Promise<unknown>,
    flow: string = FLOW,
  ) => {
    let withdrawn = false
    let withdrawal: Promise<unknown> | undefined
    await world.write(async (tx) => {
      await takeIn(tx)
      withdrawal = world
        .write((other) => withdrawConsent(other, flow, world.by))
        .then(() => (withdrawn = true))
      for (let waits = 0; waits === 0 && !withdrawn; ) {
        const rows = await world.test.ownerQuery<{ count: number }>(
          `select count(*)::int from pg_stat_activity where wait_event_type = 'Lock' and query like '%facts_versions%'`,
        )
        waits = rows[0]?.count ?? 0
      }
      assert.equal(withdrawn, false)
    })
    await withdrawal
  }
  const list = async (tx: Transaction, by: 'one' | 'states', now: number) => {
    const parts = {
      catalog: shippedCatalog,
      decider: await decider,
      keys: world.keys,
      now,
      actor: 'x',
    }
    const state = event()
    const { record, shape, subjectItem, removal } = state
    const { flow, purpose } = nanoMdm
    const batch = { connectionId: 'nano', flow, purpose, kind: 'device' as const }
    const taken =
      by === 'states'
        ? await receiveStates(tx, 'nano', nanoMdm, [state], parts)
        : await receive(tx, { ...batch, records: [record], shape, subjectItem, removal }, parts)
    return isRefusal(taken) ? taken.refused : taken.kept
  }

  it('a withdrawal is before an event or after its commit, never in between', async () => {
    await withdrawMeanwhile(async (tx) => assert.equal(await take(tx), 'taken'))
    assert.equal(await world.write((tx) => take(tx)), 'consent_withdrawn')
  })

  it('a connection that is switched off takes nothing and marks nothing, so that the event can come again', async () => {
    const read = () => world.test.database.read(TENANT, (reader) => countEvents(reader, 'nano'))
    assert.equal(await world.write((tx) => take(tx)), 'consent_withdrawn')
    await world.write((tx) => enableConnection(tx, 'nano', false, world.by))
    const before = await read()
    for (let i = 0; i < 2; i++)
      assert.equal(await world.write((tx) => take(tx)), 'connection_disabled')
    assert.deepEqual(await read(), before)
    await world.write((tx) => enableConnection(tx, 'nano', true, world.by))
    assert.equal(await world.write((tx) => take(tx)), 'consent_withdrawn')
    assert.equal((await read()).events, before.events + 1)
  })

  for (const [at, by] of [
    [START + 1, 'states'],
    [START + 2, 'one'],
  ] as const)
    it(`a withdrawal is before a page of a list or after its commit (${by})`, async () => {
      const { hash } = manifestOf(shippedCatalog, FLOW)
      const agreed = { flowId: FLOW, manifestHash: hash }
      await world.write((tx) => giveConsent(tx, shippedCatalog, agreed, { ...world.by, at }))
      await withdrawMeanwhile(async (tx) => assert.equal(await list(tx, by, at), 1))
      assert.equal(await world.write((tx) => list(tx, by, at)), 'consent_withdrawn')
    })

  it('a withdrawal is before the apps of an attached site or after their commit', async () => {
    const { hash } = manifestOf(shippedCatalog, TENANT_ATTACH_FLOW)
    const agreed = { flowId: TENANT_ATTACH_FLOW, manifestHash: hash }
    await world.write(async (tx) => {
      await switchFeature(tx, shippedCatalog, 'configmgr-tenant-attach', true, world.by)
      await giveConsent(tx, shippedCatalog, agreed, world.by)
    })
    const { keys } = world
    const parts = { catalog: shippedCatalog, decider: await decider, keys, now: START, actor: 'x' }
    const attached = async (tx: Transaction) => {
      const apps = [{ ProgramID: 'SYN-APP-1' }]
      const taken = await receiveTenantAttachList(tx, 'application', apps, parts)
      return isRefusal(taken) ? taken.refused : taken.kept
    }
    await withdrawMeanwhile(async (tx) => assert.equal(await attached(tx), 1), TENANT_ATTACH_FLOW)
    assert.equal(await world.write(attached), 'consent_withdrawn')
  })
})
