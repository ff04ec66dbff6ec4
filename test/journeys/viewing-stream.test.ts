import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { endGrant } from '#access/grants.ts'
import { manualClock, systemClock } from '#foundation/clock.ts'
import { isRefusal, refuse } from '#foundation/refusal.ts'
import { bumpFactsVersion } from '#tenants/facts-version.ts'
import type { ViewedPage } from '#viewing/view.ts'
import { SERIAL, type ViewingWorld, accessOf, viewingWorld } from '../viewing.ts'

const DEVICES = 60
const PAGE = 5
const request = {
  kind: 'device' as const,
  query: { orderBy: [], top: PAGE, skip: 0, count: false },
}

describe('a stream under a grant', () => {
  const clock = manualClock('2030-01-01T00:00:00Z')
  let mayAsk = true
  let world: ViewingWorld
  let ids: readonly string[]

  before(async () => {
    world = await viewingWorld({
      clock,
      access: {
        of: async () =>
          mayAsk
            ? { ...accessOf(['Support access/Request']), explain: () => [] }
            : refuse('role_missing'),
      } as never,
    })
    await world.makeTenant('acme')
    await world.keep(
      'acme',
      Array.from({ length: DEVICES }, (_, i) => ({
        [SERIAL]: `SYN${String(i).padStart(7, '0')}`,
        'device.model': 'iPhone',
      })),
    )
    ids = await world.recordIds('acme')
  })
  after(() => world.stop())

  const grant = (durationMs?: number) =>
    world.grant('acme', {
      records: ids,
      items: [SERIAL, 'device.model'],
      approvedAt: clock.now(),
      ...(durationMs === undefined ? {} : { durationMs }),
    })
  const recorded = async (grantId: string) =>
    (await world.entries('acme'))
      .filter((entry) => entry.kind === 'read' && entry.data.grant === grantId)
      .reduce((sum, entry) => sum + Number(entry.data.count), 0)
  /** A receiver that takes two batches and then waits until it is cut off. */
  const slow = (stuck: () => void) => {
    let batches = 0
    return async (_: ViewedPage, signal: AbortSignal) => {
      if (++batches < 3) return
      stuck()
      if (!signal.aborted) await once(signal, 'abort')
    }
  }

  it('hands over every record once when nothing ends it, each recorded', async () => {
    const support = await grant()
    const seen: string[] = []
    const result = await world.viewing.streamRecords(support, request, async (page) => {
      seen.push(...page.rows.map((row) => row.recordId))
    })
    assert.deepEqual(result, { served: DEVICES, ended: undefined })
    assert.deepEqual(seen.toSorted(), ids.toSorted())
    assert.equal(await recorded(support.grantId), DEVICES)
  })

  const cutOff = async (
    end: (grantId: string) => Promise<unknown> | void,
    reason: string,
    door = world.viewing,
    support?: Awaited<ReturnType<typeof grant>>,
  ) => {
    const under = support ?? (await grant())
    let endedAt = 0
    const result = await door.streamRecords(
      under,
      request,
      slow(() => {
        endedAt = systemClock.elapsed()
        void end(under.grantId)
      }),
    )
    const took = systemClock.elapsed() - endedAt
    assert.equal(result.ended?.refused, reason)
    assert.ok(took < 1_000, `it went on for ${took} ms`)
    assert.equal(result.served, 3 * PAGE)
    assert.ok((await recorded(under.grantId)) >= result.served, 'something served was not recorded')
  }

  it('P7 stops within a second of its time, though the receiver is slow', () =>
    cutOff(() => clock.advance(3_600_000), 'grant_ended'))

  it('P7 stops within a second of being ended by the customer on another node', async () => {
    const { database } = await world.openSecond()
    await cutOff(
      (grantId) =>
        database.write('acme', (tx) =>
          endGrant(tx, grantId, { actor: 'admin:1', at: clock.now(), reason: 'revoked' }),
        ),
      'grant_ended',
    )
  })

  it('P5 stops within a second of the loss of the role', async () => {
    await cutOff(() => {
      mayAsk = false
      return world.test.database.write('acme', bumpFactsVersion)
    }, 'role_missing')
    mayAsk = true
  })

  it('P5 stops when the node loses its lease', async () => {
    let held = true
    const { viewing } = await world.openSecond({ lease: { held: () => held } })
    await cutOff(
      () => {
        held = false
      },
      'lease_expired',
      viewing,
    )
  })

  it('P7 does not hand over what was read before the end but would come after it', async () => {
    const support = await grant()
    let read = 0
    const { viewing } = await world.openSecond({
      reached: (point) => {
        if (point === 'committed' && ++read === 2) clock.advance(3_600_000)
      },
    })
    let given = 0
    const result = await viewing.streamRecords(support, request, async (page) => {
      given += page.rows.length
    })
    assert.equal(result.ended?.refused, 'grant_ended')
    assert.equal(given, PAGE)
  })

  it('refuses a stream without a grant before its first batch', async () => {
    const { grantId: _, ...support } = await grant()
    const result = await world.viewing.streamRecords(support, request, async () => assert.fail())
    assert.ok(isRefusal(result.ended) && result.ended.refused === 'grant_missing')
  })
})
